"""PostgreSQL and Valkey as our own children: data kept, deaths survived, run by whom it may."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.embedded import Postgres, ServiceFailed, Valkey
from config.embedded import identity as identities
from config.embedded.leftovers import processes_in
from config.embedded.postgres import installed_binaries
from config.runtime import BASE_DIR

as_root = pytest.mark.skipif(os.getuid() != 0, reason="needs root")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that `nobody` may enter, when we are root."""
    for above in (tmp_path, *tmp_path.parents):
        if above != Path(tempfile.gettempdir()) and above.is_relative_to(tempfile.gettempdir()):
            above.chmod(0o755)
    return tmp_path


@pytest.fixture
def postgres(folder: Path) -> Iterator[Postgres]:
    server = Postgres(folder / "postgres", log=folder / "postgres.log")
    yield server
    server.stop()


@pytest.fixture
def valkey(folder: Path) -> Iterator[Valkey]:
    server = Valkey(folder / "valkey", log=folder / "valkey.log")
    yield server
    server.stop()


def remember(server: Postgres, text: str) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (word text)")
        connection.execute("INSERT INTO kept VALUES (%s)", [text])


def recall(server: Postgres) -> list[str]:
    with psycopg.connect(server.url()) as connection:
        return [word for (word,) in connection.execute("SELECT word FROM kept ORDER BY word")]


def test_postgres_keeps_data_over_a_stop(postgres: Postgres) -> None:
    postgres.start()
    remember(postgres, "before")
    postgres.stop()
    postgres.start()
    assert recall(postgres) == ["before"]


def test_postgres_keeps_committed_data_over_kill_9(postgres: Postgres) -> None:
    postgres.start()
    with psycopg.connect(postgres.url()):  # a backend that has to notice by itself
        remember(postgres, "before")
        postgres.kill()
        postgres.start()
    assert recall(postgres) == ["before"]


def test_postgres_ignores_a_pid_file_whose_number_is_now_somebody_else(postgres: Postgres) -> None:
    postgres.start()
    remember(postgres, "before")
    data = postgres.wanted_data
    postgres.stop()
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n")
    postgres.start()
    assert recall(postgres) == ["before"]


def test_postgres_listens_on_no_network_and_closes_its_socket_folder(postgres: Postgres) -> None:
    postgres.start()
    assert postgres.child is not None
    assert postgres.sockets is not None
    assert not psutil.Process(postgres.child.pid).net_connections("inet")
    assert postgres.sockets.stat().st_mode & 0o777 == 0o700


def test_postgres_that_cannot_start_says_why(folder: Path) -> None:
    (folder / "postgres").mkdir(mode=0o700)
    (folder / "postgres" / "PG_VERSION").write_text("12\n")
    with pytest.raises(ServiceFailed, match="did not start; its log ends"):
        Postgres(folder / "postgres", log=folder / "postgres.log").start()


def test_valkey_keeps_data_address_and_password_over_kill_9(valkey: Valkey) -> None:
    valkey.start()
    address = valkey.url
    with redis.Redis.from_url(address) as client:
        client.set("kept", "yes")
        client.config_set("appendfsync", "always")
        client.set("kept", "yes")
    valkey.kill()
    valkey.start()
    assert valkey.url == address
    with redis.Redis.from_url(address) as client:
        assert client.get("kept") == b"yes"


def test_valkey_wiped_is_empty(valkey: Valkey) -> None:
    valkey.start()
    with redis.Redis.from_url(valkey.url) as client:
        client.set("gone", "yes")
    valkey.kill()
    valkey.wipe()
    valkey.start()
    with redis.Redis.from_url(valkey.url) as client:
        assert client.dbsize() == 0


def test_valkey_wants_a_password_that_no_process_list_shows(valkey: Valkey) -> None:
    valkey.start()
    assert valkey.child is not None
    assert valkey.password not in " ".join(psutil.Process(valkey.child.pid).cmdline())
    stranger = redis.Redis(port=valkey.port or 0, retry=Retry(NoBackoff(), 0))
    with stranger as client, pytest.raises(redis.AuthenticationError):
        client.ping()


STARTER = """
import sys, time
from pathlib import Path
from config.embedded import Postgres, Valkey
folder = Path(sys.argv[1])
servers = Postgres(folder / "postgres", log=folder / "p.log"), Valkey(folder / "valkey", log=folder / "v.log")
for server in servers:
    server.start()
    print(server.child.pid, flush=True)
time.sleep(600)
"""


def test_kill_9_of_the_starter_leaves_no_server_and_the_next_start_works(
    folder: Path, postgres: Postgres
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, folder], cwd=BASE_DIR, stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        servers = [psutil.Process(int(starter.stdout.readline())) for _ in range(2)]
        starter.send_signal(signal.SIGKILL)
    postgres.start()  # at once, while the old one is still leaving
    remember(postgres, "after")
    _, alive = psutil.wait_procs(servers, timeout=10)
    assert not [server for server in alive if server.status() != psutil.STATUS_ZOMBIE]
    assert processes_in(postgres.wanted_data)


@as_root
def test_root_never_runs_postgres_as_root(postgres: Postgres) -> None:
    postgres.start()
    assert postgres.child is not None
    assert psutil.Process(postgres.child.pid).uids().effective != 0


@as_root
@pytest.mark.parametrize("refused", [(), ("_dropped",)], ids=["namespace", "moved out"])
def test_root_below_a_closed_folder(
    refused: tuple[str, ...], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once as found, once with user namespaces refused, where data moves to a folder of its own."""
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    if refused:
        monkeypatch.setattr(identities, "NAMESPACE", ("false",))
    server = Postgres(closed / "postgres", log=folder / "postgres.log")
    chosen = identities.choose_identity(installed_binaries(), closed / "postgres")
    try:
        server.start()
        remember(server, "inside")
        server.kill()
        server.start()
        assert recall(server) == ["inside"]
    finally:
        server.stop()
        _remove_if_moved(chosen.data, closed)


def _remove_if_moved(data: Path, closed: Path) -> None:
    if not data.is_relative_to(closed):
        shutil.rmtree(data.parent)


@as_root
def test_data_changes_hands_when_the_folder_is_closed_later(folder: Path) -> None:
    parent = folder / "parent"
    parent.mkdir(mode=0o755)
    server = Postgres(parent / "postgres", log=folder / "postgres.log")
    for mode in (0o755, 0o700, 0o755):
        parent.chmod(mode)
        server.start()
        server.stop()
