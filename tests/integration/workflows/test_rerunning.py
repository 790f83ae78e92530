"""Reruns on a real ledger: what is reused is untouched, what reruns runs once, and the plan says why (W24–W29)."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.bed.engine import Engine, counting, engine, worker
from tests.bed.running import Probe, probe
from tests.integration.workflows.people import ACTOR
from workflows.blocks.base import BlockFailed
from workflows.engine.planner import PlanMode
from workflows.engine.types import ErrorClass
from workflows.errors import BlockMissing, PlanChanged
from workflows.models import Run, Step
from workflows.services.reruns import Asked, Rerun, rerun_plan, rerun_start, source_of
from workflows.services.versions import version_for_ref

__all__ = ["engine", "probe", "worker"]

KEYS = ["b1", "b2", "b3", "b4", "b5", "b6"]


def reading(key: str, before: str | None, text: str = "") -> dict[str, Any]:
    """A block whose input is what the one before it gave."""
    return counting(key, f"{key}{text}" if before is None else f"{{{{ blocks.{before} }}}}>{key}{text}")


def six(**edited: str) -> list[dict[str, Any]]:
    return [reading(key, KEYS[i - 1] if i else None, edited.get(key, "")) for i, key in enumerate(KEYS)]


EDGES = list(itertools.pairwise(KEYS))


def planned(engine: Engine, workflow: Any, source: Run | None, **asked: Any) -> Rerun:
    workflow.refresh_from_db()
    return rerun_plan(
        workflow=workflow,
        version=version_for_ref(workflow, "live"),
        source=source,
        asked=Asked(**asked),
    )


def rerun(engine: Engine, plan: Rerun) -> Run:
    run = rerun_start(rerun=plan, actor=ACTOR)
    engine.work()
    return engine.fresh(run)


def called(probe: Probe) -> list[str]:
    return [call.key for call in probe.calls]


@pytest.mark.rule("W24", "W27", "W29", "F33")
def test_from_the_fourth_of_six_after_editing_the_second(engine: Engine, probe: Probe) -> None:
    flow = engine.workflow(six(), EDGES)
    source = engine.run(flow)
    before = list(Step.objects.filter(run_id=source.pk).order_by("seq").values())
    engine.edit(flow, six(b2="!"), EDGES)
    plan = planned(engine, flow, source, start="b4")
    assert plan.plan.reuse == ("b1",)
    reasons = {step.step: str(step.reason) for step in plan.plan.rerun}
    assert reasons["b2"] == "definition_changed"
    assert reasons["b4"] == "target"
    assert (reasons["b5"], reasons["b6"]) == ("downstream", "downstream")
    assert set(reasons) == {"b2", "b3", "b4", "b5", "b6"}
    probe.calls.clear()
    run = rerun(engine, plan)
    assert (run.status, run.kind, run.forked_from_id) == ("completed", "rerun", source.pk)
    assert run.result == "b1>b2!>b3>b4>b5>b6"
    assert called(probe) == ["b2", "b3", "b4", "b5", "b6"]
    assert engine.steps(run)["b1"].cached_from == source.pk
    assert run.plan["rerun"][0]["step"] == "b2"
    assert list(Step.objects.filter(run_id=source.pk).order_by("seq").values()) == before
    assert engine.fresh(source).status == "completed"


@pytest.mark.rule("W25")
def test_pinned_keeps_what_was_edited_before_the_start(engine: Engine, probe: Probe) -> None:
    flow = engine.workflow(six(), EDGES)
    source = engine.run(flow)
    engine.edit(flow, six(b2="!"), EDGES)
    plan = planned(engine, flow, source, start="b4", mode=PlanMode.PINNED)
    assert [warning.step for warning in plan.plan.warnings] == ["b2", "b3"]
    probe.calls.clear()
    run = rerun(engine, plan)
    assert called(probe) == ["b4", "b5", "b6"]
    assert run.result == "b1>b2>b3>b4>b5>b6"


@pytest.mark.rule("W28")
def test_until_a_block_and_one_alone(engine: Engine, probe: Probe) -> None:
    flow = engine.workflow(six(), EDGES)
    until = rerun(engine, planned(engine, flow, None, stop_after="b3"))
    assert (until.status, called(probe)) == ("completed", ["b1", "b2", "b3"])
    probe.calls.clear()
    further = rerun(engine, planned(engine, flow, until, start="b4"))
    assert (further.result, called(probe)) == ("b1>b2>b3>b4>b5>b6", ["b4", "b5", "b6"])
    probe.calls.clear()
    alone = planned(engine, flow, further, start="b2", stop_after="b2", mode=PlanMode.PINNED)
    assert rerun(engine, alone).status == "completed"
    assert called(probe) == ["b2"]


@pytest.mark.rule("W26")
def test_a_condition_that_flips_runs_only_the_new_branch(engine: Engine, probe: Probe) -> None:
    blocks = [
        {"key": "if", "type": "condition", "config": {"when": "input.n > 10"}},
        counting("yes"),
        counting("no"),
        counting("join"),
    ]
    edges = [("if", "true", "yes"), ("if", "false", "no"), ("yes", "join"), ("no", "join")]
    flow = engine.workflow(blocks, edges)
    source = engine.run(flow, n=5)
    assert called(probe) == ["no", "join"]
    probe.calls.clear()
    flow.refresh_from_db()
    plan = rerun_plan(
        workflow=flow,
        version=version_for_ref(flow, "live"),
        source=source,
        asked=Asked(start="if"),
        input={"n": 50},
    )
    run = rerun(engine, plan)
    assert called(probe) == ["yes", "join"]
    assert engine.steps(run)["no"].status == "skipped"


@pytest.mark.rule("W26")
def test_a_join_after_a_skipped_branch_is_a_start(engine: Engine, probe: Probe) -> None:
    blocks = [
        {"key": "if", "type": "condition", "config": {"when": "input.n > 10"}},
        counting("yes"),
        counting("no"),
        counting("join"),
    ]
    edges = [("if", "true", "yes"), ("if", "false", "no"), ("yes", "join"), ("no", "join")]
    flow = engine.workflow(blocks, edges)
    source = engine.run(flow, n=5)
    probe.calls.clear()
    rerun(engine, planned(engine, flow, source, start="join"))
    assert called(probe) == ["join"]


@pytest.mark.rule("W26")
@pytest.mark.parametrize(
    ("kind", "again"), [("loop", ["each[1]/one", "each[2]/one"]), ("parallel", ["each[1]/one"])]
)
def test_one_iteration_again(engine: Engine, probe: Probe, kind: str, again: list[str]) -> None:
    each = {"key": "each", "type": kind, "config": {"mode": "each", "items": ["a", "b", "c"]}}
    flow = engine.workflow([each, counting("one", "{{ item }}", parent="each")])
    source = engine.run(flow)
    probe.calls.clear()
    run = rerun(engine, planned(engine, flow, source, start="one@each[1]"))
    assert run.result["results"] == ["a", "b", "c"]
    assert sorted(called(probe)) == again


@pytest.mark.rule("W26")
def test_a_question_in_scope_is_asked_again_and_one_outside_keeps_its_answer(
    engine: Engine, probe: Probe
) -> None:
    def ask(key: str) -> dict[str, Any]:
        return {"key": key, "type": "approval", "config": {"message": "Go on?", "notify": False}}

    flow = engine.workflow([ask("first"), ask("second")], [("first", "approved", "second")])
    source = engine.run(flow)
    for key in ("first", "second"):
        engine.answer(source, key=key)
        engine.work()
    plan = planned(engine, flow, source, start="second")
    assert next((step.step, str(step.reason)) for step in plan.plan.rerun)[0] == "second"
    run = rerun(engine, plan)
    assert (run.status, engine.pause(run).step_key) == ("paused", "second")


@pytest.mark.rule("W27")
def test_a_failed_run_can_be_the_source(engine: Engine, probe: Probe) -> None:
    def fails(tag: Any, _context: object) -> Any:
        if tag == "b1>b2":
            raise BlockFailed.because(ErrorClass.VALIDATION, "bad", "no")
        return tag

    probe.does = fails
    flow = engine.workflow(six(), EDGES)
    source = engine.run(flow)
    assert source.status == "failed"
    probe.does = lambda tag, _context: tag
    probe.calls.clear()
    plan = planned(engine, flow, source, start="b4")
    assert str({step.step: step.reason for step in plan.plan.rerun}["b2"]) in {"was_failed", "no_result"}
    assert rerun(engine, plan).status == "completed"
    assert called(probe) == ["b2", "b3", "b4", "b5", "b6"]


@pytest.mark.rule("W27", "F33")
def test_without_an_earlier_run_the_plan_is_a_full_run_and_says_so(engine: Engine, probe: Probe) -> None:
    flow = engine.workflow(six(), EDGES)
    assert source_of(flow, None) is None
    plan = planned(engine, flow, None, start="b4")
    assert plan.plan.is_full
    assert rerun(engine, plan).result == "b1>b2>b3>b4>b5>b6"


@pytest.mark.rule("W27")
def test_a_block_that_is_not_there_and_a_plan_that_has_changed(engine: Engine, probe: Probe) -> None:
    flow = engine.workflow(six(), EDGES)
    source = engine.run(flow)
    with pytest.raises(BlockMissing):
        planned(engine, flow, source, start="gone")
    seen = planned(engine, flow, source, start="b4").plan.plan_hash
    engine.edit(flow, six(b3="!"), EDGES)
    with pytest.raises(PlanChanged):
        planned(engine, flow, source, start="b4", plan_hash=seen)


@pytest.mark.rule("W24")
def test_moving_a_card_or_changing_patience_repays_nothing(engine: Engine, probe: Probe) -> None:
    flow = engine.workflow(six(), EDGES)
    source = engine.run(flow)
    moved = [{**block, "name": "new", "position": {"x": 9, "y": 9}, "timeout_seconds": 77} for block in six()]
    engine.edit(flow, moved, EDGES)
    plan = planned(engine, flow, source, start="b6")
    assert plan.plan.reuse == ("b1", "b2", "b3", "b4", "b5")


@pytest.mark.rule("W27", "W14")
def test_a_worker_that_dies_in_a_rerun_repeats_no_reused_step(engine: Engine, probe: Probe) -> None:
    flow = engine.workflow(six(), EDGES)
    source = engine.run(flow)
    probe.calls.clear()
    run = rerun_start(rerun=planned(engine, flow, source, start="b4"), actor=ACTOR)
    engine.dies_at_commit(2, after=True)
    engine.work()
    engine.recover()
    engine.work()
    assert engine.fresh(run).status == "completed"
    assert called(probe) == ["b4", "b5", "b6"]


@pytest.mark.rule("W27", "W24")
def test_the_dry_run_over_the_api_is_the_plan_and_starts_nothing(engine: Engine, probe: Probe) -> None:
    from tests.integration.workflows.people import client_of
    from workspaces.models import Workspace

    flow = engine.workflow(six(), EDGES)
    source = engine.run(flow)
    client = client_of(Workspace.objects.get(pk=engine.workspace.pk))
    address = f"/api/v1/workflows/{flow.pk}/runs/"
    asked = {"start_block": "b4", "source_run": str(source.pk)}
    plan = client.post(address, {**asked, "dry_run": True}, format="json")
    assert (plan.status_code, plan.data["reuse"]) == (200, ["b1", "b2", "b3"])
    assert Run.objects.count() == 1
    stale = client.post(address, {**asked, "plan_hash": "0" * 64}, format="json")
    assert (stale.status_code, stale.data["code"]) == (409, "plan_changed")
    begun = client.post(
        address,
        {**asked, "plan_hash": plan.data["plan_hash"]},
        format="json",
        headers={"Idempotency-Key": "once"},
    )
    again = client.post(
        address,
        {**asked, "plan_hash": plan.data["plan_hash"]},
        format="json",
        headers={"Idempotency-Key": "once"},
    )
    assert (begun.status_code, begun.data["id"]) == (202, again.data["id"])
    engine.work()
    assert Run.objects.get(pk=begun.data["id"]).status == "completed"
