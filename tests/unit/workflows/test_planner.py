"""What a rerun keeps, what it runs, and why: the rules by example (W24, W25)."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.workflows.factories import block
from tests.unit.workflows.plan_bed import (
    BASE,
    chain,
    edited,
    planned,
    played,
    reading,
    reasons,
    replayed,
    version,
    warned,
)
from workflows.engine.planner import SourceRun, SourceStep
from workflows.engine.types import BlockSpec, Effect, RetryPolicy, StepStatus

SIX = ("a", "b", "c", "d", "e", "f")


@pytest.mark.rule("W24", "W25")
def test_from_the_fourth_of_six_after_editing_the_second() -> None:
    source = played(chain(*SIX))
    target = chain(*SIX, b=edited(reading("b", "a")))
    plan = planned(source, target, "d")
    assert plan.reuse == ("a",)
    assert reasons(plan) == {
        "b": "definition_changed",
        "c": "downstream",
        "d": "target",
        "e": "downstream",
        "f": "downstream",
    }
    assert [step.step for step in plan.rerun] == list("bcdef")
    assert (plan.discard, plan.only, plan.is_full, plan.warnings) == ((), None, False, ())
    assert replayed(plan, source, target).results == {
        key: (str(step.status), step.handle, step.output) for key, step in played(target).steps.items()
    }


@pytest.mark.rule("W25")
def test_pinned_keeps_changed_ancestors_and_says_so() -> None:
    source = played(chain(*SIX))
    plan = planned(source, chain(*SIX, b=edited(reading("b", "a"))), "d", "pinned")
    assert plan.reuse == ("a", "b", "c")
    assert list(reasons(plan)) == ["d", "e", "f"]
    assert warned(plan) == {("b", "pinned"), ("c", "pinned")}


@pytest.mark.rule("W25")
def test_pinned_still_runs_what_has_no_result() -> None:
    source = played(chain(*SIX))
    del source.steps["b"]  # type: ignore[attr-defined]
    plan = planned(source, chain(*SIX), "d", "pinned")
    assert reasons(plan) == {"b": "no_result", "d": "target", "e": "downstream", "f": "downstream"}
    assert plan.reuse == ("a", "c")


@pytest.mark.rule("W24")
@pytest.mark.parametrize(
    "change",
    [{"name": "Renamed"}, {"retry": RetryPolicy(max_attempts=9)}, {"timeout_seconds": 5.0}],
    ids=["name", "retry", "timeout"],
)
def test_what_does_not_count_changes_nothing(change: dict[str, Any]) -> None:
    source = played(chain(*SIX))
    target = chain(*SIX, b=replace(reading("b", "a"), **change))
    assert planned(source, target, "f").reuse == ("a", "b", "c", "d", "e")


@pytest.mark.rule("W24")
def test_an_unrelated_block_added_or_removed_repays_nothing() -> None:
    small = version(reading("a"), reading("b", "a"), reading("c", "b"), edges="a>b b>c")
    large = version(
        reading("a"), reading("b", "a"), reading("c", "b"), reading("x", "a"), edges="a>b b>c a>x"
    )
    added = planned(played(small), large, "c")
    assert (added.reuse, list(reasons(added))) == (("a", "b"), ["c"])
    assert warned(added) == {("x", "left_out")}
    assert added.only == frozenset({"c"})
    assert replayed(added, played(small), large).ran == ["c"]
    removed = planned(played(large), small, "c")
    assert (removed.reuse, removed.discard, removed.only) == (("a", "b"), ("x",), None)


@pytest.mark.rule("W24")
def test_a_change_on_another_branch_stands_with_a_warning() -> None:
    def drawn(x: BlockSpec) -> Any:
        return version(reading("a"), reading("b", "a"), x, reading("y", "x"), edges="a>b a>x x>y")

    plan = planned(played(drawn(reading("x", "a"))), drawn(edited(reading("x", "a"))), "b")
    assert plan.reuse == ("a", "x", "y")
    assert reasons(plan) == {"b": "target"}
    assert warned(plan) == {("x", "changed_elsewhere"), ("y", "changed_elsewhere")}


@pytest.mark.rule("W24")
def test_a_branch_that_a_join_waits_for_is_taken_along() -> None:
    drawn = version(
        reading("a"), reading("b", "a"), reading("x", "a"), reading("j", "b", "x"), edges="a>b a>x b>j x>j"
    )
    source = played(drawn)
    del source.steps["x"], source.steps["j"]
    plan = planned(source, drawn, "b")
    assert reasons(plan) == {"b": "target", "x": "no_result", "j": "downstream"}
    assert plan.only is None


@pytest.mark.rule("W24")
def test_reasons_before_the_start() -> None:
    def drawn(**changed: BlockSpec) -> Any:
        return version(
            reading("a"),
            changed.get("edited", reading("edited", "a")),
            block("given", config={"value": "{{ input.n }}"}),
            block("secret", config={"secret": "{{ secrets.token }}", "value": "{{ input.m }}"}),
            reading("failed", "a"),
            *([reading("new", "a")] if changed else []),
            reading("end", "a"),
            edges="a>edited a>given a>secret a>failed edited>end given>end secret>end failed>end"
            + (" a>new new>end" if changed else ""),
        )

    base = {**BASE, "input": {"n": 1, "m": 1}}
    source = played(drawn(), base)
    source.steps["failed"] = replace(source.steps["failed"], status=StepStatus.FAILED)
    now = {**base, "input": {"n": 2, "m": 1}, "secrets": {"token": "other"}}
    plan = planned(source, drawn(edited=edited(reading("edited", "a"))), "end", base=now)
    assert plan.reuse == ("a",)
    assert reasons(plan) == {
        "edited": "definition_changed",
        "given": "input_changed",
        "secret": "secret_changed",
        "failed": "was_failed",
        "new": "new_block",
        "end": "target",
    }


@pytest.mark.rule("W24")
def test_a_secret_is_not_blamed_when_something_else_changed_too() -> None:
    drawn = version(
        block("s", config={"secret": "{{ secrets.token }}", "value": "{{ input.n }}"}),
        reading("end", "s"),
        edges="s>end",
    )
    source = played(drawn)
    both = {**BASE, "input": {"n": 2}, "secrets": {"token": "other"}}
    assert reasons(planned(source, drawn, "end", base=both))["s"] == "input_changed"
    unknown = SourceRun(source.run_id, source.steps)
    assert (
        reasons(planned(unknown, drawn, "end", base={**BASE, "secrets": {"token": "x"}}))["s"]
        == "input_changed"
    )


@pytest.mark.rule("W24")
def test_a_result_that_no_longer_fits_what_was_read_is_not_reused() -> None:
    drawn = chain("a", "b", "c")
    source = played(drawn)
    source.steps["a"] = replace(source.steps["a"], output="written by an earlier pinned rerun")
    assert reasons(planned(source, drawn, "c")) == {"b": "input_changed", "c": "target"}


@pytest.mark.rule("W24")
def test_a_removed_block_in_the_middle_is_dropped_and_costs_nothing() -> None:
    before = version(
        reading("a"), reading("x", "a"), reading("b", "a"), reading("c", "b"), edges="a>x x>b b>c"
    )
    after = version(reading("a"), reading("b", "a"), reading("c", "b"), edges="a>b b>c")
    plan = planned(played(before), after, "c")
    assert (plan.reuse, plan.discard) == (("a", "b"), ("x",))


@pytest.mark.rule("W24")
def test_effects_are_told() -> None:
    drawn = chain(
        "a", "think", "send", think=reading("think", "a", type_="llm"), send=reading("send", type_="mail")
    )
    plan = planned(played(drawn), drawn, "think")
    assert [(effect.step, effect.type, effect.effect) for effect in plan.effects] == [
        ("think", "llm", Effect.REPEATABLE),
        ("send", "mail", Effect.UNSAFE),
    ]


@pytest.mark.rule("W24")
@pytest.mark.parametrize(
    "status", [StepStatus.RUNNING, StepStatus.WAITING, StepStatus.UNKNOWN, StepStatus.PENDING]
)
def test_unfinished_steps_of_a_paused_or_broken_source_have_no_result(status: StepStatus) -> None:
    source = played(chain(*SIX))
    steps = {**source.steps, "b": SourceStep(status)}
    assert reasons(planned(replace(source, steps=steps), chain(*SIX), "d"))["b"] == "no_result"
