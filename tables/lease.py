"""The row lock in Redis (T15, T16, T17): who works on a row right now.

A lock is a key per row, taken with ``SET NX PX`` under an owner token, renewed by the process's heartbeat, and
released by compare-and-delete. It keeps workers out of each other's way; it proves nothing. A lost lock can cost a
second runner, which the guarded writes make harmless (T18), and no Redis means no lock: it fails closed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any, Self
from uuid import UUID, uuid4

import redis
from django.conf import settings

from tables.errors import LocksUnavailable

_RELEASE = """
local freed = 0
for i, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then freed = freed + redis.call('DEL', key) end
end
return freed
"""

_RENEW = """
local kept = 0
for i, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then redis.call('PEXPIRE', key, ARGV[2]); kept = kept + 1 end
end
return kept
"""

KEY_PREFIX = "runsheet:row:"

_held: dict[str, set[UUID]] = {}
_guard = threading.Lock()
_client: redis.Redis | None = None


def client() -> Any:
    """This process's Redis client for locks (a pool, with short timeouts: Redis only hurries)."""
    global _client  # noqa: PLW0603 - one pool per process
    if _client is None:
        _client = redis.Redis.from_url(
            settings.RUNSHEET_LOCKS_URL, socket_timeout=3, socket_connect_timeout=3, health_check_interval=15
        )
    return _client


def key_for(row_id: UUID) -> str:
    """The lock's key for a row."""
    return f"{KEY_PREFIX}{row_id}"


class RowLocks:
    """The locks one task holds, under one owner token. Use as a context manager; leaving releases them."""

    def __init__(self, instance_id: UUID) -> None:
        self.owner = f"{instance_id}:{uuid4()}"
        self.rows: set[UUID] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.release(list(self.rows))

    def take(self, row_ids: Sequence[UUID]) -> list[UUID]:
        """Take what is free, in one pipeline; return the rows now held.

        Raises:
            LocksUnavailable: Redis did not answer; nothing may run on trust (T16).
        """
        life_ms = int(settings.RUNSHEET_ROW_LOCK_SECONDS * 1000)
        try:
            with client().pipeline(transaction=False) as pipe:
                for row_id in row_ids:
                    pipe.set(key_for(row_id), self.owner, nx=True, px=life_ms)
                taken = pipe.execute()
        except redis.RedisError as error:
            raise LocksUnavailable from error
        held = [row_id for row_id, won in zip(row_ids, taken, strict=True) if won]
        self.rows.update(held)
        with _guard:
            _held[self.owner] = set(self.rows)
        return held

    def release(self, row_ids: Iterable[UUID]) -> None:
        """Give rows back. A Redis that is away costs the rest of the locks' lives, nothing else."""
        gone = [row_id for row_id in row_ids if row_id in self.rows]
        self.rows.difference_update(gone)
        with _guard:
            if self.rows:
                _held[self.owner] = set(self.rows)
            else:
                _held.pop(self.owner, None)
        free(gone, self.owner)


def free(row_ids: Sequence[UUID], owner: str) -> None:
    """Compare-and-delete: only locks that still carry ``owner`` are deleted."""
    if not row_ids:
        return
    try:
        client().eval(_RELEASE, len(row_ids), *[key_for(row_id) for row_id in row_ids], owner)
    except redis.RedisError:
        return  # they expire by themselves


def owners(row_ids: Sequence[UUID]) -> dict[UUID, tuple[UUID, str]]:
    """Who holds these rows now: ``{row id: (instance id, owner token)}``; a free row has no entry."""
    if not row_ids:
        return {}
    try:
        found = client().mget([key_for(row_id) for row_id in row_ids])
    except redis.RedisError:
        return {}
    held = {row: owner.decode() for row, owner in zip(row_ids, found, strict=True) if owner is not None}
    return {row: (UUID(owner.partition(":")[0]), owner) for row, owner in held.items()}


def renew_all() -> None:
    """Renew every lock this process holds, in one pipeline; called by the heartbeat."""
    with _guard:
        held = [(owner, list(rows)) for owner, rows in _held.items()]
    if not held:
        return
    life_ms = int(settings.RUNSHEET_ROW_LOCK_SECONDS * 1000)
    with client().pipeline(transaction=False) as pipe:
        for owner, rows in held:
            pipe.eval(_RENEW, len(rows), *[key_for(row_id) for row_id in rows], owner, life_ms)
        pipe.execute()
