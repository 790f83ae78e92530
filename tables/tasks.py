"""Celery tasks of tables: each loads by id and calls one service."""

from __future__ import annotations

import logging
from uuid import UUID

from celery import shared_task
from celery.signals import worker_ready

from tables.enqueue import reap_send
from tables.services.cascade import rows_run
from tables.services.dispatcher import dispatch_advance
from tables.services.group_limits import group_look
from tables.services.reaping import reap
from tables.tasks_imports import change_rows, import_rows

__all__ = ["advance_dispatch", "change_rows", "give_places", "import_rows", "reap_abandoned", "run_row"]

log = logging.getLogger(__name__)


@shared_task(name="tables.run_row")
def run_row(window: str, rows: list[str], redriven: bool = False) -> None:  # noqa: FBT001, FBT002 - travels as a positional argument
    """Run the cascades of a pack of rows. Never raises: a header that fails would stop its chord (`trust.md`)."""
    try:
        rows_run(UUID(window), [UUID(row) for row in rows], redriven=redriven)
    except Exception:
        log.exception("a row task broke off; the reaper takes over", extra={"window": window})


@shared_task(name="tables.advance_dispatch")
def advance_dispatch(dispatch: str, window: str | None = None, token: str | None = None) -> None:
    """One dispatcher step; the body of every window's chord."""
    dispatch_advance(UUID(dispatch), UUID(window) if window else None, UUID(token) if token else None)


@shared_task(name="tables.give_places")
def give_places(table: str, group: str) -> None:
    """Give what is free under a workflow group's limits to the cells that wait (T23)."""
    group_look(UUID(table), UUID(group))


@shared_task(name="tables.reap")
def reap_abandoned() -> None:
    """One round of the reaper."""
    reap()


def reap_at_start(**_: object) -> None:
    """A worker that comes up may be the successor of one that died: look at once, not at beat's next tick."""
    reap_send()


worker_ready.connect(reap_at_start)
