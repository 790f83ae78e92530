"""Stored facts of the engine: definitions (what may run), runs (what ran) and instances (who runs it)."""

from workflows.models.definitions import Workflow, WorkflowRef, WorkflowVersion
from workflows.models.instances import Instance
from workflows.models.runs import Attempt, Run, Step

__all__ = [
    "Attempt",
    "Instance",
    "Run",
    "Step",
    "Workflow",
    "WorkflowRef",
    "WorkflowVersion",
]
