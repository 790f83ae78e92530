"""The services of one test run: one PostgreSQL for all, one Valkey per xdist worker (pub/sub ignores db numbers).

PostgreSQL starts in the controller and is handed to workers by the environment; each worker gets a database of its
own from pytest-django. A worker starts its own Valkey, so that a test may kill it. Nothing starts when only unit
tests are asked for. `DATABASE_URL` and `REDIS_URL`, when set, are used instead.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from config.embedded import Postgres, Valkey

FOLDER_VARIABLE = "RUNSHEET_VAR"


class TestServices:
    """Starts what is missing, exports the addresses, and leaves nothing behind."""

    __test__ = False

    def __init__(self, config: pytest.Config) -> None:
        """`config` tells controllers, workers and plain runs apart."""
        self.spawns_workers = spawns_workers(config)
        self.folder = Path(tempfile.mkdtemp(prefix="runsheet-tests-"))
        (self.folder / "static").mkdir()  # whitenoise warns about a missing one
        self.folder.chmod(0o755)  # PostgreSQL may run as another user; its data is closed by itself
        self.postgres: Postgres | None = None
        self.valkey: Valkey | None = None

    def start(self) -> None:
        """Bring up what this process is responsible for."""
        os.environ[FOLDER_VARIABLE] = str(self.folder)
        os.environ["RUNSHEET_MODE"] = "test"
        if not os.environ.get("DATABASE_URL"):
            self.postgres = Postgres(
                self.folder / "postgres", log=self.folder / "log" / "postgres.log", durable=False
            )
            self.postgres.start()
            os.environ["DATABASE_URL"] = self.postgres.url()
        if self.spawns_workers:
            if os.environ.get("REDIS_URL"):
                sys.exit(
                    "REDIS_URL is set: run the tests without -n, because workers must not share one Redis."
                )
            return
        if not os.environ.get("REDIS_URL"):
            self.valkey = Valkey(self.folder / "valkey", log=self.folder / "log" / "valkey.log")
            self.valkey.start()
            os.environ["REDIS_URL"] = self.valkey.url

    def stop(self) -> None:
        """End what was started here and remove its data."""
        if self.valkey is not None:
            self.valkey.stop()
        if self.postgres is not None:
            self.postgres.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def spawns_workers(config: pytest.Config) -> bool:
    """Whether this process only deals tests out to others (`-n`)."""
    return not hasattr(config, "workerinput") and bool(config.getoption("numprocesses", None))


def only_unit_tests(config: pytest.Config) -> bool:
    """Whether every path asked for lies under `tests/unit` or `tests/architecture`."""
    free = ("unit", "architecture")
    root = Path(__file__).resolve().parent.parent
    asked = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    return bool(asked) and all(any(path.is_relative_to(root / name) for name in free) for path in asked)
