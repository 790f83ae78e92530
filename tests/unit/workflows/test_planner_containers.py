"""Reruns in loops and parallels: whole, from an iteration on, or one branch alone (W26)."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.workflows.factories import block
from tests.unit.workflows.plan_bed import (
    BASE,
    around,
    edited,
    planned,
    played,
    reading,
    reasons,
    replayed,
    version,
    warned,
)
from workflows.engine.planner import PlanRefused, SourceRun, SourceStep
from workflows.engine.types import BlockSpec, Effect, Opening, StepStatus
from workflows.engine.version import CompiledVersion

pytestmark = pytest.mark.rule("W26")


def drawn(type_: str = "loop", items: Any = (1, 2, 3), **changed: BlockSpec) -> CompiledVersion:
    blocks = [
        reading("a"),
        block("each", type_, config={"value": items if isinstance(items, str) else list(items)}),
        block("x", parent="each", config={"value": "{{ item }}"}),
        replace(reading("y", "x", type_="mail"), parent="each"),
        replace(reading("z", "y"), parent="each"),
        reading("end", "each"),
    ]
    blocks = [changed.pop(spec.key, spec) for spec in blocks] + list(changed.values())
    return version(*blocks, edges="a>each x>y y>z each>end" + "".join(f" z>{key}" for key in changed))


FRAGILE = {
    "x": block("x", parent="each", config={"value": "{{ index }}"}),
    "y": block("y", parent="each", config={"value": "{{ item }}"}),
}
MENDED = {**FRAGILE, "y": edited(FRAGILE["y"], value="fine")}


def inside(*numbers: int, blocks: str = "xyz") -> list[str]:
    return [f"each[{number}]/{key}" for number in numbers for key in blocks]


def test_a_loop_in_scope_restarts_at_0() -> None:
    source = played(drawn())
    plan = planned(source, drawn(), "a")
    assert reasons(plan) == {"a": "target", "each": "downstream", "end": "downstream"}
    assert (plan.reuse, plan.reopen, plan.discard) == ((), (), tuple(inside(0, 1, 2)))
    assert [(effect.step, effect.effect) for effect in plan.effects] == [("each[*]/y", Effect.UNSAFE)]
    run = replayed(plan, source, drawn())
    assert run.ran == ["a", "each", *inside(0, 1, 2), "end"]


def test_a_loop_behind_the_scope_is_kept_with_all_that_is_in_it() -> None:
    source = played(drawn())
    plan = planned(source, drawn(), "end")
    assert plan.reuse == ("a", "each", *inside(0, 1, 2))
    assert (plan.discard, reasons(plan)) == ((), {"end": "target"})
    assert replayed(plan, source, drawn()).ran == ["end"]


def test_a_loop_restarts_at_an_iteration() -> None:
    source = played(drawn())
    plan = planned(source, drawn(), "y@each[1]")
    assert plan.reuse == ("a", *inside(0), "each[1]/x")
    assert plan.reopen == ("each",)
    assert reasons(plan) == {
        "each": "downstream",
        "each[1]/y": "target",
        "each[1]/z": "downstream",
        "end": "downstream",
    }
    assert plan.discard == tuple(inside(2))
    assert [effect.step for effect in plan.effects] == ["each[1]/y", "each[*]/y"]
    run = replayed(plan, source, drawn())
    assert run.ran == ["each[1]/y", "each[1]/z", *inside(2), "end"]
    assert run.results == run_of(drawn())


def run_of(target: CompiledVersion) -> dict[str, Any]:
    return {key: (str(step.status), step.handle, step.output) for key, step in played(target).steps.items()}


def test_the_last_iteration_is_followed_by_none() -> None:
    source = played(drawn())
    plan = planned(source, drawn(), "z@each[2]")
    assert [effect.step for effect in plan.effects] == []
    assert replayed(plan, source, drawn()).ran == ["each[2]/z", "end"]


def test_a_branch_of_a_parallel_reruns_alone() -> None:
    source = played(drawn("parallel"))
    plan = planned(source, drawn("parallel"), "y@each[1]")
    assert plan.reuse == ("a", *inside(0), "each[1]/x", *inside(2))
    assert list(reasons(plan)) == ["each", "each[1]/y", "each[1]/z", "end"]
    assert (plan.reopen, plan.discard) == (("each",), ())
    assert replayed(plan, source, drawn("parallel")).ran == ["each[1]/y", "each[1]/z", "end"]


def test_steps_come_in_the_order_of_their_numbers() -> None:
    wide = drawn("parallel", items=range(12))
    plan = planned(played(wide), wide, "z@each[10]")
    assert [key for key in plan.reuse if key.endswith("/x")] == [f"each[{number}]/x" for number in range(12)]


@pytest.mark.rule("W24", "W25")
def test_a_changed_block_inside_a_parallel_reruns_in_each_branch_and_nothing_before_it() -> None:
    source = played(drawn("parallel"))
    target = drawn("parallel", z=replace(edited(reading("z", "y")), parent="each"))
    plan = planned(source, target, "end")
    assert plan.reuse == ("a", *inside(0, blocks="xy"), *inside(1, blocks="xy"), *inside(2, blocks="xy"))
    assert reasons(plan) == {
        "each": "definition_changed",
        **dict.fromkeys(inside(0, 1, 2, blocks="z"), "definition_changed"),
        "end": "target",
    }
    assert replayed(plan, source, target).results == run_of(target)
    pinned = planned(source, target, "end", "pinned")
    assert (list(reasons(pinned)), warned(pinned)) == (["end"], {("each", "pinned")})


@pytest.mark.rule("W24", "W25")
def test_a_changed_block_inside_a_loop_restarts_it_from_there() -> None:
    source = played(drawn())
    target = drawn(z=replace(edited(reading("z", "y")), parent="each"))
    plan = planned(source, target, "end")
    assert plan.reuse == ("a", *inside(0, blocks="xy"))
    assert replayed(plan, source, target).ran == ["each[0]/z", *inside(1, 2), "end"]


def test_iterations_before_the_start_stand_although_their_blocks_changed() -> None:
    source = played(drawn())
    target = drawn(y=replace(edited(reading("y", "x", type_="mail")), parent="each"))
    plan = planned(source, target, "y@each[2]")
    assert plan.reuse == ("a", *inside(0, 1), "each[2]/x")
    assert warned(plan) == {("each", "changed_elsewhere")}


def test_a_changed_block_before_the_start_in_its_iteration_reruns_first() -> None:
    source = played(drawn("parallel"))
    target = drawn("parallel", x=edited(block("x", parent="each", config={"value": "{{ item }}"})))
    plan = planned(source, target, "z@each[1]")
    assert list(reasons(plan).items())[1:4] == [
        ("each[1]/x", "definition_changed"),
        ("each[1]/y", "downstream"),
        ("each[1]/z", "target"),
    ]
    pinned = planned(source, target, "z@each[1]", "pinned")
    assert list(reasons(pinned)) == ["each", "each[1]/z", "end"]
    assert warned(pinned) == {
        ("each[1]/x", "pinned"),
        ("each[1]/y", "pinned"),
        ("each", "changed_elsewhere"),
    }


def test_a_container_whose_items_changed_restarts_as_a_whole() -> None:
    base, now = ({**BASE, "input": {"items": items}} for items in ([1, 2, 3], [1, 2, 3, 4]))
    target = drawn(items="{{ input.items }}")
    source = played(target, base)
    plan = planned(source, target, "z@each[1]", base=now)
    assert ("each", "restarts_whole") in warned(plan)
    assert (plan.reuse, plan.reopen) == (("a",), ())
    assert planned(source, target, "z@each[1]", "pinned", base=now).reopen == ("each",)
    assert reasons(planned(source, target, "end", base=now))["each"] == "input_changed"


def test_a_block_inside_without_an_iteration_means_its_container() -> None:
    source = played(drawn())
    plan = planned(source, drawn(), "y")
    assert reasons(plan) == {"each": "target", "end": "downstream"}
    assert ("each", "whole_container") in warned(plan)
    assert planned(source, drawn(), "x", stop_after="y").only == frozenset({"each", "x", "y", "z"})


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
def test_iterations_that_wait_for_a_place_keep_what_they_have() -> None:
    source = played(drawn("parallel", items=range(5)))
    target = drawn("parallel", items=range(5), z=replace(edited(reading("z", "y")), parent="each"))
    run = replayed(planned(source, target, "end"), source, target)
    assert sorted(run.ran) == sorted([*inside(0, 1, 2, 3, 4, blocks="z"), "end"])
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


def nested() -> CompiledVersion:
    return version(
        block("outer", "loop", config={"value": [1, 2, 3]}),
        block("inner", "parallel", parent="outer", config={"value": [1, 2, 3, 4]}),
        block("x", parent="inner", config={"value": "{{ item }}-{{ blocks.outer.item }}"}),
        replace(reading("y", "x"), parent="inner"),
        replace(reading("after", "inner"), parent="outer", config={"value": "{{ blocks.outer.previous }}"}),
        reading("end", "outer"),
        edges="inner>after x>y outer>end",
    )


def test_an_iteration_in_an_iteration() -> None:
    source = played(nested())
    plan = planned(source, nested(), "y@outer[1]/inner[2]")
    assert plan.reopen == ("outer", "outer[1]/inner")
    assert list(reasons(plan)) == ["outer", "outer[1]/inner", "outer[1]/inner[2]/y", "outer[1]/after", "end"]
    assert "outer[1]/inner[3]/y" in plan.reuse
    assert "outer[0]/after" in plan.reuse
    assert "outer[2]/after" in plan.discard
    run = replayed(plan, source, nested())
    assert run.results == run_of(nested())
    assert len(run.ran) == 2 + 10 + 1
    half = planned(source, nested(), "y@outer[1]")
    assert half.reopen == ("outer",)
    assert reasons(half)["outer[1]/inner"] == "target"


def test_what_an_iteration_reads_of_the_one_before_is_part_of_its_input() -> None:
    source = played(nested())
    changed = replace(source.steps["outer[0]/after"], output="other")
    plan = planned(replace(source, steps={**source.steps, "outer[0]/after": changed}), nested(), "end")
    assert reasons(plan)["outer[1]/after"] == "input_changed"
    assert "outer[0]/after" in plan.reuse


def test_a_while_loop_is_asked_anew_after_the_iteration_that_reran() -> None:
    target = drawn(x=FRAGILE["x"])
    source = replace(played(target), openings={"each": Opening(None)})
    plan = planned(source, target, "y@each[1]")
    assert plan.reuse == ("a", *inside(0), "each[1]/x")
    assert (plan.reopen, plan.discard) == (("each",), tuple(inside(2)))
    assert "each[*]/y" in {effect.step for effect in plan.effects}


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


def test_pauses_inside_a_restarted_container_ask_again() -> None:
    target = drawn(z=replace(reading("z", "y", type_="ask"), parent="each"))
    plan = planned(played(target), target, "z@each[1]")
    assert {step for step, code in warned(plan) if code == "asks_again"} == {"each[1]/z", "each[2]/z"}
