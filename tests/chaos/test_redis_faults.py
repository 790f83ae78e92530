"""Redis that hangs, or wakes up older than it was (F6, F7): PostgreSQL is the truth, and says so meanwhile."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from django.conf import settings

from tables.models import Dispatch
from tests.bed.proxy import to_redis
from tests.bed.services import TestServices
from tests.bed.signals import wait_for
from tests.chaos.site import Site, check_honest, site

__all__ = ["site"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

HANG_SECONDS = 10.0
"""Longer than a row's lock lives in these tests, and than any socket's patience."""

SHORT_LOCKS = {"RUNSHEET_ROW_LOCK_SECONDS": "3"}


@contextmanager
def paused() -> Iterator[None]:
    """Valkey takes commands and answers none, until its pause is over."""
    with redis.Redis.from_url(settings.RUNSHEET_REDIS_URL, socket_timeout=60) as client:
        client.client_pause(int(HANG_SECONDS * 1000), all=True)
        until = time.monotonic() + HANG_SECONDS
        yield
        wait_for(lambda: time.monotonic() > until, "the pause to be over", HANG_SECONDS + 1)


@pytest.mark.rule("F6", "T12", "T16", "T18")
@pytest.mark.selection
@pytest.mark.parametrize("how", ["pause", "blackhole"])
def test_while_redis_hangs_reading_is_quick_and_starting_is_honest(
    site: Site, invariants_hold: Callable[..., None], how: str
) -> None:
    proxy, through = to_redis(settings.RUNSHEET_REDIS_URL)
    with proxy:
        site.start(REDIS_URL=through.format(address=proxy.address), **SHORT_LOCKS)
        member, sheet = site.member, site.sheet(rows=60, milliseconds=100)
        others = [site.sheet(rows=3, milliseconds=0, names=f"other{n}-") for n in range(4)]
        dispatch = site.started(sheet)
        site.half_way(40)
        with held(how, proxy), member.keeps(lambda: member.read(sheet)) as reads:
            asked = [member.run(other) for other in others]
            wait_for(lambda: len(reads) > 20, "pages to be read meanwhile", 20 * site.slowness)
        check_honest(reads, 1.0 * site.slowness)
        assert all(answer.ok for answer in reads)
        check_honest(asked, 2.0 * site.slowness)
        done = site.completes(dispatch)
        site.check_filled(sheet, done, 60, repeated_at_most=0)
        for answer in asked:
            if answer.ok:
                site.completes(answer.body["id"])
        invariants_hold()


@contextmanager
def held(how: str, proxy: Any) -> Iterator[None]:
    """Redis hangs one way or the other."""
    if how == "pause":
        with paused():
            yield
        return
    proxy.hold()
    until = time.monotonic() + HANG_SECONDS
    yield
    wait_for(lambda: time.monotonic() > until, "the hang to last", HANG_SECONDS + 1)
    proxy.release()


@pytest.mark.rule("F7", "T11", "T16")
@pytest.mark.selection
def test_a_redis_that_wakes_up_older_than_it_was_harms_nothing(
    site: Site, services: TestServices, invariants_hold: Callable[..., None]
) -> None:
    if services.valkey is None:
        pytest.skip("Redis is somebody else's, and cannot be set back")
    site.start()
    sheet = site.sheet(rows=100, milliseconds=100)
    dispatch = site.started(sheet)
    site.half_way(60)
    old = services.folder / "older-valkey"
    shutil.copytree(services.valkey.data, old)
    site.half_way(150)
    seen = [Dispatch.objects.values_list("cursor_position", flat=True).get(pk=dispatch)]
    services.valkey.kill()
    services.valkey.wipe()
    old.rename(services.valkey.data)
    services.valkey.start()
    healed = time.monotonic()

    def completed() -> bool:
        status, cursor = Dispatch.objects.values_list("status", "cursor_position").get(pk=dispatch)
        seen.append(cursor)
        return status == "complete"

    wait_for(completed, "the dispatch to complete", 60 * site.slowness)
    assert time.monotonic() - healed < 30 * site.slowness
    assert seen == sorted(seen, key=str), "the cursor went back"
    site.check_filled(sheet, site.completes(dispatch), 100, repeated_at_most=0)
    invariants_hold()
