"""How each kind of process holds its connections (`performance.md`, measured).

- Web and threads workers: psycopg's pool, given back after every transaction; kept connections under uvicorn's
  per-request threads exhausted PostgreSQL.
- Prefork (`cpu`): one connection per child, kept (`CELERY_DB_REUSE_MAX`), no pool: a pool does not survive a fork.
- Beat: one connection, kept: it asks several times a second, and asks first whether the connection still lives.
- Commands: one plain connection.
"""

from typing import Any

import environ

from config.env import Environment

POOLED = frozenset({"web", "worker", "reserve", "control"})

HURRIED = frozenset({"web", "cli"})
"""Somebody waits for their answer."""

HURRIES_SECONDS = 0.7
"""How long they wait for a Redis that hangs: a run is stored, and an answer takes less than two seconds (F6)."""

GIVES_UP = " ".join(
    f"-c {setting}"
    for setting in (
        "idle_in_transaction_session_timeout=15s",
        "tcp_keepalives_idle=15",
        "tcp_keepalives_interval=5",
        "tcp_keepalives_count=3",
    )
)
"""A process that freezes in the middle of a transaction, or whose host vanishes, holds its locks for seconds.

Its work is then recovered like that of any dead process. PgBouncer has to let it through:
`ignore_startup_parameters = options`.
"""


def database_settings(env: Environment) -> dict[str, Any]:
    """Django's `DATABASES["default"]`; without a URL it points nowhere and the first use says so (`manage.py`)."""
    found: dict[str, Any] = environ.Env.db_url_config(env.database_url or "postgres:///runsheet")
    options: dict[str, Any] = found.get("OPTIONS", {})
    host = options.pop(
        "host", found["HOST"]
    )  # libpq's spelling of a socket folder: postgres://user@/name?host=/run
    if env.database_url is None:
        host = "no-database-configured.invalid"
    options.setdefault("application_name", f"runsheet {env.process}")
    options.setdefault("connect_timeout", 5)
    options.setdefault("prepare_threshold", 1)  # for `workspaces.cursors`; pgbouncer before 1.21 wants none
    if env.process != "cli":  # a person at a prompt may think
        options["options"] = " ".join(filter(None, [options.get("options"), GIVES_UP]))
    if env.process in POOLED:
        options["pool"] = {
            "min_size": 1,
            "max_size": env.db_pool_size,
            "timeout": 10,
            "max_idle": 10,  # one that nobody needs is given up so soon: other processes may be starving (F10)
            "reconnect_timeout": 5,  # its pauses double: after a long outage it would sleep for minutes more (F8, F10)
        }
    return {
        **found,
        "HOST": host,
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 60 if env.process == "beat" else 0,
        "CONN_HEALTH_CHECKS": env.process
        in {"web", "beat"},  # a pool outlives a restart of PostgreSQL; workers retry anyway
        "OPTIONS": options,
    }


def broker_options(env: Environment) -> dict[str, Any]:
    """kombu's transport options. Without socket timeouts publishing blocks for as long as Redis hangs.

    A request or command gives up sooner than a worker: what it failed to publish, the reaper sends (T12).
    """
    if not (env.broker_url or "redis:").startswith("redis"):
        return {}
    return {
        "socket_connect_timeout": HURRIES_SECONDS if env.process in HURRIED else 2,
        "socket_timeout": HURRIES_SECONDS if env.process in HURRIED else 5,
        "socket_keepalive": True,
        "health_check_interval": 30,
        "priority_steps": [0],  # no priorities: one list per queue instead of four to poll
        "queue_order_strategy": "round_robin",  # `interactive` gets its turn beside a full `rows`
    }


def email_settings(env: Environment) -> dict[str, Any]:
    """Django's `EMAIL_…`: a mail server that does not answer holds a block for seconds, not for ever."""
    found: dict[str, Any] = environ.Env.email_url_config(env.email_url)
    return {**found, "EMAIL_TIMEOUT": 10}
