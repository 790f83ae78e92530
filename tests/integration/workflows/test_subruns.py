"""Runs inside runs: born and answered with the ledger, stopped and resumed together (W19, W22; `workflow` block)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bed.engine import Engine, counting, engine, worker
from tests.bed.running import Probe, probe
from tests.integration.workflows.people import ACTOR
from workflows.blocks.base import BlockFailed
from workflows.engine.types import ErrorClass
from workflows.models import PausePoint, Run
from workflows.services.resuming import run_resume
from workflows.services.runs import run_cancel
from workflows.services.waking import runs_wake

__all__ = ["engine", "probe", "worker"]


def calling(key: str, workflow: str, **more: Any) -> dict[str, Any]:
    return {
        "key": key,
        "type": "workflow",
        "config": {"workflow": workflow, "input": {"n": "{{ input.n }}"}},
        **more,
    }


def inner(engine: Engine) -> None:
    engine.workflow([counting("work", "{{ input.n }}")], name="inner")


@pytest.mark.rule("W19", "W21")
def test_a_run_waits_for_its_sub_run_without_a_worker(engine: Engine, probe: Probe) -> None:
    inner(engine)
    run = engine.start(engine.workflow([calling("sub", "inner"), counting("after")], [("sub", "after")]), n=5)
    name, args = engine.messages.popleft()
    from celery import current_app

    current_app.tasks[name](*args)
    parked = engine.fresh(run)
    assert (parked.status, parked.lease_token, parked.waits_for[0]["kind"]) == ("waiting", None, "run")
    engine.work()
    assert engine.fresh(run).status == "completed"
    assert engine.outputs(run)["sub"]["result"] == 5
    assert probe.counts() == {5: 1, "after": 1}
    child = Run.objects.get(owner_id=run.pk)
    assert (child.owner_kind, child.depth, child.trigger_kind) == ("run", 1, "run")


@pytest.mark.rule("W22")
def test_a_parent_that_failed_on_its_sub_run_resumes_that_sub_run(engine: Engine, probe: Probe) -> None:
    inner(engine)
    broken = {5}

    def does(tag: Any, _context: object) -> Any:
        if tag in broken:
            raise BlockFailed.because(ErrorClass.VALIDATION, "bad", "not yet")
        return tag

    probe.does = does
    run = engine.run(engine.workflow([calling("sub", "inner")]), n=5)
    assert (run.status, run.error["code"]) == ("failed", "subrun_failed")
    broken.clear()
    run_resume(run_id=run.pk, actor=ACTOR)
    engine.work()
    assert engine.fresh(run).status == "completed"
    assert Run.objects.filter(owner_id=run.pk).count() == 1


@pytest.mark.rule("W17")
def test_cancelling_a_run_cancels_what_it_waits_for(engine: Engine, probe: Probe) -> None:
    engine.workflow([{"key": "nap", "type": "wait", "config": {"seconds": 9_000}}], name="inner")
    run = engine.run(engine.workflow([calling("sub", "inner")]), n=1)
    run_cancel(run=run, actor=ACTOR)
    assert list(Run.objects.values_list("status", flat=True)) == ["cancelled", "cancelled"]


@pytest.mark.rule("W19")
def test_a_cancelled_sub_run_fails_its_block(engine: Engine, probe: Probe) -> None:
    engine.workflow([{"key": "nap", "type": "wait", "config": {"seconds": 9_000}}], name="inner")
    run = engine.run(engine.workflow([calling("sub", "inner")]), n=1)
    run_cancel(run=Run.objects.get(owner_id=run.pk), actor=ACTOR)
    engine.work()
    run = engine.fresh(run)
    assert (run.status, run.error["code"]) == ("failed", "subrun_failed")


@pytest.mark.rule("W19")
def test_a_wake_up_that_was_lost_is_found_by_the_sweep(engine: Engine, probe: Probe) -> None:
    inner(engine)
    run = engine.run(engine.workflow([calling("sub", "inner")]), n=5)
    assert run.status == "completed"
    second = engine.start(run.workflow, n=6)
    while engine.messages:
        from celery import current_app

        name, args = engine.messages.popleft()
        current_app.tasks[name](*args)
        if Run.objects.filter(owner_id=second.pk, status="completed").exists():
            engine.messages.clear()  # the parent's wake-up is lost,
            Run.objects.filter(pk=second.pk, status="waiting").update(
                wake_at=None
            )  # as if before it was written
    assert engine.fresh(second).status == "waiting"
    PausePoint.objects.filter(run_id=second.pk).update(answered_at="2026-01-01T00:00:00Z")
    runs_wake()
    engine.work()
    assert engine.fresh(second).status == "completed"


@pytest.mark.rule("W19")
def test_a_workflow_that_calls_itself_ends(engine: Engine, probe: Probe) -> None:
    run = engine.run(engine.workflow([calling("sub", "me")], name="me"), n=1)
    assert (run.status, run.error["code"]) == ("failed", "subrun_failed")
    assert Run.objects.count() == 11


@pytest.mark.rule("W19", "S9")
@pytest.mark.parametrize(
    ("name", "code"), [("nowhere", "workflow_not_found"), ("theirs", "workflow_not_found")]
)
def test_a_workflow_that_is_not_here_is_not_called(engine: Engine, name: str, code: str) -> None:
    from tests.bed.engine import drawn
    from tests.bed.factories import workflow_make, workspace_make

    workflow_make(workspace_make(), drawn([counting("x")], []), "theirs")
    run = engine.run(engine.workflow([calling("sub", name)]), n=1)
    assert (run.status, run.error["code"]) == ("failed", code)


@pytest.mark.rule("W14", "W19")
@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("after", [False, True])
def test_a_worker_that_dies_at_any_commit_starts_no_second_sub_run(
    engine: Engine,
    probe: Probe,
    nth: int,
    after: bool,
) -> None:
    inner(engine)
    run = engine.start(engine.workflow([calling("sub", "inner")]), n=5)
    engine.dies_at_commit(nth, after=after)
    for _ in range(3):
        engine.work()
        engine.recover()
        runs_wake()
    engine.work()
    assert engine.fresh(run).status == "completed"
    assert Run.objects.filter(owner_id=run.pk).count() == 1


@pytest.mark.rule("W11", "W19")
def test_a_run_that_fails_beside_its_sub_run_takes_it_along(engine: Engine, probe: Probe) -> None:
    def fails(_tag: Any, _context: object) -> str:
        raise BlockFailed.because(ErrorClass.VALIDATION, "broken", "no use")

    probe.does = fails
    engine.workflow([{"key": "nap", "type": "wait", "config": {"seconds": 9_000}}], name="inner")
    run = engine.run(
        engine.workflow(
            [
                calling("sub", "inner"),
                {"key": "short", "type": "wait", "config": {"seconds": 0.2}},
                counting("bad"),
            ],
            [("short", "bad")],
        ),
        n=1,
    )
    assert (run.status, run.error["code"]) == ("failed", "broken")
    assert Run.objects.get(owner_id=run.pk).status == "cancelled"
