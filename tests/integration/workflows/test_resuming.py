"""Resuming failed runs: what finished is kept, what failed gets a fresh budget, one of two wins (W22, W23)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bed.engine import Engine, counting, engine, worker
from tests.bed.races import Race
from tests.bed.running import Probe, probe
from tests.integration.workflows.people import ACTOR
from workflows.blocks.base import BlockFailed
from workflows.engine.types import ErrorClass
from workflows.errors import DeadlinePassed, NotResumable
from workflows.models import Attempt, Run
from workflows.services.resuming import run_resume, runs_resume

__all__ = ["engine", "probe", "worker"]


def failing(probe: Probe, *tags: Any) -> set[Any]:
    """Blocks with these tags fail until they are taken out of the set."""
    broken = set(tags)

    def does(tag: Any, _context: object) -> Any:
        if tag in broken:
            raise BlockFailed.because(ErrorClass.UPSTREAM, "declined", f"{tag} was declined")
        return tag

    probe.does = does
    return broken


@pytest.mark.rule("W22")
def test_the_flaky_payment(engine: Engine, probe: Probe) -> None:
    broken = failing(probe, "pay")
    flow = engine.workflow(
        [counting("order"), counting("pay"), counting("ship")], [("order", "pay"), ("pay", "ship")]
    )
    run = engine.run(flow)
    assert (run.status, run.error["block"]) == ("failed", "pay")
    broken.clear()
    resumed = run_resume(run_id=run.pk, actor=ACTOR, note="the bank is back")
    assert (resumed.status, resumed.epoch) == ("queued", 1)
    engine.work()
    run = engine.fresh(run)
    assert (run.status, run.result, run.error) == ("completed", "ship", None)
    assert probe.counts() == {"order": 1, "pay": 2, "ship": 1}
    assert [(item["epoch"], item["error"]["code"], item["note"]) for item in run.history] == [
        (0, "declined", "the bank is back")
    ]
    tries = Attempt.objects.filter(run_id=run.pk, step_key="pay").order_by("id")
    assert [(one.epoch, one.n, one.error is None) for one in tries] == [(0, 1, False), (1, 1, True)]


@pytest.mark.rule("W22", "W16")
def test_a_resume_gives_a_fresh_retry_budget(engine: Engine, probe: Probe) -> None:
    failing(probe, "pay")
    retry = {"max_attempts": 2, "delay_seconds": 0, "kind": "fixed"}
    run = engine.run(engine.workflow([counting("pay", retry=retry)]))
    run_resume(run_id=run.pk, actor=ACTOR)
    engine.work()
    assert (engine.fresh(run).status, len(probe.calls)) == ("failed", 4)


@pytest.mark.rule("W22")
def test_failures_in_a_parallel_and_in_a_loop_are_taken_up_where_they_stopped(
    engine: Engine, probe: Probe
) -> None:
    broken = failing(probe, "p3", "l1")
    flow = engine.workflow(
        [
            {
                "key": "par",
                "type": "parallel",
                "config": {"mode": "each", "items": ["p0", "p1", "p2", "p3"], "concurrency": 2},
            },
            counting("p", "{{ item }}", parent="par"),
            {"key": "loop", "type": "loop", "config": {"mode": "each", "items": ["l0", "l1", "l2"]}},
            counting("l", "{{ item }}", parent="loop"),
        ],
        [("par", "loop")],
    )
    run = engine.run(flow)
    assert run.error["block"] == "par[3]/p"
    broken.discard("p3")
    run_resume(run_id=run.pk, actor=ACTOR)
    engine.work()
    assert engine.fresh(run).error["block"] == "loop[1]/l"
    broken.clear()
    run_resume(run_id=run.pk, actor=ACTOR)
    engine.work()
    run = engine.fresh(run)
    assert run.result["results"] == ["l0", "l1", "l2"]
    assert probe.counts() == {"p0": 1, "p1": 1, "p2": 1, "p3": 2, "l0": 1, "l1": 2, "l2": 1}


@pytest.mark.rule("W22")
def test_failures_in_several_branches_are_all_taken_up(engine: Engine, probe: Probe) -> None:
    broken = failing(probe, "x", "y")
    flow = engine.workflow([counting("x"), counting("y"), counting("z")], [("x", "z"), ("y", "z")])
    run = engine.run(flow)
    broken.clear()
    run_resume(run_id=run.pk, actor=ACTOR)
    engine.work()
    assert engine.fresh(run).status == "completed"
    assert probe.counts()["z"] == 1


@pytest.mark.rule("W22")
def test_a_failure_that_went_by_its_error_edge_stands(engine: Engine, probe: Probe) -> None:
    broken = failing(probe, "first", "second")
    flow = engine.workflow(
        [counting("first"), counting("rescue"), counting("second")],
        [("first", "error", "rescue"), ("rescue", "second")],
    )
    run = engine.run(flow)
    broken.clear()
    run_resume(run_id=run.pk, actor=ACTOR)
    engine.work()
    assert engine.fresh(run).status == "completed"
    assert probe.counts() == {"first": 1, "rescue": 1, "second": 2}


@pytest.mark.rule("W22")
def test_a_question_that_died_with_its_run_is_asked_again(engine: Engine, probe: Probe) -> None:
    broken = failing(probe, "bad")
    ask = {"key": "ask", "type": "approval", "config": {"message": "Go on?", "notify": False}}
    run = engine.run(engine.workflow([ask, counting("bad")]))
    assert run.status == "failed"
    broken.clear()
    run_resume(run_id=run.pk, actor=ACTOR)
    engine.work()
    assert engine.fresh(run).status == "paused"
    assert engine.pause(run).round == 1
    engine.answer(run)
    engine.work()
    assert engine.fresh(run).status == "completed"


@pytest.mark.rule("W22", "W12")
@pytest.mark.parametrize("status", ["completed", "cancelled", "running", "queued"])
def test_only_failed_runs_can_be_resumed(engine: Engine, status: str) -> None:
    run = engine.start(engine.workflow([counting("a")]))
    moves = {"completed": ["running", "completed"], "cancelled": ["cancelled"], "running": ["running"]}
    for step in moves.get(status, []):
        Run.objects.filter(pk=run.pk).update(status=step)
    with pytest.raises(NotResumable) as refused:
        run_resume(run_id=run.pk, actor=ACTOR)
    assert refused.value.extra["run_status"] == status


@pytest.mark.rule("W22")
def test_a_run_past_its_deadline_needs_more_time(engine: Engine, probe: Probe) -> None:
    broken = failing(probe, "a")
    run = engine.run(engine.workflow([counting("a")]))
    Run.objects.filter(pk=run.pk).update(deadline_at="2026-01-01T00:00:00Z")
    with pytest.raises(DeadlinePassed):
        run_resume(run_id=run.pk, actor=ACTOR)
    broken.clear()
    run_resume(run_id=run.pk, actor=ACTOR, extend_deadline_seconds=60)
    engine.work()
    assert engine.fresh(run).status == "completed"


@pytest.mark.rule("W23", "F32")
def test_of_two_resumes_at_once_one_wins(engine: Engine, probe: Probe, two_connections: Race) -> None:
    failing(probe, "a")
    run = engine.run(engine.workflow([counting("a")]))

    def resume() -> object:
        return run_resume(run_id=run.pk, actor=ACTOR)

    outcomes = two_connections(resume, resume)
    assert [type(outcome.error) for outcome in outcomes if outcome.error] == [NotResumable]
    assert engine.fresh(run).epoch == 1


@pytest.mark.rule("W23")
def test_many_are_resumed_each_with_its_outcome(engine: Engine, probe: Probe) -> None:
    failing(probe, "a")
    flow = engine.workflow([counting("a")])
    broken, fine = engine.run(flow), engine.start(flow)
    outcomes = runs_resume(run_ids=[broken.pk, fine.pk], actor=ACTOR)
    assert outcomes == {broken.pk: "resumed", fine.pk: "not_resumable"}


@pytest.mark.rule("W22", "W13")
def test_a_worker_that_dies_in_the_resumed_run_loses_nothing(engine: Engine, probe: Probe) -> None:
    broken = failing(probe, "b")
    run = engine.run(engine.workflow([counting("a"), counting("b"), counting("c")], [("a", "b"), ("b", "c")]))
    broken.clear()
    run_resume(run_id=run.pk, actor=ACTOR)
    engine.dies_at_commit(1, after=True)
    engine.work()
    engine.recover()
    engine.work()
    assert engine.fresh(run).status == "completed"
    assert probe.counts() == {"a": 1, "b": 2, "c": 1}
