"""Telling upwards how a dispatch ended, in the transaction that ends it: what a trigger started, its invocation awaits.

A dispatch names the trigger it works for (``trigger_id``) and knows nothing of it. An app above registers, when it
starts, who wants to know; dispatches that people start are told to nobody. Lock order: the teller holds the dispatch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tables.models import Dispatch
from tables.states import DispatchStatus


@dataclass(frozen=True, slots=True)
class DispatchEnded:
    """A trigger's dispatch that has just ended: its terminal ``status`` and its account of cells (T13).

    ``paused`` cells may still go on; they do not hold a dispatch open. ``error`` is a failed one's ``{code, message}``.
    """

    dispatch_id: UUID
    trigger_id: UUID
    idempotency_key: str | None
    status: DispatchStatus
    completed: int
    failed: int
    cancelled: int
    paused: int
    error: Any


DispatchTold = Callable[[DispatchEnded], object]
"""Takes in how a dispatch ended, in the transaction that ends it; what it raises undoes the end."""

_told: list[DispatchTold] = []


def on_dispatch_ended(told: DispatchTold) -> None:
    """Have ``told(DispatchEnded)`` called when a trigger's dispatch ends; registered once, when the app starts."""
    if told not in _told:
        _told.append(told)


def dispatch_ended_tell(dispatch: Dispatch, status: DispatchStatus) -> None:
    """Tell that this dispatch, whose row the caller has locked and whose counters are up to date, ended so."""
    if dispatch.trigger_id is None:
        return
    ended = dispatch_ended(dispatch, status)
    for told in _told:
        told(ended)


def dispatch_ended(dispatch: Dispatch, status: DispatchStatus) -> DispatchEnded:
    """A trigger's dispatch as it is told of."""
    assert dispatch.trigger_id is not None, "only what a trigger started is told of"
    return DispatchEnded(
        dispatch_id=dispatch.id,
        trigger_id=dispatch.trigger_id,
        idempotency_key=dispatch.idempotency_key,
        status=status,
        completed=dispatch.completed,
        failed=dispatch.failed,
        cancelled=dispatch.cancelled,
        paused=dispatch.paused,
        error=dispatch.error,
    )
