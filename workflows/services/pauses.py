"""Answering what paused steps ask, once each, and finding what has been decided (W19, W20, W21).

A pause leaves ``open`` by one guarded update: an answer, an expiry, or the end of its run. Whichever comes second
matches nothing. "Too late" is told by the database's clock, and read in the same statement that writes the answer.
Lock order: the run, then its pauses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from workflows.blocks.base import Answer
from workflows.engine.forms import answer_errors
from workflows.errors import PauseAnswered, PauseAnswerInvalid, PauseGone, PauseNotFound
from workflows.models import PausePoint, Run
from workflows.selectors import pauses_with_runs
from workflows.services.waking import run_wake
from workflows.states import TERMINAL, PauseKind, PauseStatus
from workspaces.actors import Actor
from workspaces.services.audit import audit_record
from workspaces.tokens import key_hash

# By the primary key's order, so that two processes that look at the same runs never wait for each other in a ring.
_EXPIRE: Final = """
WITH due AS (
    SELECT id FROM workflows_pausepoint
     WHERE run_id = ANY(%s::uuid[]) AND status = 'open' AND wake_at <= statement_timestamp()
     ORDER BY id FOR NO KEY UPDATE
)
UPDATE workflows_pausepoint p SET status = 'expired', answered_at = statement_timestamp()
  FROM due WHERE p.id = due.id AND p.status = 'open'
"""


@dataclass(frozen=True, slots=True)
class Decided:
    """A pause that is over and has not been taken up by its run yet; ``kind`` is a ``PauseKind``."""

    pause_id: UUID
    run_id: UUID
    step_key: str
    round: int
    kind: str
    answer: Answer


def pause_answer(
    *, pause_id: UUID, data: Any, by: Mapping[str, Any], actor: Actor | None = None
) -> PausePoint:
    """Answer an open pause, once, and wake its run if that is parked; ``by`` is who answered, as it is shown.

    ``data`` of an approval is what ``engine.forms`` describes. Raises ``PauseNotFound``; ``PauseAnswered`` with the
    first answer; ``PauseGone`` when it expired or its run ended; ``PauseAnswerInvalid`` by place.
    """
    pause = PausePoint.objects.filter(pk=pause_id).first()
    if pause is None:
        raise PauseNotFound
    pause_require_open(pause)
    if pause.kind == PauseKind.APPROVAL and (faults := answer_errors(pause.request.get("fields", ()), data)):
        raise PauseAnswerInvalid(errors={place: [fault] for place, fault in faults.items()})
    with transaction.atomic():
        run = Run.objects.select_for_update(no_key=True).filter(pk=pause.run_id).first()
        if run is None or run.status in TERMINAL:
            raise PauseGone
        written = _open(pause_id).update(
            status=PauseStatus.ANSWERED, answer=data, answered_by=dict(by), answered_at=Now()
        )
        pause.refresh_from_db()
        if not written:
            raise _refusal(pause)
        run_wake(run)
        _audit(pause, actor or Actor.system("answer link"))
    return pause


def pause_require_open(pause: PausePoint) -> None:
    """Raise ``PauseAnswered`` or ``PauseGone`` unless an answer would be taken now."""
    if not _open(pause.pk).exists():
        pause.refresh_from_db()
        raise _refusal(pause)


def pauses_decided(run_ids: Sequence[UUID]) -> list[Decided]:
    """What has been decided in these runs and not been taken up yet, oldest first.

    Pauses whose time has come expire first. Two statements, safe from any process; inside a transaction only after
    the runs are locked.
    """
    if not run_ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRE, [list(run_ids)])
    over = PausePoint.objects.filter(
        run_id__in=run_ids, status__in=(PauseStatus.ANSWERED, PauseStatus.EXPIRED), consumed_at=None
    )
    return [_decided(pause) for pause in over.order_by("id")]


def pauses_die(run_ids: Sequence[UUID]) -> int:
    """Close what ended runs still ask, in the transaction that ends them; their links answer 410 from now on (T27)."""
    return PausePoint.objects.filter(run_id__in=run_ids, status=PauseStatus.OPEN).update(
        status=PauseStatus.DEAD
    )


def pause_by_token(token: str) -> PausePoint:
    """The approval that an answer link's secret belongs to, whatever became of it. Raises ``PauseNotFound``."""
    asked = pauses_with_runs().filter(kind=PauseKind.APPROVAL)
    found = asked.filter(token_hash=key_hash(token)).first()
    if found is None:
        raise PauseNotFound("This link leads to no question. Check that it was copied whole.")
    return found


def _open(pause_id: UUID) -> QuerySet[PausePoint]:
    """The pause, if it takes an answer now; nothing otherwise."""
    in_time = Q(wake_at=None) | Q(wake_at__gt=Now())
    return PausePoint.objects.filter(in_time, pk=pause_id, status=PauseStatus.OPEN)


def _refusal(pause: PausePoint) -> PauseAnswered | PauseGone:
    """Why an answer is not taken; a pause that is still ``open`` here is past its time, and about to expire."""
    if pause.status == PauseStatus.ANSWERED:
        at = pause.answered_at
        return PauseAnswered(
            answer=pause.answer, answered_by=pause.answered_by, answered_at=at and at.isoformat()
        )
    if pause.status == PauseStatus.DEAD:
        return PauseGone("The run that asked this has ended. Nothing can be decided any more.")
    return PauseGone("This question has expired. Nothing can be decided any more.")


def _decided(pause: PausePoint) -> Decided:
    assert pause.answered_at is not None
    answer = Answer(
        expired=pause.status == PauseStatus.EXPIRED,
        data=pause.answer,
        by=pause.answered_by,
        at=pause.answered_at,
        asked=pause.request,
    )
    return Decided(pause.pk, pause.run_id, pause.step_key, pause.round, pause.kind, answer)


def _audit(pause: PausePoint, actor: Actor) -> None:
    """What was decided and by whom; what was written into the form stays in the ledger."""
    decision = pause.answer.get("decision") if isinstance(pause.answer, dict) else None
    after = {
        "run": str(pause.run_id),
        "step_key": pause.step_key,
        "decision": decision,
        "by": pause.answered_by,
    }
    audit_record(
        workspace_id=pause.workspace_id, actor=actor, action="pause.answered", target=pause, after=after
    )
