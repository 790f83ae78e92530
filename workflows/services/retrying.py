"""Failed runs that their owner's policy takes up again (T23): what a resume does, in the commit that would end them.

The caller has parked them in this very transaction, as waiting for a back-off. Here their failed steps are put back and
the next epoch begins, so that every block has a fresh budget; finished steps are kept (W22). What may have happened
without anybody knowing is never sent again by itself: such steps stay as they are, and a person is asked (W15).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django.db.backends.utils import CursorWrapper

from workflows.engine.reopening import reopened
from workflows.engine.scopes import block_of
from workflows.engine.types import Effect
from workflows.engine.version import CompiledVersion
from workflows.models import PausePoint, Run, Step
from workflows.models import ledger_sql as sql
from workflows.services.jsonb import to_json
from workflows.services.loading import step_record, steps_load
from workflows.services.resuming import steps_reopen
from workflows.services.versions import compiled_version
from workflows.states import PauseKind, StepStatus
from workspaces.actors import Actor

BY: Final = "retry policy"
"""Who took the run up again, as its history tells."""

Back = list[tuple[UUID, str, StepStatus]]


def runs_retry(cursor: CursorWrapper, errors: Mapping[UUID, Mapping[str, Any]]) -> None:
    """Reopen these runs, which are parked under this transaction's locks; ``errors`` is what each has failed with."""
    cursor.execute(sql.RETRY_RUNS, [BY, list(errors), [to_json(error) for error in errors.values()]])
    versions: dict[UUID, UUID] = dict(cursor.fetchall())
    nested = set(
        PausePoint.objects.filter(
            run_id__in=list(versions), kind=PauseKind.RUN, child_id__isnull=False
        ).values_list("run_id", flat=True)
    )
    steps: dict[UUID, list[Step]] = defaultdict(list)
    for step in steps_load(list(versions)):
        steps[step.run_id].append(step)
    back: Back = []
    for run_id, version_id in versions.items():
        version = compiled_version(version_id)
        kept = _unknown(version, steps[run_id])
        if run_id in nested:
            steps_reopen(Run.objects.get(pk=run_id), Actor.system(BY), "", keep=kept)
        else:
            back += _reset(run_id, version, steps[run_id], kept)
    if back:
        cursor.execute(sql.RESET_STEPS, [list(column) for column in zip(*back, strict=True)])


def _reset(run_id: UUID, version: CompiledVersion, steps: Sequence[Step], kept: frozenset[str]) -> Back:
    """What becomes of the steps that are put back: containers are open again, all others pending."""
    opened = {step.step_key for step in steps if step.opening is not None}
    taken = reopened(version, [step_record(step) for step in steps]) - kept
    return [
        (run_id, key, StepStatus.RUNNING if key in opened else StepStatus.PENDING) for key in sorted(taken)
    ]


def _unknown(version: CompiledVersion, steps: Sequence[Step]) -> frozenset[str]:
    """Steps of which nobody knows whether they had their effect."""
    return frozenset(
        step.step_key
        for step in steps
        if step.status == StepStatus.UNKNOWN
        or (step.status == StepStatus.RUNNING and _is_unsafe(version, step.step_key))
    )


def _is_unsafe(version: CompiledVersion, key: str) -> bool:
    block = version.blocks.get(block_of(key))
    return block is not None and block.effect is Effect.UNSAFE
