"""The environment is read as a whole and explained in plain words."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from config.connections import email_settings
from config.env import Environment, EnvironmentInvalid, read_environment
from config.limits import Limits, declared_limits

PRODUCTION = {
    "DATABASE_URL": "postgres://runsheet:secret@db:5432/runsheet",
    "REDIS_URL": "redis://:secret@cache:6379/0",
    "SECRET_KEY": "x" * 60,
    "ALLOWED_HOSTS": "runsheet.example.org, www.example.org",
    "RUNSHEET_SECRET_KEYS": Fernet.generate_key().decode(),
}


def faults(**variables: str) -> list[str]:
    with pytest.raises(EnvironmentInvalid) as raised:
        read_environment({**PRODUCTION, **variables})
    return raised.value.faults


def test_a_database_url_means_production() -> None:
    env = read_environment(PRODUCTION)
    assert env.mode == "production"
    assert env.https
    assert not env.debug
    assert env.allowed_hosts == ("runsheet.example.org", "www.example.org")


def test_every_redis_role_follows_redis_url_unless_named() -> None:
    env = read_environment({**PRODUCTION, "RUNSHEET_BROKER_URL": "amqp://rabbit"})
    assert env.broker_url == "amqp://rabbit"
    assert {env.result_url, env.channels_url, env.locks_url, env.events_url} == {PRODUCTION["REDIS_URL"]}


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, "https://runsheet.example.org"),
        ({"ALLOWED_HOSTS": ".example.org"}, "https://example.org"),
        ({"ALLOWED_HOSTS": "*"}, "http://localhost:8000"),
        ({"RUNSHEET_PUBLIC_URL": "https://sheets.example.org/x/"}, "https://sheets.example.org/x"),
    ],
)
def test_links_begin_with_the_public_url_or_the_first_host(variables: dict[str, str], url: str) -> None:
    assert read_environment({**PRODUCTION, **variables}).public_url == url


def test_mail_goes_to_the_server_named_or_to_the_one_on_this_host(tmp_path: Path) -> None:
    assert read_environment(PRODUCTION).email_url == "smtp://localhost:25"
    assert read_environment({"RUNSHEET_VAR": str(tmp_path)}).email_url == "consolemail://"
    named = read_environment({**PRODUCTION, "EMAIL_URL": "smtp+tls://u:p@mail:587"})
    settings = email_settings(named)
    assert (settings["EMAIL_HOST"], settings["EMAIL_PORT"], settings["EMAIL_USE_TLS"]) == ("mail", 587, True)


def test_a_fresh_checkout_needs_nothing(tmp_path: Path) -> None:
    def read() -> Environment:
        return read_environment({"RUNSHEET_VAR": str(tmp_path)})

    assert read().mode == "development"
    assert not read().has_services
    assert read().secret_key == read().secret_key
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600


def test_all_faults_are_told_at_once() -> None:
    told = faults(
        SECRET_KEY="", REDIS_URL="", ALLOWED_HOSTS="", RUNSHEET_SECRET_KEYS="", RUNSHEET_WINDOW_ROWS="many"
    )
    assert [fault.split()[0] for fault in told] == [
        "SECRET_KEY", "ALLOWED_HOSTS", "RUNSHEET_SECRET_KEYS", "RUNSHEET_WINDOW_ROWS", "REDIS_URL",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("RUNSHEET_WINDOW_ROWS", "0", "a whole number from 1 to 1000 (default 20)"),
        ("RUNSHEET_MODE", "prod", "one of production, development, test"),
        ("RUNSHEET_WINDOW_ROW", "20", "Did you mean RUNSHEET_WINDOW_ROWS?"),
        ("RUNSHEET_HTTP_ALLOW", "10.0.0.5", "must be host:port"),
        ("RUNSHEET_SECRET_KEYS", "short", "key 1 is not a Fernet key"),
        ("RUNSHEET_INSTANCE_DEAD_SECONDS", "4", "at least twice RUNSHEET_HEARTBEAT_SECONDS"),
        ("REDIS_URL", "http://cache", "must look like redis://"),
        ("RUNSHEET_PUBLIC_URL", "runsheet.example.org", "must look like https://"),
        ("EMAIL_URL", "mail.example.org:25", "must look like smtp+tls://"),
        ("DEBUG", "maybe", "write true or false"),
        ("DEBUG", "true", "remove it"),
    ],
)
def test_each_fault_says_how_to_put_it_right(variable: str, value: str, says: str) -> None:
    (fault,) = faults(**{variable: value})
    assert says in fault


def test_a_url_with_a_password_is_never_repeated() -> None:
    assert "hunter2" not in " ".join(faults(DATABASE_URL="mysql://root:hunter2@db/x"))


def test_limits_are_within_their_own_bounds() -> None:
    for entry in declared_limits():
        assert entry.smallest <= entry.default <= entry.largest
        assert entry.default == getattr(Limits(), entry.name)
