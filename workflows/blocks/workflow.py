"""`workflow`: another workflow as one block, run by a run of its own."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import Field, StringConstraints

from workflows.blocks.base import (
    Answer,
    Block,
    BlockConfig,
    BlockContext,
    BlockFailed,
    BlockPause,
    BlockResult,
    Example,
)
from workflows.blocks.registry import register
from workflows.engine.fields import Template
from workflows.engine.types import Effect, ErrorClass
from workflows.states import PauseKind


class WorkflowConfig(BlockConfig):
    """``workflow`` is a name or an id; ``ref`` says which version of it; ``input`` is what its run starts with."""

    workflow: Annotated[str, StringConstraints(min_length=1, max_length=200), Template()]
    ref: Annotated[str, StringConstraints(min_length=1, max_length=256)] = "live"
    input: Annotated[dict[str, Any], Template()] = Field(default_factory=dict)


@register
class WorkflowBlock(Block[WorkflowConfig]):
    """Runs another workflow of the workspace and goes on with its result.

    The sub-run is a run like any other: it has a page, can be cancelled, resumed and rerun. This run waits for it
    without a worker. When the sub-run fails this block fails; resuming this run then resumes the sub-run. Runs nest 10
    deep.
    """

    name = "workflow"
    title = "Workflow"
    config_model = WorkflowConfig
    effect_class = Effect.REPEATABLE
    output_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "properties": {"run": {"type": "string"}, "result": {}},
        "required": ["run", "result"],
    }
    example = Example(
        config={"workflow": "score-company", "input": {"domain": "{{ input.domain }}"}},
        input={"domain": "example.org"},
        answer={"run": "a-run", "status": "completed", "result": {"score": 7}},
        output={"run": "a-run", "result": {"score": 7}},
    )

    def run(self, context: BlockContext, config: WorkflowConfig) -> BlockPause:
        """Ask for the sub-run; it is born with the record of this wait."""
        return BlockPause(
            PauseKind.RUN,
            request={"workflow": config.workflow, "ref": config.ref, "input": config.input},
        )

    def wake(self, context: BlockContext, config: WorkflowConfig, answer: Answer) -> BlockResult:
        """The sub-run has ended: its result is ours, and so is its failure."""
        ended = answer.data
        if ended["status"] == "completed":
            cost = ended.get("cost")
            return BlockResult(
                {"run": ended["run"], "result": ended["result"]}, cost=None if cost is None else Decimal(cost)
            )
        error = ended.get("error") or {}
        message = f"The sub-run {ended['status']}: {error.get('message', 'no more is known')}"
        raise BlockFailed.because(
            ErrorClass.UPSTREAM,
            "subrun_failed",
            message[:2000],
            detail={"run": ended["run"], "error": error},
        )
