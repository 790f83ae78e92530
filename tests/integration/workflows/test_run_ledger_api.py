"""What REST tells of a run's steps, its history, and how it differs from another."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from rest_framework.test import APIClient

from tests.integration.workflows.people import client_of, started, workspace_of
from workflows.models import Attempt, Blob, PausePoint, Run, Step, Workflow
from workflows.services.blobs import blob_name, blobs_write

pytestmark = pytest.mark.django_db

API = "/api/v1/runs"


@pytest.fixture
def run(workflow: Workflow) -> Run:
    """A run with two finished steps, one of them tried twice, and one that waits."""
    made = started(workflow)
    at = made.created_at
    for seq, (key, status, output) in enumerate(
        [("start", "completed", {"a": 1}), ("say", "completed", "Hi")], 1
    ):
        Step.objects.create(
            run=made, step_key=key, status=status, output=output, seq=seq, started_at=at, finished_at=at
        )
    Step.objects.create(run=made, step_key="each[1]/ask", status="waiting", seq=0, started_at=at)
    PausePoint.objects.create(
        run=made, workspace_id=made.workspace_id, step_key="each[1]/ask", kind="approval", created_at=at
    )
    for n, error in ((1, {"code": "timeout"}), (2, None)):
        Attempt.objects.create(
            run=made, step_key="say", n=n, error=error, input={"n": n}, started_at=at, finished_at=at
        )
    return made


@pytest.mark.rule("W30")
def test_steps_say_their_block_and_what_they_wait_for(client: APIClient, run: Run) -> None:
    steps = {step["step_key"]: step for step in client.get(f"{API}/{run.pk}/steps/").data["results"]}
    assert steps["each[1]/ask"]["block"] == "ask"
    assert steps["each[1]/ask"]["waits"]["kind"] == "approval"
    assert [attempt["n"] for attempt in steps["say"]["attempts"]] == [1, 2]
    assert steps["start"]["waits"] is None


@pytest.mark.rule("W30")
def test_brief_steps_carry_no_bodies_and_one_step_can_be_asked_for(client: APIClient, run: Run) -> None:
    brief = client.get(f"{API}/{run.pk}/steps/?brief=true&limit=500").data["results"]
    assert len(brief) == 3
    assert not any("output" in step or "attempts" in step for step in brief)
    (one,) = client.get(f"{API}/{run.pk}/steps/", {"step": "each[1]/ask"}).data["results"]
    assert one["step_key"] == "each[1]/ask"
    assert client.get(f"{API}/{run.pk}/steps/?brif=true").status_code == 400


@pytest.mark.rule("W30")
def test_a_large_output_is_fetched_from_its_blob(client: APIClient, run: Run) -> None:
    text = json.dumps({"big": "x" * 300_000})
    with connection.cursor() as cursor:
        blobs_write(cursor, {blob_name(text): text})
    Step.objects.filter(run=run, step_key="say").update(output=None, blob_id=blob_name(text))
    (one,) = client.get(f"{API}/{run.pk}/steps/?step=say").data["results"]
    assert len(one["output"]["big"]) == 300_000
    assert Blob.objects.count() == 1


@pytest.mark.rule("W30")
def test_the_history_is_read_in_pages_that_lose_nothing(client: APIClient, run: Run) -> None:
    whole = client.get(f"{API}/{run.pk}/events/").data
    assert whole["next"] is None
    assert {"run_status", "block_completed", "block_retried", "block_paused"} <= {
        event["kind"] for event in whole["results"]
    }
    found: list[dict[str, Any]] = []
    query: dict[str, str] = {"limit": "1"}
    while True:
        page = client.get(f"{API}/{run.pk}/events/", query).data
        found += page["results"]
        if page["next"] is None:
            break
        query["after"] = page["next"]
    assert [event["id"] for event in found] == [event["id"] for event in whole["results"]]
    assert client.get(f"{API}/{run.pk}/events/?after=nonsense").status_code == 400


@pytest.mark.rule("W30")
def test_a_step_is_compared_with_the_same_of_another_run(
    client: APIClient, run: Run, workflow: Workflow
) -> None:
    other = started(workflow, input={"name": "Bob"})
    Step.objects.create(run=other, step_key="say", status="completed", output="Ho", seq=1)
    answer = client.get(f"{API}/{run.pk}/diff/", {"with": str(other.pk), "step": "say"}).data
    changed = {one["path"]: one for one in answer["differences"]}
    assert (changed["output"]["before"], changed["output"]["after"]) == ("Ho", "Hi")
    steps = {
        one["step_key"]: one
        for one in client.get(f"{API}/{run.pk}/diff/", {"with": str(other.pk)}).data["steps"]
    }
    assert (steps["start"]["before"], steps["start"]["differs"]) == (None, True)
    assert client.get(f"{API}/{run.pk}/diff/", {"with": str(other.pk), "step": "nope"}).status_code == 404
    assert client.get(f"{API}/{run.pk}/diff/").status_code == 400


@pytest.mark.parametrize("part", ["steps/", "events/", "diff/"])
def test_a_foreign_run_is_not_found(run: Run, part: str) -> None:
    eve = client_of(workspace_of("eve"))
    assert (
        eve.get(f"{API}/{run.pk}/{part}", {"with": str(uuid4())} if part == "diff/" else {}).status_code
        == 404
    )


def test_another_runs_workspace_is_not_read_for_a_comparison(client: APIClient, run: Run) -> None:
    assert client.get(f"{API}/{run.pk}/diff/", {"with": str(uuid4())}).status_code == 404
