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

# A message sent by name alone is one whose result Celery means to wait for: it subscribes to it, never to let go, and
# waits for a hanging Redis three times over. Hence ``ignore_result`` here, beside the setting that workers go by.

log = logging.getLogger(__name__)

SEND_ERRORS = (OperationalError, RedisError, ConnectionError, TimeoutError, RuntimeError)
"""How Celery says that Redis does not answer; the last is its result backend's way, in the middle of a chord."""


def advance_send(dispatch_id: UUID, window_id: UUID | None = None, token: UUID | None = None) -> None:
    """Wake a dispatcher for this dispatch, after closing that window if one is named."""
    try:
        _advance(dispatch_id, window_id, token).apply_async(ignore_result=True)
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


def rows_send(window_id: UUID, row_ids: Sequence[UUID], queue: str | None = None) -> None:
    """Send rows handed over again at once, one message each, beside whatever became of their chord.

    They travel on their window's queue unless another is named: a one-row run keeps its way past a huge one (T9).
    """
    if queue is None:
        is_interactive = Window.objects.filter(id=window_id, interactive=True).exists()
        queue = "interactive" if is_interactive else "rows"
    try:
        for row_id in row_ids:
            args = [str(window_id), [str(row_id)], True]
            task = signature("tables.run_row", args=args, queue=queue, immutable=True)
            task.apply_async(ignore_result=True)
    except SEND_ERRORS:
        log.warning("could not send recovered rows; the reaper will", extra={"window": str(window_id)})


def _advance(dispatch_id: UUID, window_id: UUID | None, token: UUID | None) -> Signature:
    args = [str(dispatch_id), window_id and str(window_id), token and str(token)]
    return signature("tables.advance_dispatch", args=args, queue="control", immutable=True)


def reap_send() -> None:
    """Ask for a reaper's round now."""
    try:
        signature("tables.reap", queue="control").apply_async(ignore_result=True)
    except SEND_ERRORS:
        log.warning("could not ask for a reaper's round; beat will")


def limit_send(table_id: UUID, group_id: UUID, seconds: float) -> None:
    """Have the limits of a workflow group looked at again after ``seconds`` (T23)."""
    args = [str(table_id), str(group_id)]
    try:
        signature("tables.give_places", args=args, queue="control", immutable=True).apply_async(
            countdown=seconds
        )
    except SEND_ERRORS:
        log.warning("could not send for a group's limit; the reaper will", extra={"group": str(group_id)})


def import_send(job_id: UUID) -> None:
    """Start an import job after the commit that stored it."""
    _job_send("tables.import_rows", job_id)


def bulk_send(job_id: UUID) -> None:
    """The same for a bulk update or delete."""
    _job_send("tables.change_rows", job_id)


def _job_send(task: str, job_id: UUID) -> None:
    def send() -> None:
        try:
            message = signature(task, args=[str(job_id)], queue="rows", immutable=True)
            message.apply_async(ignore_result=True)
        except SEND_ERRORS:
            log.warning("could not send a job; the reaper will", extra={"job": str(job_id)})

    transaction.on_commit(send)
