"""Reruns of containers that failed, broke off, or collected failures; and one of their blocks alone (W24, W26, W28)."""

from dataclasses import replace

import pytest

from tests.unit.workflows.plan_bed import (
    around,
    planned,
    played,
    reading,
    reasons,
    replayed,
    results_of,
    warned,
)
from tests.unit.workflows.plan_containers import FRAGILE, MENDED, drawn, inside, run_of
from workflows.engine.planner import PlanRefused, SourceRun, SourceStep
from workflows.engine.types import Opening, StepStatus

pytestmark = pytest.mark.rule("W26")


def test_a_container_without_an_opening_is_never_continued() -> None:
    source = played(drawn())
    plan = planned(SourceRun(source.run_id, source.steps), drawn(), "y@each[1]")
    assert (plan.reuse, plan.reopen) == (("a",), ())


@pytest.mark.rule("W24")
def test_a_failed_container_goes_on_from_what_stands() -> None:
    broken = drawn("parallel", items=["ok", "fail", "ok"], **FRAGILE)
    source = played(broken)
    assert source.steps["each"].status is StepStatus.FAILED
    fixed = drawn("parallel", items=["ok", "fail", "ok"], **MENDED)
    plan = planned(source, fixed, "end")
    assert plan.reopen == ("each",)
    assert reasons(plan)["each"] == "was_failed"
    assert replayed(plan, source, fixed).results == run_of(fixed)
    again = planned(source, broken, "end")
    assert reasons(again)["each[1]/y"] == "was_failed"
    assert "each[0]/y" in again.reuse


@pytest.mark.rule("W24")
def test_what_a_failed_container_leads_to_runs_for_a_start_that_it_reaches_and_for_no_other() -> None:
    broken = around("loop", "loop", ["fail"])
    source = played(broken)
    assert source.steps["outer"].status is StepStatus.FAILED
    broke_off = ("sorry", "end")
    source = replace(source, steps={key: step for key, step in source.steps.items() if key not in broke_off})
    plan = planned(source, broken, "end")
    assert (set(plan.reuse), reasons(plan)) == (set(source.steps), {})
    assert warned(plan) == {("end", "start_not_reached"), ("sorry", "left_out")}
    assert replayed(plan, source, broken).ran == []
    assert replayed(planned(source, broken, "sorry"), source, broken).ran == ["sorry"]
    assert reasons(planned(source, broken, "outer"))["sorry"] == "downstream"


@pytest.mark.rule("W24")
def test_an_iteration_that_broke_off_goes_on_beside_collected_failures() -> None:
    target = drawn("collect", items=["fail", "ok", "ok"], **FRAGILE)
    source = played(target)
    gone = ["each[1]/y", "each[1]/z", "each[2]/z", "end"]
    steps = {key: step for key, step in source.steps.items() if key not in gone}
    steps["each"] = replace(steps["each"], status=StepStatus.RUNNING, output=None)
    source = replace(source, steps=steps)
    plan = planned(source, target, "x@each[2]")
    assert "each[1]/x" in plan.reuse
    assert reasons(plan)["each[1]/y"] == reasons(plan)["each[1]/z"] == "no_result"
    run = replayed(plan, source, target)
    assert sorted(run.ran) == sorted(key for key in reasons(plan) if key != "each")
    assert run.results == run_of(target)


@pytest.mark.rule("W24")
def test_collected_failures_stand_until_they_are_mended() -> None:
    broken = drawn("collect", items=["ok", "fail", "ok"], **FRAGILE)
    source = played(broken)
    assert source.steps["each"].status is StepStatus.COMPLETED
    plan = planned(source, broken, "end")
    assert reasons(plan) == {"end": "target"}
    assert set(plan.reuse) == set(source.steps) - {"end"}
    alone = planned(source, broken, "z@each[0]")
    assert list(reasons(alone)) == ["each", "each[0]/z", "end"]
    assert replayed(alone, source, broken).ran == ["each[0]/z", "end"]
    fixed = drawn("collect", items=["ok", "fail", "ok"], **MENDED)
    mended = planned(source, fixed, "end")
    assert reasons(mended)["each[1]/y"] == "was_failed"
    assert reasons(mended)["each[1]/z"] == "no_result"
    assert replayed(mended, source, fixed).results == run_of(fixed)


@pytest.mark.rule("W28")
def test_one_block_of_one_iteration_alone() -> None:
    source = played(drawn())
    plan = planned(source, drawn(), "y@each[1]", single=True)
    assert reasons(plan) == {"each": "downstream", "each[1]/y": "target"}
    assert replayed(plan, source, drawn()).ran == ["each[1]/y"]


@pytest.mark.rule("W28")
def test_one_block_of_one_iteration_alone_starts_nothing_in_the_others() -> None:
    new = replace(reading("new", "z"), parent="each")
    source = played(drawn("parallel"))
    plan = planned(source, drawn("parallel", new=new), "y@each[1]", single=True)
    assert reasons(plan) == {"each": "downstream", "each[1]/y": "target"}
    assert replayed(plan, source, drawn("parallel", new=new)).ran == ["each[1]/y"]
    with pytest.raises(PlanRefused, match="has no result, and would run as well") as refused:
        planned(source, drawn("parallel", new=new), "new@each[1]", single=True)
    assert (refused.value.code, refused.value.block) == ("not_alone", "new")


@pytest.mark.rule("W28")
@pytest.mark.parametrize(
    ("each", "opening", "why"),
    [
        (SourceStep(StepStatus.RUNNING), Opening(3, (1, 2, 3)), "did not complete"),
        (SourceStep(StepStatus.FAILED), Opening(3, (1, 2, 3)), "did not complete"),
        (SourceStep(StepStatus.COMPLETED), Opening(None), "may go on"),
    ],
    ids=["running", "failed", "while"],
)
def test_no_block_runs_alone_in_a_container_that_would_go_on(
    each: SourceStep, opening: Opening, why: str
) -> None:
    source = played(drawn())
    source = replace(source, steps={**source.steps, "each": each}, openings={"each": opening})
    with pytest.raises(PlanRefused, match=why):
        planned(source, drawn(), "y@each[1]", single=True)


@pytest.mark.rule("W28")
def test_an_unfinished_container_before_a_block_alone_runs_to_its_end() -> None:
    source = played(drawn())
    steps = {key: step for key, step in source.steps.items() if "each[2]" not in key}
    steps["each"] = SourceStep(StepStatus.RUNNING, steps["each"].fingerprint, steps["each"].input_hash)
    source = replace(source, steps=steps)
    plan = planned(source, drawn(), "end", single=True)
    assert replayed(plan, source, drawn()).ran == [*inside(2), "end"]


@pytest.mark.rule("W24")
def test_a_failure_beside_something_that_changed_is_tried_again_as_nothing_would_start_beside_it() -> None:
    before = around("collect", "collect", ["fail"])
    source = played(before)
    assert source.steps["outer[0]/inner[1]/y"].status is StepStatus.FAILED
    target = around("collect", "collect", ["fail"], {"w"})
    plan = planned(source, target, "end")
    again = reasons(plan)
    assert (again["outer[0]/inner[1]/w"], again["outer[0]/inner[1]/y"]) == (
        "definition_changed",
        "was_failed",
    )
    assert replayed(plan, source, target).results["outer"] == results_of(played(target))["outer"]


def test_a_mended_branch_reruns_alone_beside_others_that_failed_alike() -> None:
    source = played(drawn("collect", items=["fail", "fail", "fail"], **FRAGILE))
    fixed = drawn("collect", items=["fail", "fail", "fail"], **MENDED)
    plan = planned(source, fixed, "y@each[1]")
    assert list(reasons(plan)) == ["each", "each[1]/y", "each[1]/z", "end"]
    assert {"each[0]/y", "each[2]/y"} < set(plan.reuse)
    assert warned(plan) == {("each", "changed_elsewhere")}
    assert replayed(plan, source, fixed).ran == ["each[1]/y", "each[1]/z", "end"]
