"""Runs that wait for people and for times: asked, parked, answered, gone on, under one run id (W19, W20, W21)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from tests.bed.blocks import Trace
from tests.integration.workflows.people import ACTOR, workspace_of
from workflows.errors import PauseGone
from workflows.models import Attempt, PausePoint, Run, Step
from workflows.services.definitions import publish, workflow_create
from workflows.services.instances import instance_forget, instance_stop
from workflows.services.pauses import pause_answer
from workflows.services.runs import run_cancel, run_start
from workflows.services.versions import version_for_ref
from workflows.services.waking import runs_wake
from workflows.states import PauseStatus
from workflows.tasks import execute_run
from workspaces.models import Workspace

pytestmark = pytest.mark.rule("W19", "W20", "W21")

Sent = list[tuple[str, list[Any]]]
START = {"key": "start", "type": "start", "config": {}}
BY = {"name": "Ada"}


@pytest.fixture(autouse=True)
def own_instance(transactional_db: None) -> Iterator[None]:
    """This process's row goes with the test's data; the next test registers anew."""
    yield
    instance_stop()
    instance_forget()


@pytest.fixture
def people(own_instance: None) -> Workspace:
    return workspace_of("ada")


@pytest.fixture
def worked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trace:
    """What the blocks called ``traced_step`` did."""
    monkeypatch.setenv("TEST_TRACE", str(tmp_path / "trace"))
    return Trace(tmp_path / "trace")


def approval(key: str = "ask", **config: Any) -> dict[str, Any]:
    fields = [{"name": "budget", "required": True}]
    return {"key": key, "type": "approval", "config": {"message": "Go on?", "fields": fields, **config}}


def work(key: str, milliseconds: int = 0, **more: Any) -> dict[str, Any]:
    arguments = {"label": key, "text": "x", "milliseconds": milliseconds}
    return {
        "key": key,
        "type": "python",
        "config": {"function": "traced_step", "arguments": arguments},
        **more,
    }


def start(workspace: Workspace, blocks: list[dict[str, Any]], edges: list[tuple[str, ...]]) -> Run:
    """A queued run of these blocks; edges are ``(from, to)`` or ``(from, handle, to)``."""
    drawn = [
        {"from": edge[0], "to": edge[-1], **({"handle": edge[1]} if len(edge) == 3 else {})} for edge in edges
    ]
    definition = {"blocks": [START, *blocks], "edges": drawn}
    workflow = workflow_create(workspace=workspace, name="W", actor=ACTOR, definition=definition)
    publish(workflow=workflow, ref="live", actor=ACTOR)
    version = version_for_ref(workflow, "live")
    return run_start(workflow=workflow, version=version, input={}, actor=ACTOR)[0]


def execute(sent: Sent) -> None:
    """What a worker would do with the messages so far."""
    while sent:
        _, (run_id,) = sent.pop(0)
        execute_run(run_id)


def asked(run: Run) -> list[PausePoint]:
    """What the run asks now."""
    return list(PausePoint.objects.filter(run=run, status=PauseStatus.OPEN).order_by("id"))


def answer(pause: PausePoint, decision: str = "approve", budget: str = "tools") -> None:
    pause_answer(pause_id=pause.pk, data={"decision": decision, "fields": {"budget": budget}}, by=BY)


def fresh(run: Run) -> Run:
    return Run.objects.get(pk=run.pk)


def output(run: Run, key: str) -> Any:
    return Step.objects.get(run=run, step_key=key).output


@pytest.mark.parametrize(
    ("decision", "done", "skipped"),
    [("approve", "yes", "no"), ("reject", "no", "yes")],
    ids=["approve", "reject"],
)
def test_a_run_parks_on_a_question_and_goes_on_by_the_answer(
    people: Workspace, sent: Sent, decision: str, done: str, skipped: str
) -> None:
    said = [{"key": key, "type": "respond", "config": {"value": key}} for key in ("yes", "no")]
    edges = [("start", "ask"), ("ask", "approved", "yes"), ("ask", "rejected", "no")]
    run = start(people, [approval(), *said], edges)
    execute(sent)
    parked = fresh(run)
    assert (parked.status, parked.lease_token, parked.instance_id) == ("paused", None, None)
    assert parked.wake_at is None
    (pause,) = asked(run)
    assert [wait["step_key"] for wait in parked.waits_for] == ["ask"]
    assert Step.objects.get(run=run, step_key="ask").status == "waiting"
    assert sent == []
    answer(pause, decision)
    assert sent == [("workflows.execute_run", [str(run.pk)])]
    execute(sent)
    ended = fresh(run)
    assert (ended.status, ended.result, ended.waits_for, ended.wake_at) == ("completed", done, None, None)
    assert Step.objects.get(run=run, step_key=skipped).status == "skipped"
    assert output(run, "ask")["decision"] == decision
    assert output(run, "ask")["by"] == BY
    pause.refresh_from_db()
    assert pause.consumed_at is not None


def test_a_second_message_after_the_answer_changes_nothing(
    people: Workspace, sent: Sent, worked: Trace
) -> None:
    run = start(people, [approval(), work("after")], [("start", "ask"), ("ask", "approved", "after")])
    execute(sent)
    answer(asked(run)[0])
    sent += sent * 2
    execute(sent)
    assert fresh(run).status == "completed"
    assert worked.counts("start") == {("after", "x"): 1}


def test_a_run_asks_in_rounds(people: Workspace, sent: Sent) -> None:
    blocks = [approval("first"), approval("second", message="{{ blocks.first.fields.budget }}?")]
    run = start(people, blocks, [("start", "first"), ("first", "approved", "second")])
    execute(sent)
    answer(asked(run)[0], budget="red")
    execute(sent)
    (second,) = asked(run)
    assert (second.step_key, second.request["message"]) == ("second", "red?")
    answer(second)
    execute(sent)
    assert fresh(run).status == "completed"
    assert Run.objects.count() == 1


def test_two_branches_ask_and_are_answered_in_any_order(people: Workspace, sent: Sent) -> None:
    edges = [("start", "a"), ("start", "b"), ("a", "approved", "end"), ("b", "approved", "end")]
    end = {"key": "end", "type": "respond", "config": {"value": "{{ blocks.a.fields.budget }}"}}
    run = start(people, [approval("a"), approval("b"), end], edges)
    execute(sent)
    a, b = sorted(asked(run), key=lambda pause: pause.step_key)
    answer(b)
    execute(sent)
    assert fresh(run).status == "paused"
    assert [pause.pk for pause in asked(run)] == [a.pk]
    answer(a, budget="blue")
    execute(sent)
    assert (fresh(run).status, fresh(run).result) == ("completed", "blue")


def test_a_branch_beside_the_question_runs_on(people: Workspace, sent: Sent, worked: Trace) -> None:
    edges = [("start", "ask"), ("start", "one"), ("one", "two"), ("ask", "approved", "end"), ("two", "end")]
    run = start(people, [approval(), work("one"), work("two"), work("end")], edges)
    execute(sent)
    assert fresh(run).status == "paused"
    assert worked.counts("end") == {("one", "x"): 1, ("two", "x"): 1}
    answer(asked(run)[0])
    execute(sent)
    assert fresh(run).status == "completed"
    assert worked.counts("start") == {(key, "x"): 1 for key in ("one", "two", "end")}


def test_an_answer_while_the_run_is_active_is_taken_up_by_it(
    people: Workspace, sent: Sent, worked: Trace
) -> None:
    edges = [("start", "ask"), ("start", "slow"), ("ask", "approved", "after")]
    run = start(people, [approval(), work("slow", 4_000), work("after")], edges)

    def watch() -> None:
        try:
            for _ in range(400):
                if (found := asked(run)) and fresh(run).status == "running":
                    answer(found[0])
                    return
                threading.Event().wait(0.05)
        finally:
            connection.close()

    watcher = threading.Thread(target=watch)
    watcher.start()
    execute(sent)
    watcher.join()
    assert fresh(run).status == "completed"
    order = [(line[0], line[1]) for line in worked.lines()]
    assert order.index(("start", "after")) < order.index(("end", "slow"))
    assert sent == []


@pytest.mark.parametrize("kind", ["loop", "parallel"])
def test_questions_inside_a_container_each_go_on_where_they_were(
    people: Workspace, sent: Sent, kind: str
) -> None:
    config = {"mode": "each", "items": "{{ ['a', 'b', 'c'] }}"}
    container = {"key": "all", "type": kind, "config": config}
    inner = {**approval(message="{{ item }}?"), "parent": "all"}
    said = {"fields": {"value": "{{ item }}:{{ blocks.ask.fields.budget }}"}}
    keep = {"key": "keep", "type": "set", "parent": "all", "config": said}
    end = {"key": "end", "type": "respond", "config": {"value": "{{ blocks.all.results }}"}}
    edges = [("start", "all"), ("ask", "approved", "keep"), ("all", "end")]
    run = start(people, [container, inner, keep, end], edges)
    execute(sent)
    rounds = 0
    while fresh(run).status == "paused" and rounds < 5:
        found = asked(run)
        assert len(found) == (1 if kind == "loop" else 3 - rounds)
        pause = found[-1]
        answer(pause, budget=f"for {pause.request['message']}")
        execute(sent)
        rounds += 1
    ended = fresh(run)
    assert (ended.status, rounds) == ("completed", 3), ended.error
    kept = [result["value"] for result in ended.result]
    assert kept == ["a:for a?", "b:for b?", "c:for c?"]
    assert len(set(PausePoint.objects.filter(run=run).values_list("step_key", flat=True))) == 3


def test_a_day_is_waited_out_without_worker_lock_or_message(
    people: Workspace, sent: Sent, worked: Trace
) -> None:
    wait = {"key": "wait", "type": "wait", "config": {"seconds": 86_400}}
    run = start(people, [wait, work("after")], [("start", "wait"), ("wait", "after")])
    execute(sent)
    parked = fresh(run)
    assert (parked.status, parked.lease_token, parked.instance_id, sent) == ("waiting", None, None, [])
    assert parked.wake_at is not None
    left = (parked.wake_at - timezone.now()).total_seconds()
    assert 86_000 < left <= 86_400
    assert runs_wake() == 0
    execute_run(str(run.pk))  # a message that comes too early
    assert fresh(run).status == "waiting"
    assert worked.lines() == []
    clock_moves(run)
    assert runs_wake() == 1
    execute(sent)
    assert fresh(run).status == "completed"
    assert worked.counts("end") == {("after", "x"): 1}


def clock_moves(run: Run) -> None:
    """As if the time that is waited for had come."""
    past = timezone.now() - timedelta(seconds=1)
    Run.objects.filter(pk=run.pk).update(wake_at=past)
    PausePoint.objects.filter(run=run, status=PauseStatus.OPEN).update(wake_at=past)


@pytest.mark.parametrize(
    ("on_expiry", "status", "reached"),
    [
        ({"on_expiry": "fail"}, "failed", None),
        ({"on_expiry": "error"}, "completed", "late"),
        (
            {"on_expiry": "default", "default": {"decision": "approve", "fields": {"budget": "none"}}},
            "completed",
            "yes",
        ),
        ({"on_expiry": "default", "default": {"decision": "reject"}}, "completed", "no"),
    ],
    ids=["fail", "error", "default-approve", "default-reject"],
)
def test_an_expired_question_goes_on_as_it_was_told(
    people: Workspace, sent: Sent, on_expiry: dict[str, Any], status: str, reached: str | None
) -> None:
    said = [{"key": key, "type": "respond", "config": {"value": key}} for key in ("yes", "no", "late")]
    edges = [("start", "ask"), ("ask", "approved", "yes"), ("ask", "rejected", "no")]
    if on_expiry["on_expiry"] == "error":
        edges.append(("ask", "error", "late"))
    else:
        said.pop()
    run = start(people, [approval(expires_after_seconds=3_600, **on_expiry), *said], edges)
    execute(sent)
    (pause,) = asked(run)
    clock_moves(run)
    with pytest.raises(PauseGone):
        answer(pause)
    assert runs_wake() == 1
    execute(sent)
    ended = fresh(run)
    assert (ended.status, ended.result) == (status, reached), ended.error
    if reached is None:
        assert ended.error["code"] == "approval_expired"
    pause.refresh_from_db()
    assert pause.status == PauseStatus.EXPIRED


@pytest.mark.rule("T27")
def test_a_cancelled_run_takes_its_question_with_it(people: Workspace, sent: Sent) -> None:
    run = start(people, [approval()], [("start", "ask")])
    execute(sent)
    (pause,) = asked(run)
    run_cancel(run=fresh(run), actor=ACTOR)
    pause.refresh_from_db()
    assert pause.status == PauseStatus.DEAD
    with pytest.raises(PauseGone):
        answer(pause)
    execute_run(str(run.pk))
    assert fresh(run).status == "cancelled"


def test_a_branch_that_fails_takes_the_question_with_it(people: Workspace, sent: Sent) -> None:
    broken = {"key": "broken", "type": "fail", "config": {"message": "no"}}
    run = start(people, [approval(), broken], [("start", "ask"), ("start", "broken")])
    execute(sent)
    assert fresh(run).status == "failed"
    assert not asked(run)


@pytest.mark.rule("W14")
def test_going_on_after_an_answer_repeats_nothing(people: Workspace, sent: Sent, worked: Trace) -> None:
    edges = [("start", "before"), ("before", "ask"), ("ask", "approved", "after")]
    run = start(people, [work("before"), approval(), work("after")], edges)
    execute(sent)
    answer(asked(run)[0])
    execute(sent)
    assert worked.counts("start") == {("before", "x"): 1, ("after", "x"): 1}
    assert Attempt.objects.filter(run=run, step_key="before").count() == 1


@pytest.mark.rule("W20")
def test_a_question_that_could_not_be_sent_is_not_asked(
    people: Workspace, sent: Sent, settings: Settings
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", 1, 1
    asks = {**approval(assignees=["ada@example.org"]), "retry": {"max_attempts": 1}}
    run = start(people, [asks, work("after")], [("start", "ask"), ("ask", "approved", "after")])
    execute(sent)
    assert fresh(run).status == "failed"
    assert not PausePoint.objects.filter(run=run).exists()
