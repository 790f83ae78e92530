"""What `check --deploy` says about an install."""

import os
import subprocess
import sys

import pytest

from config.checks import is_this_machine, redis_is_closed
from config.runtime import BASE_DIR
from tests.unit.config.test_env import PRODUCTION


def check_deploy(**variables: str) -> "subprocess.CompletedProcess[str]":
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RUNSHEET_")}
    return subprocess.run(
        [sys.executable, BASE_DIR / "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        env={**clean, **PRODUCTION, "SECRET_KEY": "aB3$" * 15 + "xyzw!", **variables},
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )


def test_production_settings_are_clean() -> None:
    done = check_deploy(REDIS_URL="rediss://:secret@cache:6379/0")
    assert done.returncode == 0, done.stderr


@pytest.mark.rule("S17")
def test_a_redis_on_the_network_without_a_password_is_an_error() -> None:
    done = check_deploy(REDIS_URL="redis://cache:6379/0")
    assert done.returncode != 0
    assert "runsheet.E001" in done.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_this_machine(host: str) -> None:
    assert is_this_machine(host)


@pytest.mark.parametrize("host", ["10.0.0.1", "cache", "localhost.example.org", "0.0.0.0"])
def test_not_this_machine(host: str) -> None:
    assert not is_this_machine(host)


def test_the_embedded_redis_passes() -> None:
    assert redis_is_closed(None) == []
