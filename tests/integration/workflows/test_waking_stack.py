"""The whole way with real processes: beat ticks, PostgreSQL tells who is due, a worker goes on (W21)."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from tests.bed.processes import StartStack
from tests.bed.signals import Signals
from tests.integration.workflows.people import ACTOR, workspace_of
from workflows.models import PausePoint, Run
from workflows.services.definitions import publish, workflow_create
from workflows.services.runs import run_start
from workflows.services.versions import version_for_ref
from workspaces.tokens import key_hash

pytestmark = [pytest.mark.slow, pytest.mark.rule("W19", "W20", "W21")]

DEFINITION: dict[str, Any] = {
    "blocks": [
        {"key": "start", "type": "start", "config": {}},
        {"key": "wait", "type": "wait", "config": {"seconds": 6}},
        {"key": "ask", "type": "approval", "config": {"message": "Go on?"}},
        {"key": "end", "type": "respond", "config": {"value": "{{ blocks.ask.by.name }}"}},
    ],
    "edges": [
        {"from": "start", "to": "wait"},
        {"from": "wait", "to": "ask"},
        {"from": "ask", "handle": "approved", "to": "end"},
    ],
}


def test_a_timer_fires_and_a_link_is_answered(start_stack: StartStack, signals: Signals) -> None:
    workspace = workspace_of("ada")
    workflow = workflow_create(workspace=workspace, name="W", actor=ACTOR, definition=DEFINITION)
    publish(workflow=workflow, ref="live", actor=ACTOR)
    stack = start_stack()
    version = version_for_ref(workflow, "live")
    run, _ = run_start(workflow=workflow, version=version, input={}, actor=ACTOR)

    def status() -> str:
        return Run.objects.values_list("status", flat=True).get(pk=run.pk)

    signals(lambda: status() == "waiting", "the run to be parked")
    signals(lambda: status() == "paused", "the timer to fire, and the question to be asked")
    asked = PausePoint.objects.filter(run=run, kind="approval")
    asked.update(token_hash=key_hash("known"))  # the real one left the process in a mail, or not at all
    request = urllib.request.Request(
        f"{stack.url}/api/v1/answer/known/",
        data=json.dumps({"decision": "approve", "name": "Grace"}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        assert response.status == 200
    signals(lambda: status() == "completed", "the answer to be taken up")
    assert Run.objects.get(pk=run.pk).result == "Grace"
