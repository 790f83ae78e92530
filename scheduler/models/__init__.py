"""Triggers, their invocations, and who leads."""

from scheduler.models.invocations import Invocation, InvocationQuerySet
from scheduler.models.leadership import SchedulerState
from scheduler.models.triggers import Trigger, TriggerQuerySet

__all__ = ["Invocation", "InvocationQuerySet", "SchedulerState", "Trigger", "TriggerQuerySet"]
