"""What expressions see under ``blocks.<key>`` once a step has finished (W5)."""

from __future__ import annotations

from typing import Any

from workflows.engine.expressions import SKIPPED
from workflows.engine.routing import error_of
from workflows.engine.types import StepRecord, StepStatus


def block_value(record: StepRecord) -> Any:
    """A completed step is its output; a failed one ``{"error": {class, code, message, …}}``, so that a block behind
    its error edge can tell what happened; a skipped one is null, and so is everything under it.
    """
    if record.status is StepStatus.COMPLETED:
        return record.output
    if record.status is StepStatus.SKIPPED:
        return SKIPPED
    return {"error": error_of(record).as_json()}
