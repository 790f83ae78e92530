"""How each process holds its connections."""

from typing import Any

import pytest

from config.connections import broker_options, database_settings
from config.env import read_environment
from tests.unit.config.test_env import PRODUCTION


def database(url: str = PRODUCTION["DATABASE_URL"], process: str = "cli") -> dict[str, Any]:
    return database_settings(
        read_environment({**PRODUCTION, "DATABASE_URL": url, "RUNSHEET_PROCESS": process})
    )


@pytest.mark.parametrize("process", ["web", "worker", "reserve", "control"])
def test_threads_share_a_pool_and_keep_nothing(process: str) -> None:
    settings = database(process=process)
    assert settings["OPTIONS"]["pool"]["max_size"] == 8
    assert settings["CONN_MAX_AGE"] == 0


@pytest.mark.parametrize("process", ["cpu", "beat", "cli"])
def test_what_forks_or_is_alone_has_no_pool(process: str) -> None:
    assert "pool" not in database(process=process)["OPTIONS"]


@pytest.mark.parametrize(
    "url",
    [
        "postgres://me@/name?host=/run/sockets",
        "postgres://me@/name?host=%2Frun%2Fsockets",
        "postgres://me@//run/sockets/name",
    ],
)
def test_socket_folders_in_each_spelling(url: str) -> None:
    settings = database(url)
    assert (settings["HOST"], settings["NAME"], settings["USER"]) == ("/run/sockets", "name", "me")


def test_options_of_the_url_reach_the_driver() -> None:
    assert database("postgres://me@db/name?sslmode=verify-full")["OPTIONS"]["sslmode"] == "verify-full"


def test_rabbitmq_gets_no_redis_options() -> None:
    assert broker_options(read_environment({**PRODUCTION, "RUNSHEET_BROKER_URL": "amqp://rabbit"})) == {}
