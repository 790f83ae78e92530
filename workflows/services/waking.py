"""Taking parked runs up again: when their time has come, and when somebody answered (W19, W21).

PostgreSQL holds the time (``Run.wake_at``); a message or an owner is only told to look. Nothing here says that a run
goes on: its claim does, and finds out what was decided.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from workflows.enqueue import run_send
from workflows.models import PausePoint, Run
from workflows.services.owners import owner_wake
from workflows.states import PARKED, PauseStatus

log = logging.getLogger(__name__)

AGAIN_AFTER: Final = timedelta(seconds=30)
"""A run that was sent, and that nobody took, is sent again after this."""

MISSED_AFTER: Final = timedelta(seconds=5)
"""An answer that nobody has taken up for this long has lost its wake-up: a process died right after its commit."""

Parked = tuple[str, UUID, UUID | None]
"""Owner kind, run id and owner id of a run to be woken."""


def run_wake(run: Run) -> None:
    """Have a run that is parked taken up once this transaction has committed; any other is left as it is.

    Call it with the run's row locked. An active run finds its answers by itself. The owner is told after the commit,
    in a transaction of its own: what it locks comes before the run in the lock order. Should the process die in
    between, ``runs_wake`` finds the run due.
    """
    if run.status not in PARKED:
        return
    Run.objects.filter(pk=run.pk).update(wake_at=Now())
    transaction.on_commit(partial(runs_hand_over, [(run.owner_kind, run.pk, run.owner_id)]), robust=True)


def runs_wake(limit: int = 200) -> int:
    """Wake every parked run whose time has come, or whose answer nobody took up, ``limit`` at a time; how many.

    A run's ``wake_at`` moves on, so that it is not sent at every tick; its claim clears it. Runs somebody else has
    locked are skipped. Stops when the broker does not answer.
    """
    woken = 0
    _answers_missed(limit)
    while due := _due(limit):
        woken += len(due)
        if not runs_hand_over(due) or len(due) < limit:
            break
    return woken


def _answers_missed(limit: int) -> None:
    """Make runs due that are parked beside an answer: a sub-run tells its parent only after its own commit."""
    untaken = PausePoint.objects.filter(
        status__in=(PauseStatus.ANSWERED, PauseStatus.EXPIRED),
        consumed_at=None,
        answered_at__lte=Now() - MISSED_AFTER,
    )
    later = Q(wake_at=None) | Q(wake_at__gt=Now() + AGAIN_AFTER)
    with transaction.atomic():
        parked = Run.objects.select_for_update(skip_locked=True, no_key=True).filter(later, status__in=PARKED)
        missed = list(parked.filter(pk__in=untaken.values("run_id")).values_list("pk", flat=True)[:limit])
        if missed:
            Run.objects.filter(pk__in=missed).update(wake_at=Now())


def _due(limit: int) -> list[Parked]:
    with transaction.atomic():
        parked = Run.objects.select_for_update(skip_locked=True, no_key=True).filter(
            wake_at__lte=Now(), status__in=PARKED
        )
        due = list(parked.order_by("wake_at").values_list("owner_kind", "pk", "owner_id")[:limit])
        Run.objects.filter(pk__in=[run_id for _, run_id, _ in due]).update(wake_at=Now() + AGAIN_AFTER)
    return due


def runs_hand_over(runs: Sequence[Parked]) -> bool:
    """Tell workers and owners to look at parked runs that are due; ``False`` when the broker does not answer."""
    owned: dict[str, list[tuple[UUID, UUID]]] = {}
    for kind, run_id, owner_id in runs:
        if owner_id is not None and owner_wake(kind) is not None:
            owned.setdefault(kind, []).append((run_id, owner_id))
            continue
        try:
            run_send(run_id)
        except OperationalError:
            log.warning("could not send a run that is due; it will be sent again", extra={"run": str(run_id)})
            return False
    for kind, pairs in owned.items():
        _owner_tell(kind, pairs)
    return True


def _owner_tell(kind: str, pairs: Sequence[tuple[UUID, UUID]]) -> None:
    """One owner's failure must not keep the timers of all others from firing; its runs come round again."""
    wake = owner_wake(kind)
    assert wake is not None
    try:
        with transaction.atomic():
            wake(pairs)
    except Exception:
        log.exception("could not wake runs", extra={"owner_kind": kind, "runs": len(pairs)})
