"""A cursor for the statements of the hot path: prepared once per connection, bound by the server (`performance.md`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper


@contextmanager
def prepared_cursor() -> Iterator[CursorWrapper]:
    """Django's connection, its transaction and its query log, over a cursor whose statements are prepared.

    Django's own cursors bind on the client, so that PostgreSQL parses and plans each statement anew: half a
    millisecond for the larger ones of the hot path. Parameters must say their types (``%s::uuid[]``).
    """
    connection.ensure_connection()
    with psycopg.Cursor(connection.connection) as raw, _wrapped(raw) as cursor:
        yield cursor


def _wrapped(raw: psycopg.Cursor[Any]) -> CursorWrapper:
    """Django's wrapper, with its query log when that is on (``connection.cursor()`` ends in the same call)."""
    found: CursorWrapper = connection._prepare_cursor(raw)  # type: ignore[attr-defined]
    return found
