"""A single run from its message to its end: a batch of one, with the ledger as its only sink."""

from __future__ import annotations

from uuid import UUID, uuid4

from django.db import connection, transaction

from workflows.services.executor import execute
from workflows.services.feed import runs_changed
from workflows.services.instances import current_instance
from workflows.services.ledger import LedgerSink, run_claim
from workflows.services.loading import live_runs_load
from workflows.services.patience import patiently
from workflows.states import RunStatus


def run_claim_and_execute(run_id: UUID) -> None:
    """Claim a queued or woken run and execute it; one that somebody has, or that is over, costs one query (W13)."""
    instance_id = current_instance()
    token = uuid4()

    def claim() -> bool:
        with transaction.atomic(), connection.cursor() as cursor:
            return run_claim(cursor, run_id, token, instance_id)

    if patiently(claim):
        runs_changed([run_id], RunStatus.RUNNING.value)
        execute(patiently(lambda: live_runs_load([run_id])), LedgerSink(instance_id))
