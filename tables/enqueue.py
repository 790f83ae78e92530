"""The only place that names Celery tasks of tables. Sending hurries; a send that fails is found by the reaper (T12)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from uuid import UUID

from celery import chord, signature
from celery.canvas import Signature
from django.db import transaction
from django.db.models.functions import Coalesce, Now
from kombu.exceptions import OperationalError
from redis import RedisError

from tables.models import Window

log = logging.getLogger(__name__)

SEND_ERRORS = (OperationalError, RedisError, ConnectionError, TimeoutError, RuntimeError)
"""How Celery says that Redis does not answer; the last is its result backend's way, in the middle of a chord."""


def advance_send(dispatch_id: UUID, window_id: UUID | None = None, token: UUID | None = None) -> None:
    """Wake a dispatcher for this dispatch, after closing that window if one is named."""
    try:
        _advance(dispatch_id, window_id, token).apply_async()
    except SEND_ERRORS:
        log.warning("could not send a dispatcher step; the reaper will", extra={"dispatch": str(dispatch_id)})


def window_send(window: Window, packs: Sequence[Sequence[UUID]]) -> bool:
    """Send a window as one chord: a header task per pack, the lane's next step as body and errback; whether it went.

    The body proves nothing (T11). Call it after the commit that made the window.
    """
    queue = "interactive" if window.interactive else "rows"
    header = [
        signature(
            "tables.run_row", args=[str(window.id), [str(row) for row in pack]], queue=queue, immutable=True
        )
        for pack in packs
    ]
    body = _advance(window.dispatch_id, window.id, window.token)
    body.on_error(_advance(window.dispatch_id, window.id, window.token))
    try:
        _send_chord(header, body)
    except SEND_ERRORS:
        log.warning("could not send a window; the reaper will", extra={"window": str(window.id)})
        Window.objects.filter(id=window.id).update(
            send_failures_since=Coalesce("send_failures_since", Now()), deadline_at=Now()
        )
        return False
    if window.send_failures_since is not None:
        Window.objects.filter(id=window.id).update(send_failures_since=None)
    return True


def _send_chord(header: list[Signature], body: Signature) -> None:
    """A chord of one task is that task with the body as its callback: no counter, no result, a tenth of the cost."""
    if len(header) > 1:
        chord(header)(body)
        return
    (only,) = header
    only.link(body)
    only.link_error(body)
    only.apply_async()


def rows_send(window_id: UUID, row_ids: Sequence[UUID], queue: str = "rows") -> None:
    """Send rows handed over again at once, one message each, beside whatever became of their chord."""
    try:
        for row_id in row_ids:
            args = [str(window_id), [str(row_id)], True]
            signature("tables.run_row", args=args, queue=queue, immutable=True).apply_async()
    except SEND_ERRORS:
        log.warning("could not send recovered rows; the reaper will", extra={"window": str(window_id)})


def _advance(dispatch_id: UUID, window_id: UUID | None, token: UUID | None) -> Signature:
    args = [str(dispatch_id), window_id and str(window_id), token and str(token)]
    return signature("tables.advance_dispatch", args=args, queue="control", immutable=True)


def reap_send() -> None:
    """Ask for a reaper's round now."""
    try:
        signature("tables.reap", queue="control").apply_async()
    except SEND_ERRORS:
        log.warning("could not ask for a reaper's round; beat will")


def import_send(job_id: UUID) -> None:
    """Start an import job after the commit that stored it."""

    def send() -> None:
        try:
            signature("tables.import_rows", args=[str(job_id)], queue="rows", immutable=True).apply_async()
        except SEND_ERRORS:
            log.warning("could not send an import; the reaper will", extra={"job": str(job_id)})

    transaction.on_commit(send)
