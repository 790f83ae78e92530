"""What one checkout keeps under `var/`: its generated key, its logs, its embedded data, and who is running now.

Shared by the supervisor (which writes) and `config/env.py` (which reads), so it imports nothing of either.
Whether services run is decided by an advisory file lock, not by a pid: the kernel drops the lock when its holder
dies however it dies, so a stale file can never be taken for a living supervisor.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent


class AlreadyRunning(Exception):
    """Another supervisor of this checkout is running."""


@dataclass(frozen=True)
class Services:
    """Where the running embedded services answer."""

    database_url: str
    redis_url: str
    supervisor_pid: int


def var_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of everything generated: `RUNSHEET_VAR`, or `var/` in the checkout."""
    return Path(environ.get("RUNSHEET_VAR") or BASE_DIR / "var").resolve()


def write_private(path: Path, text: str) -> None:
    """Replace `path` at once with a file only its owner can read (it may hold passwords)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as out:
        out.write(text)
    draft.replace(path)


@contextmanager
def supervisor_lock(var: Path) -> Iterator[None]:
    """Hold the one supervisor seat of this checkout; raises `AlreadyRunning` when it is taken."""
    var.mkdir(parents=True, exist_ok=True)
    with (var / "supervisor.lock").open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                f"Runsheet already runs from {var}. Stop it first (Ctrl-C in its terminal), or set RUNSHEET_VAR "
                "to another folder to run a second one beside it."
            ) from None
        try:
            yield
        finally:
            (var / "services.json").unlink(missing_ok=True)


def announce(var: Path, services: Services) -> None:
    """Tell other commands of this checkout where the services are. Call it while holding the lock."""
    write_private(var / "services.json", json.dumps(asdict(services), indent=1))


def running_services(var: Path) -> Services | None:
    """The services another process of this checkout keeps running, or None."""
    try:
        with (var / "supervisor.lock").open("r") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        try:
            return Services(**json.loads((var / "services.json").read_text()))
        except FileNotFoundError:  # the seat is taken, the services are not up yet
            return None
    return None


def secret_key_of_checkout(var: Path) -> str:
    """A random key made once for this checkout, so that development needs no set-up and sessions survive restarts."""
    path = var / "secret_key"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(50))
    return path.read_text().strip()
