"""Stored facts of the engine: definitions (what may run), runs (what ran) and instances (who runs it)."""

from workflows.models.cache import CacheEntry
from workflows.models.definitions import Workflow, WorkflowRef, WorkflowVersion
from workflows.models.hooks import Hook, HookDelivery
from workflows.models.instances import Instance
from workflows.models.pauses import Blob, PausePoint
from workflows.models.runs import Attempt, Run, Step

__all__ = [
    "Attempt",
    "Blob",
    "CacheEntry",
    "Hook",
    "HookDelivery",
    "Instance",
    "PausePoint",
    "Run",
    "Step",
    "Workflow",
    "WorkflowRef",
    "WorkflowVersion",
]
