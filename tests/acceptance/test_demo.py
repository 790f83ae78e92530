"""`manage.py demo` as people run it: real processes, embedded services of its own, nothing of ours inside."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from config.runtime import BASE_DIR

pytestmark = pytest.mark.slow


class Install:
    """One folder of data, and commands that use it."""

    def __init__(self, var: Path) -> None:
        kept = {
            name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}
        }
        self.env = {**kept, "RUNSHEET_VAR": str(var), "RUNSHEET_MODE": "development", "COLUMNS": "200"}

    def popen(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, BASE_DIR / "manage.py", *arguments],
            env=self.env,
            cwd=BASE_DIR,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        """The exit code, and all it said."""
        with self.popen(*arguments) as process:
            said = process.communicate(timeout=180)[0]
            return process.returncode, said

    @contextmanager
    def serving(self) -> Iterator[tuple["subprocess.Popen[str]", list[str]]]:
        """The demo once it serves, and the lines it said until then."""
        with self.popen("demo") as process:
            try:
                assert process.stdout is not None
                lines: list[str] = []
                while not lines or lines[-1] != "Ctrl-C stops it.":
                    line = process.stdout.readline()
                    assert line, "\n".join(lines)
                    lines.append(line.rstrip())
                yield process, lines
            finally:
                process.kill()


@pytest.fixture(scope="module")
def install(tmp_path_factory: pytest.TempPathFactory) -> Install:
    return Install(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def first(install: Install) -> tuple[int, str]:
    """`make demo EXIT=1` on an empty folder."""
    return install.run("demo", "--exit")


@pytest.mark.rule("T7", "T8", "T13", "T38")
def test_every_cell_of_the_first_run_is_right(first: tuple[int, str]) -> None:
    code, said = first
    assert code == 0, said
    assert "are right" in said
    assert (
        "Failed: psycopg-binary · Import health: ImportError: the psycopg package should be imported" in said
    )
    assert "cells skipped: their condition is false" in said


@pytest.mark.rule("W19", "W20", "W33", "T32")
def test_the_tickets_are_answered_and_two_are_decided_by_people(first: tuple[int, str]) -> None:
    _, said = first
    assert "Answer ticket          10       0        2        0" in said
    assert "2 cells wait for your approval: in the grid, at http://127.0.0.1:" in said
    assert "Asked: Refund $249.95 for order A-10431 to maria.lopez@example.com?" in said
    assert "2 cells checked against what was decided, once over REST and once by link: all are right." in said


def test_it_goes_on_with_what_is_there_serves_and_leaves_nothing_behind(
    install: Install, first: tuple[int, str]
) -> None:
    """One start holds several looks: each start takes seconds."""
    with install.serving() as (demo, lines):
        said = "\n".join(lines)
        assert "Imported" not in said
        assert said.count("cells skipped: completed before") == 2
        assert "12 cells skipped: completed before" in said
        sign_in(install, said)
        commands_find_it(install)
        family = psutil.Process(demo.pid).children(recursive=True)
        assert {"postgres", "valkey-server"} <= {child.name() for child in family}
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(60) == 0
        assert not psutil.wait_procs(family, timeout=0)[1]


def sign_in(install: Install, said: str) -> None:
    """The address printed answers, and the password printed is the one kept."""
    address = next(line for line in said.splitlines() if line.startswith("Runsheet is at "))
    with urllib.request.urlopen(f"{address.split()[3].rstrip('.')}/readyz", timeout=10) as answer:
        assert answer.status == 200
    password = Path(install.env["RUNSHEET_VAR"], "demo_password")
    assert password.stat().st_mode & 0o777 == 0o600
    assert address.endswith(f"Sign in as demo, password {password.read_text()}.")


def commands_find_it(install: Install) -> None:
    """`doctor` is content; `run_table` says by its exit code that cells failed; the nightly trigger is there once."""
    code, said = install.run("doctor", "--json")
    findings: dict[str, Any] = {found["name"]: found for found in json.loads(said)["findings"]}
    assert code == 0, said
    assert {"database", "redis", "migrations", "queue rows", "queue control"} <= set(findings)
    assert findings["queue rows"]["words"].startswith("Served by 1 process")
    code, said = install.run("run_table", "Installed packages", "--group", "Import health", "--json")
    progress = json.loads(said.splitlines()[-1])["progress"]
    assert code == 1
    assert progress["failed"] == progress["rows_handed_over"] >= 2
    code, said = install.run("run_table", "Installed packages", "--group", "Measure", "--mode", "all")
    assert code == 0, said
    assert "0 failed" in said
    triggers = json.loads(install.run("export_triggers")[1])["triggers"]
    assert [trigger["name"] for trigger in triggers] == ["Installed packages, nightly"]
    assert install.run("run_table", "No such table")[1].startswith(
        "CommandError: There is no table “No such table”."
    )
