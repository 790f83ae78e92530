"""Runs that wait: parked without a worker, woken by time, by an answer, once (W16, W19 to W21)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bed.engine import Engine, counting, engine, worker
from tests.bed.running import Probe, probe
from tests.bed.signals import wait_for
from workflows.blocks.base import BlockFailed, BlockPostponed
from workflows.engine.types import ErrorClass
from workflows.models import Attempt, PausePoint, Run
from workflows.services.runs import run_cancel
from workspaces.actors import Actor

__all__ = ["engine", "probe", "worker"]

DAY = {"key": "nap", "type": "wait", "config": {"seconds": 86_400}}


def asking(key: str = "ask", **config: Any) -> dict[str, Any]:
    return {"key": key, "type": "approval", "config": {"message": "Go on?", "notify": False, **config}}


@pytest.mark.rule("W19", "W21")
def test_a_run_that_waits_a_day_holds_no_worker_no_lease_and_no_message(engine: Engine, probe: Probe) -> None:
    flow = engine.workflow([counting("a"), DAY, counting("b")], [("a", "nap"), ("nap", "b")])
    run = engine.run(flow)
    assert (run.status, run.lease_token, run.instance_id) == ("waiting", None, None)
    assert not engine.messages
    assert [(wait["step_key"], wait["kind"]) for wait in run.waits_for] == [("nap", "timer")]
    engine.time_passes(run, 3600)
    assert not engine.messages
    engine.time_passes(run, 86_400)
    engine.worker.die()
    engine.work()
    run = engine.fresh(run)
    assert (run.status, run.result, run.waits_for) == ("completed", "b", None)
    assert probe.counts() == {"a": 1, "b": 1}


@pytest.mark.rule("W21")
def test_a_timer_that_is_sent_twice_wakes_the_run_once(engine: Engine, probe: Probe) -> None:
    run = engine.run(engine.workflow([DAY, counting("b")], [("nap", "b")]))
    engine.time_passes(run)
    engine.messages.extend(list(engine.messages) * 3)
    engine.work()
    assert engine.fresh(run).status == "completed"
    assert probe.counts() == {"b": 1}


@pytest.mark.rule("W16")
def test_a_long_back_off_gives_the_worker_back_and_keeps_its_count(engine: Engine, probe: Probe) -> None:
    def twice_down(_tag: Any, _context: object) -> str:
        if len(probe.calls) < 3:
            raise BlockFailed.because(ErrorClass.UPSTREAM, "down", "try later", retry_after_seconds=60)
        return "up"

    probe.does = twice_down
    retry = {"max_attempts": 3, "delay_seconds": 0, "kind": "fixed"}
    run = engine.run(engine.workflow([counting("call", retry=retry)]))
    for _ in range(2):
        assert (run.status, run.waits_for[0]["kind"]) == ("waiting", "backoff")
        engine.time_passes(run)
        engine.work()
        run = engine.fresh(run)
    assert (run.status, run.result) == ("completed", "up")
    assert [call.attempt for call in probe.calls] == [1, 2, 3]
    assert Attempt.objects.filter(run_id=run.pk).count() == 3


@pytest.mark.rule("W16")
def test_attempts_before_a_wait_count_towards_the_budget(engine: Engine, probe: Probe) -> None:
    def down(_tag: Any, _context: object) -> str:
        raise BlockFailed.because(ErrorClass.UPSTREAM, "down", "try later", retry_after_seconds=60)

    probe.does = down
    retry = {"max_attempts": 2, "delay_seconds": 0, "kind": "fixed"}
    run = engine.run(engine.workflow([counting("call", retry=retry)]))
    engine.time_passes(run)
    engine.work()
    assert (engine.fresh(run).status, len(probe.calls)) == ("failed", 2)


@pytest.mark.rule("W16", "W33")
def test_a_block_that_is_put_off_uses_up_no_attempt(engine: Engine, probe: Probe) -> None:
    def busy(_tag: Any, _context: object) -> str:
        if len(probe.calls) < 4:
            raise BlockPostponed(60, "the provider's limit is reached")
        return "done"

    probe.does = busy
    run = engine.run(engine.workflow([counting("call")]))
    for _ in range(3):
        assert run.waits_for[0]["kind"] == "rate_limited"
        assert run.waits_for[0]["reason"] == "the provider's limit is reached"
        engine.time_passes(run)
        engine.work()
        run = engine.fresh(run)
    assert (run.status, run.result, probe.calls[-1].attempt) == ("completed", "done", 1)


@pytest.mark.rule("W19", "W20")
def test_an_approval_parks_the_run_until_it_is_answered(engine: Engine, probe: Probe) -> None:
    flow = engine.workflow(
        [asking(), counting("yes"), counting("no")], [("ask", "approved", "yes"), ("ask", "rejected", "no")]
    )
    run = engine.run(flow)
    assert (run.status, run.wake_at) == ("paused", None)
    engine.answer(run)
    engine.work()
    assert (engine.fresh(run).status, probe.counts()) == ("completed", {"yes": 1})
    assert engine.outputs(run)["ask"]["by"] == {"name": "Ada"}


@pytest.mark.rule("W19")
def test_branches_beside_a_question_run_on(engine: Engine, probe: Probe) -> None:
    flow = engine.workflow([asking(), counting("beside"), counting("after")], [("ask", "approved", "after")])
    run = engine.run(flow)
    assert (run.status, probe.counts()) == ("paused", {"beside": 1})


@pytest.mark.rule("W20")
def test_an_answer_that_comes_while_the_run_is_active_is_taken_in(engine: Engine, probe: Probe) -> None:
    flow = engine.workflow([asking(), counting("slow"), counting("after")], [("ask", "approved", "after")])
    run = engine.start(flow)

    def answers(tag: Any, _context: object) -> Any:
        if tag == "slow":
            wait_for(PausePoint.objects.filter(run_id=run.pk).exists, "the question to be asked")
            engine.answer(run)
        return tag

    probe.does = answers
    engine.work()
    assert engine.fresh(run).status == "completed"
    assert probe.counts() == {"slow": 1, "after": 1}


@pytest.mark.rule("W20", "W21")
def test_questions_inside_a_parallel_are_answered_in_any_order(engine: Engine, probe: Probe) -> None:
    each = {"key": "each", "type": "parallel", "config": {"mode": "each", "items": "{{ input.items }}"}}
    flow = engine.workflow(
        [each, {**asking(), "parent": "each"}, counting("one", "{{ item }}", parent="each")],
        [("ask", "approved", "one")],
    )
    run = engine.run(flow, items=["a", "b", "c"])
    assert PausePoint.objects.filter(run_id=run.pk, status="open").count() == 3
    for index in (2, 0, 1):
        engine.answer(run, key=f"each[{index}]/ask")
        engine.work()
    assert engine.fresh(run).result["results"] == ["a", "b", "c"]
    assert probe.counts() == {"a": 1, "b": 1, "c": 1}


@pytest.mark.rule("W20", "W21")
def test_a_loop_asks_in_every_round(engine: Engine) -> None:
    each = {"key": "each", "type": "loop", "config": {"mode": "count", "count": 3}}
    flow = engine.workflow([each, {**asking(), "parent": "each"}])
    run = engine.run(flow)
    for index in range(3):
        assert engine.pause(run).step_key == f"each[{index}]/ask"
        engine.answer(run, "reject" if index == 1 else "approve")
        engine.work()
    run = engine.fresh(run)
    assert [result["approved"] for result in run.result["results"]] == [True, False, True]


@pytest.mark.rule("W19")
@pytest.mark.parametrize(("on_expiry", "status"), [("fail", "failed"), ("error", "completed")])
def test_a_question_nobody_answers_expires(engine: Engine, on_expiry: str, status: str, probe: Probe) -> None:
    edges = [("ask", "error", "late")] if on_expiry == "error" else []
    flow = engine.workflow([asking(expires_after_seconds=3600, on_expiry=on_expiry), counting("late")], edges)
    run = engine.run(flow)
    engine.time_passes(run)
    engine.work()
    assert engine.fresh(run).status == status


@pytest.mark.rule("W11", "W19")
def test_a_run_that_fails_beside_a_question_asks_no_more(engine: Engine, probe: Probe) -> None:
    def fails(_tag: Any, _context: object) -> str:
        raise BlockFailed.because(ErrorClass.VALIDATION, "broken", "no use")

    probe.does = fails
    run = engine.run(engine.workflow([asking(), counting("bad")]))
    assert (run.status, run.error["code"]) == ("failed", "broken")
    assert PausePoint.objects.get(run_id=run.pk).status == "dead"


@pytest.mark.rule("T27", "W12")
def test_a_cancelled_run_asks_no_more_and_is_not_woken(engine: Engine) -> None:
    run = engine.run(engine.workflow([asking()]))
    run_cancel(run=run, actor=Actor.system())
    assert PausePoint.objects.get(run_id=run.pk).status == "dead"
    engine.time_passes(run)
    engine.work()
    assert engine.fresh(run).status == "cancelled"


@pytest.mark.rule("W17")
def test_a_run_whose_deadline_passes_while_it_is_parked_fails_by_timeout(engine: Engine) -> None:
    run = engine.start(engine.workflow([asking()]))
    Run.objects.filter(pk=run.pk).update(deadline_at="2126-01-01T00:00:00Z")
    engine.work()
    Run.objects.filter(pk=run.pk).update(deadline_at="2026-01-01T00:00:00Z")
    engine.time_passes(run, 200 * 365 * 86_400)
    engine.work()
    run = engine.fresh(run)
    assert (run.status, run.error["code"]) == ("failed", "deadline_passed")
    assert PausePoint.objects.get(run_id=run.pk).status == "dead"


@pytest.mark.rule("W14", "W19")
@pytest.mark.parametrize("after", [False, True])
def test_a_worker_that_dies_in_the_pause_commit_loses_nothing(
    engine: Engine,
    probe: Probe,
    after: bool,
) -> None:
    run = engine.start(
        engine.workflow([counting("a"), asking(), counting("b")], [("a", "ask"), ("ask", "approved", "b")])
    )
    engine.dies_at_commit(2, after=after)
    engine.work()
    engine.recover()
    engine.work()
    assert engine.fresh(run).status == "paused"
    engine.answer(run)
    engine.work()
    assert (engine.fresh(run).status, probe.counts()) == ("completed", {"a": 1, "b": 1})
