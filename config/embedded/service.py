"""A child process that dies with its parent: what PostgreSQL, Valkey and our own processes have in common.

The thread that starts a child must live as long as the child should: the kernel's parent-death signal follows the
*thread* that forked (prctl(2)).
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded before any fork


class ServiceFailed(Exception):
    """An embedded server did not start; the message says why and shows the end of its log."""


def die_with_parent(death_signal: signal.Signals) -> Callable[[], None]:
    """What to run in the child between fork and exec: ask the kernel for `death_signal` at the parent's death."""
    parent = os.getpid()
    number = int(death_signal)

    def arm() -> None:
        if LIBC is not None:
            LIBC.prctl(PR_SET_PDEATHSIG, number)
            if os.getppid() != parent:  # it died before we asked
                os._exit(1)

    return arm


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    death_signal: signal.Signals,
    env: Mapping[str, str] | None = None,
    cwd: Path | str = "/",
    user: int | None = None,
    stdin: str | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start `command` as the leader of its own process group, its output appended to `log`.

    `user` drops from root to that uid and gid and to no further groups. `stdin` is written and closed at once
    (settings that no process list should show). `pass_fds` are open descriptors it shall have too.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        child: subprocess.Popen[bytes] = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=dict(env) if env is not None else None,
            cwd=cwd,
            process_group=0,
            preexec_fn=die_with_parent(death_signal),  # noqa: PLW1509 - one preloaded system call
            pass_fds=pass_fds,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
    if stdin is not None:
        pipe: IO[bytes] | None = child.stdin
        assert pipe is not None
        with pipe:
            pipe.write(stdin.encode())
    return child


def signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal the child's whole process group; a group that is gone is no error."""
    try:
        os.killpg(child.pid, number)
    except (ProcessLookupError, PermissionError):  # macOS answers EPERM for a group of zombies
        child.poll()


def stop_child(child: subprocess.Popen[bytes], polite: signal.Signals, patience_seconds: float) -> None:
    """Ask politely, wait, then insist. Also sweeps what the child left in its group."""
    if child.poll() is None:
        child.send_signal(polite)
        with suppress(subprocess.TimeoutExpired):  # insisted on below
            child.wait(patience_seconds)
    signal_group(child, signal.SIGKILL)
    child.wait()


def tail(log: Path, lines: int = 12) -> str:
    """The end of a log, indented, for an error message."""
    try:
        found = log.read_text(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        found = []
    return "\n".join(f"    {line}" for line in found) or "    (its log is empty)"
