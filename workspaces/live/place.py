"""Where a topic's log ends, for a page that is sent with what it shows: its socket goes on from there (T33, T35)."""

from __future__ import annotations

import secrets
from typing import cast

from redis import Redis
from redis.exceptions import NoPermissionError

from workspaces.live.log import EPOCH_KEY, OPENING_FIELD, epoch_make, run_of, seq_make
from workspaces.live.publishing import MAX_AGE_SECONDS, publisher


def topic_place(topic: str) -> str | None:
    """The end of the log as a `seq`; `None` when Redis does not answer.

    Ask before what the page shows is read: then nothing falls between the two.
    """
    return publisher().ask(lambda client: _place(client, topic))


def _place(client: Redis, topic: str) -> str:
    client.set(EPOCH_KEY, secrets.token_hex(4), nx=True)
    epoch = epoch_make(cast("bytes", client.get(EPOCH_KEY)).decode(), _run(client))
    newest = cast("list[tuple[bytes, object]]", client.xrevrange(topic, count=1))
    return seq_make(epoch, (newest[0][0] if newest else _opened(client, topic)).decode())


def _run(client: Redis) -> str:
    try:
        return run_of(cast("dict[str, object]", client.info("server")))
    except NoPermissionError:
        return ""


def _opened(client: Redis, topic: str) -> bytes:
    """A log is never left empty while somebody reads it."""
    opened = cast("bytes", client.xadd(topic, {OPENING_FIELD: "1"}))
    client.expire(topic, MAX_AGE_SECONDS)
    return opened
