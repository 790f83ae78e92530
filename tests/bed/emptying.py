"""Emptying the database after a test that commits, in a tenth of the time that Django's flush takes.

Django truncates every table and makes content types, permissions and beat's entries anew, after each such test. Here
only what holds rows is emptied, by DELETE with triggers and foreign keys out of the way, and what the migrations and
``post_migrate`` have made stays. A database user who may not do that gets Django's flush.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from django.apps import apps
from django.db import OperationalError, connection, transaction
from django.test import TransactionTestCase
from psycopg import sql

from scheduler.fixed_entries import put_back_missing

STAYS = {"django_content_type", "auth_permission", "django_migrations"}
"""Tables that are left alone; whoever keeps processes from test to test adds what these must not lose."""

BEAT = "django_celery_beat_"
VACUUM_ROWS = 1_000
"""A table that loses so many rows is cleared of them at once: plans of later tests shall not meet their remains."""


def empty_quickly() -> None:
    """From now on tests that commit are followed by this instead of a flush. Call it while the database is new."""
    if not _may_skip_triggers():
        return
    beat_as_made = _beat_entries()

    def teardown(self: Any) -> None:
        is_as_made = _beat_entries() == beat_as_made
        _empty(_holding_rows(but_beat=is_as_made))
        if not is_as_made:
            put_back_missing(using=connection.alias)

    TransactionTestCase._fixture_teardown = teardown  # type: ignore[attr-defined]


def _empty(tables: list[str]) -> None:
    """A process that is kept may be at work in another order: then once more."""
    for tries_left in reversed(range(5)):
        try:
            large = _delete(tables)
            break
        except OperationalError:
            if not tries_left:
                raise
    with connection.cursor() as cursor:
        for table in large:
            cursor.execute(sql.SQL("VACUUM {}").format(sql.Identifier(table)))


def _delete(tables: list[str]) -> list[str]:
    """Empty them; those that held much."""
    large = []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table in tables:
            cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
            if cursor.rowcount >= VACUUM_ROWS:
                large.append(table)
    return large


def _holding_rows(*, but_beat: bool) -> list[str]:
    looks = sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(table, sql.Identifier(table))
        for table in _tables()
        if table not in STAYS and not (but_beat and table.startswith(BEAT))
    )
    with connection.cursor() as cursor:
        cursor.execute(looks)
        return [found[0] for found in cursor.fetchall()]


@cache
def _tables() -> list[str]:
    """Every table of the installed models that tests may fill."""
    known = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    with connection.cursor() as cursor:
        there = set(connection.introspection.table_names(cursor))
    return sorted((known | {"django_session"}) & there)


def _may_skip_triggers() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        found = cursor.fetchone()
    return bool(found and found[0])


def _beat_entries() -> set[tuple[Any, ...]]:
    """What makes an entry another one; not when it was sent last."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, task, interval_id, queue, enabled, expire_seconds, description"
            "  FROM django_celery_beat_periodictask"
        )
        return set(cursor.fetchall())
