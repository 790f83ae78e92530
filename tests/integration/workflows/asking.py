"""Runs that are parked on a question, written straight into the ledger."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from tests.integration.workflows.people import started
from workflows.models import PausePoint, Run, Workflow
from workflows.states import PauseKind, PauseStatus, RunStatus
from workspaces.tokens import key_hash, key_make

FIELDS: list[dict[str, Any]] = [
    {
        "name": "amount",
        "label": "How much?",
        "type": "number",
        "required": True,
        "options": [],
        "default": None,
    },
    {
        "name": "team",
        "label": "",
        "type": "select",
        "required": False,
        "options": ["red", "blue"],
        "default": None,
    },
    {
        "name": "urgent",
        "label": "Urgent?",
        "type": "boolean",
        "required": False,
        "options": [],
        "default": None,
    },
]
APPROVAL: dict[str, Any] = {"decision": "approve", "fields": {"amount": 100, "urgent": True}}
BY: dict[str, Any] = {"name": "Ada"}


def parked(workflow: Workflow, status: RunStatus = RunStatus.PAUSED, **changes: Any) -> Run:
    """A run that holds no worker."""
    run = started(workflow)
    Run.objects.filter(pk=run.pk).update(status=RunStatus.RUNNING)
    Run.objects.filter(pk=run.pk).update(**{"status": status, "wake_at": None, **changes})
    run.refresh_from_db()
    return run


def asked(
    run: Run, *, expires_in: float | None = None, token: str | None = None, **changes: Any
) -> PausePoint:
    """An open question of a run; ``expires_in`` seconds from now, a negative number for one whose time has come."""
    request = {
        "message": "Order five?",
        "fields": FIELDS,
        "assignees": [],
        "on_expiry": "fail",
        "default": None,
    }
    given: dict[str, Any] = {
        "step_key": "ask",
        "kind": PauseKind.APPROVAL,
        "request": request,
        "token_hash": key_hash(token or key_make("").plaintext),
        "wake_at": None if expires_in is None else timezone.now() + timedelta(seconds=expires_in),
        **changes,
    }
    return PausePoint.objects.create(run=run, workspace_id=run.workspace_id, **given)


def status_of(pause: PausePoint) -> PauseStatus:
    """As it is now."""
    return PauseStatus(PausePoint.objects.values_list("status", flat=True).get(pk=pause.pk))
