"""Do the invariants of `trust.md` hold? Asked of PostgreSQL, and of Redis where it answers (I1 to I5, I7, I9, I10).

Each question is a read-only transaction of its own with a limit on its time, so that this may be asked of a busy
install. What is found is looked for once more a moment later: only what still stands is a violation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Literal
from uuid import UUID

import redis
from django.conf import settings
from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from tables.lease import KEY_PREFIX, client
from tables.models.invariants_sql import CHECKS, ROWS_BOUND, Check
from workflows.models import Run

SHOWN: Final = 20
"""Ids shown of each violation."""

GRACE_SECONDS: Final = 60.0
"""On top of a process's death: recovery is a matter of seconds, and this much is nobody's fault (I1)."""

LOOK_AGAIN_SECONDS: Final = 1.0
TIMEOUT_SECONDS: Final = 30.0

LOCKS_LOOKED_AT: Final = 100_000
QUEUES_OF_WORK: Final = ("rows", "interactive", "cpu")
SPARE_MESSAGES: Final = 200
"""Messages sent again beside their chord, imports, and what else travels in small numbers."""

OUTSIDE: Final = {
    "I6": "needs the client's log of what was acknowledged: tests/chaos",
    "I8": "needs a client's model of the grid: tests/chaos and tests/browser",
    "I11": "needs a counting outside world: tests/chaos",
}
"""Invariants that a database cannot know of, and who holds them."""

Verdict = Literal["holds", "violated", "unknown"]

_further: list[Check] = []
_messages: list[Callable[[], int]] = []


def on_verify(checks: Sequence[Check], messages: Callable[[], int]) -> None:
    """Have questions of an app above asked too (I7), and its messages expected in the queues of work (I10)."""
    _further.extend(check for check in checks if check not in _further)
    if messages not in _messages:
        _messages.append(messages)


@dataclass(frozen=True, slots=True)
class Found:
    """What one look came to: how many, and the first ids of them."""

    count: int
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's answer; ``unknown`` when it took too long or Redis did not answer."""

    invariant: str
    name: str
    says: str
    verdict: Verdict
    violations: int = 0
    ids: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "invariant": self.invariant,
            "name": self.name,
            "says": self.says,
            "verdict": self.verdict,
            "violations": self.violations,
            "ids": list(self.ids),
        }


def invariants_verify(
    *,
    table_id: UUID | None = None,
    grace_seconds: float | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
    look_again_seconds: float = LOOK_AGAIN_SECONDS,
) -> list[Finding]:
    """Every check's finding, in order. With a table, only those about it.

    ``grace_seconds`` is how old something unfinished may be before somebody should have finished it;
    ``timeout_seconds`` bounds each query.
    """
    dead = settings.RUNSHEET_INSTANCE_DEAD_SECONDS
    params: dict[str, Any] = {
        "table": table_id,
        "grace": dead + GRACE_SECONDS if grace_seconds is None else grace_seconds,
        "dead": dead,
        "window_rows": settings.RUNSHEET_WINDOW_ROWS,
    }
    asked: list[tuple[Check, Callable[[], Found | None]]] = [
        (check, lambda check=check: _asked_of_postgres(check, params, timeout_seconds))  # type: ignore[misc]
        for check in (*CHECKS, *_further)
        if table_id is None or not check.of_install
    ]
    if table_id is None:
        asked += [(_LOCKS, _locks_astray), (_QUEUES, lambda: _queues_too_deep(params))]
    return [_judged(check, look, look_again_seconds) for check, look in asked]


def _judged(check: Check, look: Callable[[], Found | None], look_again_seconds: float) -> Finding:
    """One look, and a second one at whatever it found."""
    found = look()
    if found is not None and found.count:
        time.sleep(look_again_seconds)
        found = _still_there(found, look())
    named = (check.invariant, check.name, check.says)
    if found is None:
        return Finding(*named, "unknown")
    return Finding(*named, "violated" if found.count else "holds", found.count, found.ids)


def _still_there(before: Found, now: Found | None) -> Found | None:
    """What both looks found; more than is shown is more than passes by."""
    if now is None or min(before.count, now.count) > SHOWN:
        return now
    ids = tuple(
        found for found in now.ids if found in before.ids or " " in found
    )  # a sentence tells a figure
    return Found(len(ids), ids)


def _asked_of_postgres(check: Check, params: dict[str, Any], timeout_seconds: float) -> Found | None:
    """The ids that break it; ``None`` when the answer took too long."""
    question = f"SELECT count(*) OVER (), v.id FROM ({check.sql}) v ORDER BY v.id LIMIT {SHOWN}"  # noqa: S608
    try:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{timeout_seconds:g}s"])
            cursor.execute(question, params)
            rows = cursor.fetchall()
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            return None
        raise
    return Found(rows[0][0] if rows else 0, tuple(row[1] for row in rows))


# ---- what only Redis knows ----------------------------------------------------------------------------------------

_LOCKS: Final = Check(
    "I9", "locks", "Row locks that outlive their owner, or have no end.", "", of_install=True
)
_QUEUES: Final = Check("I10", "queues", "More messages wait than rows are handed over.", "", of_install=True)


def _locks_astray() -> Found | None:
    """Row locks without an end, or whose owner has been dead for longer than a lock lives."""
    life = settings.RUNSHEET_ROW_LOCK_SECONDS
    try:
        keys = list(islice(client().scan_iter(match=f"{KEY_PREFIX}*", count=1_000), LOCKS_LOOKED_AT))
        held = [entry for chunk in _chunks(keys, 500) for entry in _locks_read(chunk)]
    except redis.RedisError:
        return None
    astray = {key for key, _, left in held if left == -1 or left > life * 1000}
    owners = {key: owner for key, owner, _ in held if owner is not None}
    dead = _dead_longer_than(set(owners.values()), life)
    astray |= {key for key, owner in owners.items() if owner in dead}
    return Found(len(astray), tuple(sorted(astray)[:SHOWN]))


def _locks_read(keys: Sequence[bytes]) -> Iterator[tuple[str, UUID | None, int]]:
    """Each lock that still stands: its row, its owner's instance, and its milliseconds to live (-1: no end)."""
    with client().pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.get(key)
            pipe.pttl(key)
        answers = pipe.execute()
    for key, owner, left in zip(keys, answers[::2], answers[1::2], strict=True):
        if owner is not None:
            yield key.decode().rpartition(":")[2], UUID(owner.decode().partition(":")[0]), left


def _dead_longer_than(owners: set[UUID], seconds: float) -> set[UUID]:
    """Those of the instances that stopped longer ago than that, by the database's clock, or never were."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM workflows_instance WHERE id = ANY(%s) AND"
            " (stopped_at IS NULL OR stopped_at > clock_timestamp() - make_interval(secs => %s))",
            [list(owners), seconds],
        )
        return owners - {row[0] for row in cursor.fetchall()}


def _queues_too_deep(params: dict[str, Any]) -> Found | None:
    """Messages of work against rows handed over – each may be under way twice – and runs that are queued."""
    try:
        with redis.Redis.from_url(settings.CELERY_BROKER_URL or "", socket_timeout=3) as broker:
            waiting = sum(broker.llen(name) for name in QUEUES_OF_WORK)
    except (redis.RedisError, ValueError):
        return None  # away, or another kind of broker
    with connection.cursor() as cursor:
        cursor.execute(ROWS_BOUND, params)
        rows = cursor.fetchone()[0]
    runs = Run.objects.filter(status="queued").exclude(owner_kind="cell").count()
    bound = 2 * rows + runs + sum(count() for count in _messages) + SPARE_MESSAGES
    if waiting <= bound:
        return Found(0, ())
    return Found(1, (f"{waiting} messages, {bound} is the bound",))


def _chunks(items: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
