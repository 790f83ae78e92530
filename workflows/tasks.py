"""Celery's way in: each task loads by id and calls one service."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from workflows.enqueue import EXECUTE_RUN
from workflows.services.running import run_claim_and_execute


@shared_task(name=EXECUTE_RUN, ignore_result=True)
def execute_run(run_id: str) -> None:
    """Claim a queued run and take it to its end; a run somebody else has, or nobody needs, is left alone (W13)."""
    run_claim_and_execute(UUID(run_id))
