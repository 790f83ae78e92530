"""Leave to begin, shared by all workers through Redis: one token per beginning, evenly spread (T23).

A bucket's only state is the moment at which the next token is due (GCRA). While cells wait, tokens that nobody came for
in time are handed out late rather than lost, so that the pace is kept. Redis only hurries: when it is away nobody
begins on trust, and what it forgets is counted anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import redis

from tables.engine.group_policy import Rate
from tables.lease import client

UNAVAILABLE_SECONDS: Final = 2.0
"""When Redis is asked again that did not answer."""

LATE_MS: Final = 500
"""Tokens due no longer than this ago are handed out while cells wait."""

_TAKE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local interval, wanted, late = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local due = tonumber(redis.call('GET', KEYS[1]) or '0')
if due < now - late then due = now - late end
local given = 0
while given < wanted and due <= now do
  due = due + interval
  given = given + 1
end
if given > 0 then
  redis.call('SET', KEYS[1], string.format('%.3f', due), 'PX', math.ceil(math.max(due - now, 0)) + 60000)
end
return {given, math.ceil(math.max(due - now, 0))}
"""


@dataclass(frozen=True, slots=True)
class Tokens:
    """How many were given, and in how many seconds the next one is due."""

    given: int
    next_seconds: float


def tokens_take(group_id: UUID, rate: Rate, wanted: int, *, late: bool) -> Tokens:
    """Take up to ``wanted`` tokens of a group's bucket; ``late`` while cells wait for them."""
    arguments: list[Any] = [rate.interval_ms, wanted, LATE_MS if late else 0]
    try:
        given, wait_ms = client().eval(_TAKE, 1, f"runsheet:rate:{group_id}", *arguments)
    except redis.RedisError:
        return Tokens(0, UNAVAILABLE_SECONDS)
    return Tokens(int(given), int(wait_ms) / 1000)


def wake_is_mine(group_id: UUID, seconds: float) -> bool:
    """Whether this process is the one to have the group looked at after so long: one message is enough."""
    try:
        return bool(client().set(f"runsheet:rate:{group_id}:wake", 1, nx=True, px=max(1, int(seconds * 900))))
    except redis.RedisError:
        return False  # nothing can be sent either: the reaper looks
