"""The processes of an install, as `Procfile` lists them, and one of them running.

A command may say `${NAME:-default}` and begin with `NAME=value`, as a shell would read it; there is no shell, so a
signal reaches the process itself.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from config.embedded.service import signal_group, spawn, stop_child
from config.runtime import BASE_DIR

ONE_BOX = ("web", "worker", "reserve", "control", "beat")
"""What one machine needs; `worker` serves the queue `cpu` too."""

PLACEHOLDER = re.compile(r"\$\{(\w+):-([^}]*)\}")
ASSIGNMENT = re.compile(r"(\w+)=(.*)")
LOG_BYTES = 10_000_000


def read_procfile(path: Path = BASE_DIR / "Procfile") -> dict[str, str]:
    """Name to command line, in the order they start."""
    lines = (line.strip() for line in path.read_text().splitlines())
    pairs = (line.partition(":") for line in lines if line and not line.startswith("#"))
    return {name.strip(): command.strip() for name, _, command in pairs}


@dataclass(frozen=True)
class Launch:
    """A command line made ready for `exec`."""

    command: list[str]
    env: dict[str, str]


def launch(line: str, env: Mapping[str, str]) -> Launch:
    """Fill the placeholders from `env`, split off leading assignments, find the program in this virtual environment."""
    filled = PLACEHOLDER.sub(lambda found: env.get(found[1]) or found[2], line)
    words = shlex.split(filled)
    assigned: dict[str, str] = {}
    while found := ASSIGNMENT.fullmatch(words[0]):
        assigned[found[1]] = found[2]
        words.pop(0)
    program = Path(sys.executable).parent / words[0]
    return Launch([str(program), *words[1:]], {**env, **assigned})


@dataclass
class AppProcess:
    """One running process of ours, in a process group of its own, its output in `log`.

    `open_socket` is the descriptor of a listening socket for uvicorn, instead of the host and port in its command.
    """

    name: str
    line: str
    env: Mapping[str, str]
    log: Path
    open_socket: int | None = None
    child: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.child is not None and self.child.poll() is None

    def start(self) -> None:
        """Start it unless it runs. The kernel kills it when we die: it keeps nothing that PostgreSQL does not."""
        if self.alive:
            return
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        ready = launch(self.line, self.env)
        env = ready.env
        sockets: tuple[int, ...] = ()
        if self.open_socket is not None:
            env, sockets = {**env, "UVICORN_FD": str(self.open_socket)}, (self.open_socket,)
        self.child = spawn(
            ready.command,
            log=self.log,
            death_signal=signal.SIGKILL,
            env=env,
            cwd=BASE_DIR,
            pass_fds=sockets,
        )

    def ask_to_stop(self) -> None:
        """SIGTERM, without waiting."""
        if self.child is not None and self.child.poll() is None:
            self.child.terminate()

    def stop(self, patience_seconds: float = 10.0) -> None:
        """SIGTERM, wait, then SIGKILL its whole group."""
        if self.child is not None:
            stop_child(self.child, signal.SIGTERM, patience_seconds)

    def kill(self) -> None:
        """SIGKILL its whole group at once, as a fault."""
        if self.child is not None:
            signal_group(self.child, signal.SIGKILL)
            self.child.wait()


def child_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Our own environment with `extra` on top, programs of this virtual environment first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", **extra}
