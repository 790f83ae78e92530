"""Everything of one install, supervised: `manage.py dev`, `demo` and the tests' `stack` fixture stand on it.

    with Stack(var) as stack:
        print(stack.url)

Entering starts, in order, what no URL was given for (PostgreSQL, Valkey), the migrations, then the processes of
`Procfile`. The web process gets its port as a socket that is already open: nobody can take the port between the choice
and the start, and a request that comes while web is restarted waits instead of being refused.

A thread restarts what dies: at once the first time, then after 0.5, 1, 2 … 10 seconds while it keeps dying young.
Leaving asks all processes to stop, waits a bounded time, insists, and ends the services last. If the supervisor itself
is killed the kernel ends its children, so nothing is ever orphaned.
"""

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from config.embedded import Postgres, ServiceFailed, Valkey
from config.embedded.service import tail
from config.processes import ONE_BOX, AppProcess, child_environment, read_procfile
from config.runtime import BASE_DIR, Services, announce, supervisor_lock

WATCH_SECONDS = 0.1
GROWN_UP_SECONDS = 10.0
LONGEST_BACKOFF_SECONDS = 10.0
USUAL_PORT = 8000
BACKLOG = 1024
QUIET = {"PYTHONWARNINGS": "ignore:You're running the worker with superuser:UserWarning"}
"""Celery's advice to name another user is for servers; on one's own machine it is noise at every start."""

CHECKED = {"CELERY_SKIP_CHECKS": "1"}
"""`migrate` has made Django's checks once for all: each worker would load every view to make them again."""


class Supervised(Protocol):
    """What the supervisor keeps alive."""

    @property
    def child(self) -> subprocess.Popen[bytes] | None:
        """Its process, once started."""

    @property
    def name(self) -> str:
        """Its name in `Procfile`, or of the service."""

    @property
    def alive(self) -> bool:
        """Whether it runs."""

    def start(self) -> None:
        """Start it unless it runs."""

    def stop(self, patience_seconds: float = ...) -> None:
        """Ask, wait, insist."""

    def kill(self) -> None:
        """SIGKILL."""


@dataclass
class Watched:
    """A child and how it has fared: `wanted` is whether it should run."""

    child: Supervised
    wanted: bool = True
    born: float = 0.0
    early_deaths: int = 0
    restart_at: float | None = None

    def note_death(self, now: float) -> None:
        """Plan the next start: immediately after a long life, later and later after short ones."""
        self.early_deaths = 0 if now - self.born > GROWN_UP_SECONDS else self.early_deaths + 1
        wait = 0.0 if self.early_deaths <= 1 else 0.5 * 2 ** (self.early_deaths - 2)
        self.restart_at = now + min(wait, LONGEST_BACKOFF_SECONDS)


class Stack:
    """One install. `env` overrides the environment of its processes; URLs in it replace the embedded services.

    `processes` are names of the Procfile; `worker@2` is a second one of `worker`.
    """

    def __init__(
        self,
        var: Path,
        *,
        processes: Sequence[str] = ONE_BOX,
        env: Mapping[str, str] | None = None,
        host: str = "127.0.0.1",
        port: int | None = None,
        migrate: bool = True,
        report: Callable[[str], object] = str,
    ) -> None:
        """`port=None` takes 8000 if it is free, else any; known once entered. `report` is told what people should
        know, line by line; by default nobody is.
        """
        self.var = var
        self.processes = tuple(processes)
        self.host = host
        self.port = port
        self.migrate = migrate
        self.report = report
        self.env = child_environment(
            {
                **QUIET,
                **CHECKED,
                "WORKER_QUEUES": "rows,interactive,cpu",
                "HOST": host,
                **(env or {}),
            }
        )
        self.env["RUNSHEET_VAR"] = str(var)
        self._watched: dict[str, Watched] = {}
        self._lock = threading.RLock()
        self._leaving = threading.Event()
        self._held = ExitStack()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    @property
    def url(self) -> str:
        """The address of the web process."""
        return f"http://{'127.0.0.1' if self.host == '0.0.0.0' else self.host}:{self.port}"  # noqa: S104 - read only

    def __enter__(self) -> Self:
        """Start everything; on any failure stop what was started and raise."""
        self._held.enter_context(supervisor_lock(self.var))
        try:
            listener = self._held.enter_context(listen(self.host, self.port))
            self.port = listener.getsockname()[1]
            self.env["PORT"] = str(self.port)
            self.env.setdefault("RUNSHEET_PUBLIC_URL", self.url)  # links in mails lead here
            self._start_services()
            if self.migrate:
                self.prepare()
            lines = read_procfile()
            for name in self.processes:
                line, env = _line_of(name, lines, self.env)
                open_socket = listener.fileno() if name == "web" else None
                self._add(AppProcess(name, line, env, self.log(name), open_socket))
            self._thread.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything, services last. A second Ctrl-C meanwhile ends the waiting."""
        self._leaving.set()
        if self._thread.is_alive():
            self._thread.join()
        children = [watched.child for watched in self._watched.values()]
        try:
            for child in children:
                if isinstance(child, AppProcess):
                    child.ask_to_stop()
            for child in reversed(children):
                child.stop()
        except KeyboardInterrupt:
            for child in reversed(children):
                child.stop(0.0)
        finally:
            self._watched.clear()
            self._held.close()

    # --- what tests and the demo do with it --------------------------------------------------------------------

    def log(self, name: str) -> Path:
        """Where that process writes."""
        return self.var / "log" / f"{name}.log"

    def pid(self, name: str) -> int | None:
        """The process id of a running process of ours or of a service, else None."""
        child = self._watched[name].child
        return child.child.pid if child.alive and child.child else None

    def names(self) -> tuple[str, ...]:
        """Everything it looks after, services included."""
        return tuple(self._watched)

    def alive(self, name: str) -> bool:
        """Whether it runs at this moment."""
        return self._watched[name].child.alive

    def kill(self, name: str, *, stay_down: bool = False) -> None:
        """SIGKILL its process group. It is restarted, unless it shall `stay_down` until `start(name)`."""
        with self._lock:
            self._watched[name].wanted = not stay_down
            self._watched[name].child.kill()

    def stop(self, name: str, patience_seconds: float = 10.0) -> None:
        """Ask it to stop politely; it stays down until `start(name)`."""
        with self._lock:
            self._watched[name].wanted = False
            self._watched[name].child.stop(patience_seconds)

    def start(self, name: str) -> None:
        """Start what was stopped or killed. The calling thread must outlive the process (`embedded/service.py`)."""
        with self._lock:
            watched = self._watched[name]
            watched.child.start()
            watched.wanted, watched.born, watched.restart_at = True, time.monotonic(), None

    def restart(self, name: str) -> None:
        """Stop politely, then start."""
        self.stop(name)
        self.start(name)

    def manage(self, *arguments: str) -> str:
        """Run a `manage.py` command against this install and return what it printed; raises `ServiceFailed`."""
        done = subprocess.run(
            [sys.executable, BASE_DIR / "manage.py", *arguments],
            env=self.env,
            cwd=BASE_DIR,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise ServiceFailed(f"`manage.py {' '.join(arguments)}` failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def wait_until_ready(self, timeout: float = 60.0) -> None:
        """Return when the web process answers with database and Redis reachable; raises `ServiceFailed`."""
        deadline = time.monotonic() + timeout
        while not _answers(f"{self.url}/readyz"):
            if time.monotonic() > deadline:
                raise ServiceFailed(
                    f"The web process is not ready after {timeout:g} s:\n{tail(self.log('web'))}"
                )
            time.sleep(0.05)

    def prepare(self) -> None:
        """Bring the database's schema up to date. Called once, when the services run and no process does yet."""
        self.manage("migrate", "--noinput", "--verbosity=0")

    # --- inside ------------------------------------------------------------------------------------------------

    def _start_services(self) -> None:
        if not self.env.get("DATABASE_URL"):
            postgres = Postgres(self.var / "postgres", log=self.log("postgres"))
            self._add(postgres)
            self.env["DATABASE_URL"] = postgres.url()
            self.env.setdefault("RUNSHEET_MODE", "development")
        if not self.env.get("REDIS_URL"):
            valkey = Valkey(self.var / "valkey", log=self.log("valkey"))
            self._add(valkey)
            self.env["REDIS_URL"] = valkey.url
        announce(
            self.var,
            Services(self.env["DATABASE_URL"], self.env["REDIS_URL"], os.getpid()),
        )

    def _add(self, child: Supervised) -> None:
        watched = Watched(child)
        self._watched[child.name] = watched  # first: a start that fails half-way is stopped too
        child.start()
        watched.born = time.monotonic()

    def _watch(self) -> None:
        while not self._leaving.wait(WATCH_SECONDS):
            for watched in list(self._watched.values()):
                with self._lock:
                    self._look_after(watched, time.monotonic())

    def _look_after(self, watched: Watched, now: float) -> None:
        if not watched.wanted or watched.child.alive:
            return
        name = watched.child.name
        if watched.restart_at is None:
            watched.note_death(now)
            self.report(f"{name} died; starting it again (its log: {self.log(name)})")
        elif now >= watched.restart_at:
            watched.restart_at = None
            watched.born = now
            try:
                watched.child.start()
            except ServiceFailed as error:  # noted as a death at the next look
                self.report(str(error))


def _line_of(name: str, lines: Mapping[str, str], env: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
    """The Procfile's line and environment of a process; ``worker@2`` is a further one of ``worker``."""
    kind, _, instance = name.partition("@")
    return lines[kind], {**env, "INSTANCE": instance} if instance else env


def listen(host: str, port: int | None) -> socket.socket:
    """An open port: the one asked for, else the usual one, else any. Raises `ServiceFailed` when there is none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    refusal = ""
    for wanted in [port] if port else [USUAL_PORT, 0]:
        try:
            return _at_once(socket.create_server((host, wanted), family=family, backlog=BACKLOG))
        except OSError as error:
            refusal = f"Cannot listen on {host}, port {wanted or 'any'}: {os.strerror(error.errno or 0)}."
    raise ServiceFailed(f"{refusal} Choose another --host or --port.")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - our own address
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _at_once(listener: socket.socket) -> socket.socket:
    """Have what its connections say sent at once, which they inherit.

    Uvicorn takes a socket it was given for a Unix one and leaves it as it is: an answer in two pieces, its head and its
    body, would then wait 40 ms for the client's kernel to acknowledge the first.
    """
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
    return listener
