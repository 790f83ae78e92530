"""Runs that lost their worker, or whose message was lost: claimable again (W14). Cells' runs follow their cells."""

from __future__ import annotations

from django.db.models import F
from django.db.models.functions import Now

from workflows.models import Run
from workflows.services.runs import runs_resend
from workflows.states import RunStatus

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
    dead = Run.objects.filter(status=RunStatus.RUNNING, owner_kind="", instance__stopped_at__isnull=False)
    dead.filter(recovery_count__gte=MAX_RECOVERIES - 1).update(
        status=RunStatus.FAILED, error=WORKER_LOST, lease_token=None, instance=None, finished_at=Now()
    )
    dead.update(
        status=RunStatus.QUEUED,
        lease_token=None,
        instance=None,
        wake_at=None,
        recovery_count=F("recovery_count") + 1,
    )
    runs_resend(queued_for_seconds=MESSAGE_PATIENCE_SECONDS)
