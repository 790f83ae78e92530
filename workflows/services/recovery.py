"""Runs that lost their worker, or whose message was lost: claimable again (W14). Cells' runs follow their cells."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from workflows.enqueue import run_enqueue
from workflows.models import Run
from workflows.services.ledger import runs_fail
from workflows.services.owners import CELL
from workflows.services.runs import runs_resend
from workflows.states import RunStatus
from workspaces.cursors import prepared_cursor

MESSAGE_PATIENCE_SECONDS = 15.0
"""A run queued for longer than this may have lost its message; sending it twice is harmless."""

MAX_RECOVERIES = 3
"""A run that lost its worker this many times fails: it is probably what kills them."""

WORKER_LOST = {
    "class": "internal",
    "code": "worker_lost",
    "message": "The worker was lost three times while this run was under way. It may be what brings workers down.",
}


def runs_recover() -> None:
    """Return the runs of dead instances to the queue, and send queued runs that nobody took."""
    dead = Run.objects.filter(status=RunStatus.RUNNING, instance__stopped_at__isnull=False).exclude(
        owner_kind=CELL
    )
    with transaction.atomic(), prepared_cursor() as cursor:
        given_up = dead.filter(recovery_count__gte=MAX_RECOVERIES - 1).select_for_update(
            no_key=True, of=("self",), skip_locked=True
        )
        runs_fail(cursor, list(given_up.values_list("pk", flat=True)), WORKER_LOST)
        locked = dead.select_for_update(no_key=True, of=("self",), skip_locked=True)
        recovered = list(locked.values_list("pk", flat=True))
        Run.objects.filter(pk__in=recovered).update(
            status=RunStatus.QUEUED,
            lease_token=None,
            instance=None,
            wake_at=None,
            recovery_count=F("recovery_count") + 1,
        )
        for run_id in recovered:
            run_enqueue(run_id)
    runs_resend(queued_for_seconds=MESSAGE_PATIENCE_SECONDS)
