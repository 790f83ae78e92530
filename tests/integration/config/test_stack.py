"""The supervisor with real processes."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from config.celery import app
from config.embedded.valkey import free_port
from config.runtime import BASE_DIR, AlreadyRunning, running_services
from config.supervisor import Stack
from tests.bed.processes import StartStack
from tests.bed.services import TestServices
from tests.bed.signals import Signals

pytestmark = pytest.mark.slow


def status(url: str) -> int:
    with urllib.request.urlopen(url, timeout=5) as response:
        return int(response.status)


def test_web_answers_and_is_restarted_when_killed(start_stack: StartStack, signals: Signals) -> None:
    stack = start_stack("web")
    assert status(f"{stack.url}/readyz") == 200
    first = stack.pid("web")
    stack.kill("web")
    signals(lambda: stack.pid("web") not in {None, first}, "web to be started again")
    stack.wait_until_ready()


def test_what_shall_stay_down_stays_down_until_started(start_stack: StartStack, signals: Signals) -> None:
    stack = start_stack("web", "beat")
    stack.kill("beat", stay_down=True)
    stack.kill("web")
    signals(lambda: stack.alive("web"), "the supervisor to have looked at every process")
    assert not stack.alive("beat")
    stack.start("beat")
    assert stack.alive("beat")


def test_leaving_ends_every_process(start_stack: StartStack) -> None:
    stack = start_stack()
    pids = [stack.pid(name) for name in stack.processes]
    stack.__exit__(None, None, None)
    assert not [pid for pid in pids if pid and psutil.pid_exists(pid)]


def test_one_supervisor_per_checkout(start_stack: StartStack) -> None:
    stack = start_stack("web")
    found = running_services(stack.var)
    assert found is not None
    assert found.supervisor_pid == os.getpid()
    with pytest.raises(AlreadyRunning, match="already runs"), Stack(stack.var, migrate=False):
        pass


@pytest.fixture
def dev(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """`manage.py dev` with embedded services of its own, as a process that a test may kill."""
    env = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    with subprocess.Popen(
        [sys.executable, BASE_DIR / "manage.py", "dev", "--only", "web"],
        env={**env, "RUNSHEET_VAR": str(tmp_path), "RUNSHEET_MODE": "development"},
        cwd=BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def wait_for_address(dev: "subprocess.Popen[str]") -> str:
    assert dev.stdout is not None
    line = dev.stdout.readline()
    assert line.startswith("Runsheet is at http://127.0.0.1:"), line
    return line


def test_kill_9_of_dev_leaves_no_orphan(dev: "subprocess.Popen[str]") -> None:
    wait_for_address(dev)
    family = psutil.Process(dev.pid).children(recursive=True)
    assert {"postgres", "valkey-server"} <= {child.name() for child in family}
    dev.kill()
    dev.wait()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert not [child for child in alive if child.status() != psutil.STATUS_ZOMBIE]


def test_other_commands_find_the_services_of_dev_and_ctrl_c_ends_all(
    dev: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    wait_for_address(dev)
    env = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    done = subprocess.run(
        [sys.executable, BASE_DIR / "manage.py", "showmigrations", "scheduler"],
        env={**env, "RUNSHEET_VAR": str(tmp_path), "RUNSHEET_MODE": "development"},
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "[X] 0001_fixed_periodic_entries" in done.stdout
    family = psutil.Process(dev.pid).children(recursive=True)
    dev.send_signal(signal.SIGINT)
    assert dev.wait(30) == 0
    assert not psutil.wait_procs(family, timeout=0)[1]


def test_without_services_a_command_says_what_to_do(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    done = subprocess.run(
        [sys.executable, BASE_DIR / "manage.py", "showmigrations"],
        env={**env, "RUNSHEET_VAR": str(tmp_path), "RUNSHEET_MODE": "development"},
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("There is no database to speak to.")


def test_servers_killed_under_a_running_install_are_brought_back(services: TestServices) -> None:
    """Both at once; web recovers by itself, without being restarted."""
    var = services.folder / "own-services"
    with Stack(
        var, processes=("web",), port=free_port(), env={"DATABASE_URL": "", "REDIS_URL": ""}
    ) as install:
        install.wait_until_ready()
        web = install.pid("web")
        install.kill("postgres")
        install.kill("valkey")
        install.wait_until_ready()
        assert install.pid("web") == web


@pytest.mark.rule("S16")
def test_a_worker_refuses_a_pickle_and_lives(
    start_stack: StartStack, signals: Signals, tmp_path: Path
) -> None:
    trace = tmp_path / "was-here"
    stack = start_stack("worker")
    with app.connection_for_write() as connection:
        producer = connection.Producer(serializer="pickle")
        producer.publish(
            Touch(trace), routing_key="rows", exchange="", headers={"task": "tables.run_row", "id": "1"}
        )
    signals(lambda: "pickle" in stack.log("worker").read_text(), "the worker to refuse the message", 30)
    assert not trace.exists()
    assert stack.alive("worker")


class Touch:
    """Unpickling this would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)
