"""Celery's way in: each task loads by id and calls one service."""

from __future__ import annotations

from uuid import UUID

from celery import Task, shared_task
from celery.signals import worker_ready
from django.utils import timezone

from scheduler.enqueue import PRUNE, RECOMPUTE, RUN_INVOCATION, SWEEP, TICK, sweep_send, tick_send
from scheduler.services.firing import tick
from scheduler.services.recomputing import slots_recompute
from scheduler.services.retention import invocations_prune
from scheduler.services.running import invocation_run
from scheduler.services.sweeping import sweep


@shared_task(name=TICK, ignore_result=True)
def tick_due(epoch: int | None = None) -> None:
    """Fire what is due; a message of an older epoch ends at once."""
    tick(epoch=epoch)


@shared_task(name=SWEEP, ignore_result=True)
def sweep_lost() -> None:
    """Find what a dead process or a forgetful broker left behind."""
    sweep()


@shared_task(name=RUN_INVOCATION, ignore_result=True, bind=True)
def run_invocation(self: Task, *invocation_ids: str) -> None:
    """Start what invocations are for; one that somebody else has, or nobody needs, is left alone."""
    for invocation_id in invocation_ids:
        invocation_run(UUID(invocation_id), self.request.id or "")


@shared_task(name=PRUNE, ignore_result=True)
def prune() -> None:
    """Forget old invocations."""
    invocations_prune(timezone.now())


@shared_task(name=RECOMPUTE, ignore_result=True)
def recompute() -> None:
    """Move the slots that a new time zone law has moved."""
    slots_recompute(apply=True)


def look_at_start(**_: object) -> None:
    """What fell due while no worker was up is looked at now, not at beat's next tick."""
    tick_send()
    sweep_send()


worker_ready.connect(look_at_start)
