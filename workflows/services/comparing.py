"""Two runs side by side (W30): which of their steps differ, and one step in full."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from workflows.engine.run_diff import StepDiff, diff_steps
from workflows.errors import StepNotFound
from workflows.models import Attempt, Step
from workflows.services.blobs import blob_values

_COMPARED: Final = ("status", "handle", "input_hash", "fingerprint")


def steps_differing(before: UUID, after: UUID) -> list[dict[str, Any]]:
    """Every step of either run, in the later one's order: its status in both, and whether it surely differs.

    Outputs are not read: a step counts as differing when its status, its way out, its input or its definition does.
    """
    left, right = (
        {
            step.step_key: step
            for step in Step.objects.filter(run_id=run).defer("output", "error").order_by("seq")
        }
        for run in (before, after)
    )
    return [
        {
            "step_key": key,
            "before": left[key].status if key in left else None,
            "after": right[key].status if key in right else None,
            "differs": key not in left
            or key not in right
            or any(getattr(left[key], name) != getattr(right[key], name) for name in _COMPARED),
        }
        for key in dict.fromkeys([*right, *left])
    ]


def step_diff(before: UUID, after: UUID, step_key: str) -> StepDiff:
    """What is different about a step. Raises ``StepNotFound`` when neither run has it."""
    left, right = _shown(before, step_key), _shown(after, step_key)
    if left is None and right is None:
        raise StepNotFound
    return diff_steps(left, right)


def _shown(run_id: UUID, step_key: str) -> dict[str, Any] | None:
    """A step as it is compared. A pure step that succeeded has no attempt, and so no input to show."""
    step = Step.objects.filter(run_id=run_id, step_key=step_key).first()
    if step is None:
        return None
    shown: dict[str, Any] = {"status": step.status, "handle": step.handle, "error": step.error}
    shown["output"] = blob_values([step.blob_id]).get(step.blob_id) if step.blob_id else step.output
    if step.started_at and step.finished_at:
        shown["duration_seconds"] = (step.finished_at - step.started_at).total_seconds()
    last = Attempt.objects.filter(run_id=run_id, step_key=step_key).order_by("-id").first()
    return shown if last is None else {**shown, "input": last.input}
