"""Reruns in loops and parallels: whole, from an iteration on, or one branch alone (W26)."""

from dataclasses import replace

import pytest

from tests.unit.workflows.factories import block
from tests.unit.workflows.plan_bed import (
    BASE,
    edited,
    planned,
    played,
    reading,
    reasons,
    replayed,
    version,
    warned,
)
from tests.unit.workflows.plan_containers import FRAGILE, drawn, inside, run_of
from workflows.engine.types import Effect, Opening
from workflows.engine.version import CompiledVersion

pytestmark = pytest.mark.rule("W26")


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


@pytest.mark.rule("W24")
def test_iterations_that_wait_for_a_place_keep_what_they_have() -> None:
    source = played(drawn("parallel", items=range(5)))
    target = drawn("parallel", items=range(5), z=replace(edited(reading("z", "y")), parent="each"))
    run = replayed(planned(source, target, "end"), source, target)
    assert sorted(run.ran) == sorted([*inside(0, 1, 2, 3, 4, blocks="z"), "end"])
    assert run.results == run_of(target)


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


def test_pauses_inside_a_restarted_container_ask_again() -> None:
    target = drawn(z=replace(reading("z", "y", type_="ask"), parent="each"))
    plan = planned(played(target), target, "z@each[1]")
    assert {step for step, code in warned(plan) if code == "asks_again"} == {"each[1]/z", "each[2]/z"}
