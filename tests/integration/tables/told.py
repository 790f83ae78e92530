"""What a table's log says."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from redis import Redis

from tables import events
from tests.bed.factories import Sheet


def told(sheet: Sheet, kind: str = "cell") -> list[dict[str, Any]]:
    """The events of one kind that were appended so far, in order."""
    redis = Redis.from_url(settings.RUNSHEET_EVENTS_URL)
    entries = redis.xrange(events.stream_key(sheet.table.id))
    found = [event for _, fields in entries for event in json.loads(fields.get(b"e", b"[]"))]
    return [event for event in found if event["kind"] == kind]


def told_until(sheet: Sheet, text: str) -> None:
    """Read the log until it says so; what blocks are writing is told by a thread of its own."""
    redis = Redis.from_url(settings.RUNSHEET_EVENTS_URL)
    last: Any = "0"
    while True:
        found: Any = redis.xread({events.stream_key(sheet.table.id): last}, block=10_000)
        assert found, f"nobody told {text}"
        for entry, fields in found[0][1]:
            last = entry
            if text.encode() in fields[b"e"]:
                return
