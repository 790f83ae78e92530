"""The only place that names this app's Celery tasks. Messages are wake-ups: what they mean stands in PostgreSQL."""

from __future__ import annotations

import logging
from functools import partial
from typing import Final
from uuid import UUID

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)

EXECUTE_RUN: Final = "workflows.execute_run"
WAKE: Final = "workflows.wake"
PRUNE: Final = "workflows.prune"


def run_enqueue(run_id: UUID) -> None:
    """Have a worker look at a queued run once this transaction has committed.

    A broker that does not answer is logged, not raised: the run is stored, and ``runs_resend`` wakes it later.
    """
    transaction.on_commit(partial(run_send, run_id), robust=True)


def run_send(run_id: UUID) -> None:
    """Send the wake-up now. Raises ``kombu.exceptions.OperationalError`` when the broker does not answer."""
    current_app.send_task(EXECUTE_RUN, args=[str(run_id)], ignore_result=True)


def wake_send() -> None:
    """Ask for a look at the parked runs that are due."""
    try:
        current_app.send_task(WAKE, queue="control", ignore_result=True)
    except OperationalError:
        log.warning("could not ask for due runs to be woken; beat will")
