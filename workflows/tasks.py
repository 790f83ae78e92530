"""Celery's way in: each task loads by id and calls one service."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from celery.signals import worker_ready
from django.utils import timezone

from workflows.enqueue import EXECUTE_RUN, PRUNE, WAKE, wake_send
from workflows.services.hooks import hook_deliveries_prune
from workflows.services.retention import blobs_prune, runs_prune
from workflows.services.running import run_claim_and_execute
from workflows.services.waking import runs_wake


@shared_task(name=EXECUTE_RUN, ignore_result=True)
def execute_run(run_id: str) -> None:
    """Claim a queued run and take it to its end; a run somebody else has, or nobody needs, is left alone (W13)."""
    run_claim_and_execute(UUID(run_id))


@shared_task(name=WAKE, ignore_result=True)
def wake_due() -> None:
    """Wake the parked runs whose time has come (W21)."""
    runs_wake()


@shared_task(name=PRUNE, ignore_result=True)
def prune() -> None:
    """Forget old runs, the blobs of theirs that no step names any more (W31), and what hooks were sent long ago."""
    now = timezone.now()
    runs_prune(now)
    blobs_prune(now)
    hook_deliveries_prune(now)


def wake_at_start(**_: object) -> None:
    """What fell due while no worker was up is looked at now, not at beat's next tick."""
    wake_send()


worker_ready.connect(wake_at_start)
