"""Reruns in and around decisions, error edges and pauses (W26)."""

from typing import Any

import pytest

from tests.unit.workflows.factories import block
from tests.unit.workflows.plan_bed import (
    BASE,
    chain,
    planned,
    played,
    reading,
    reasons,
    replayed,
    version,
    warned,
)
from workflows.engine.types import StepStatus


def deciding(value: str = "{{ input.way }}") -> Any:
    return version(
        reading("a"),
        block("if", "pick", config={"value": value}),
        reading("yes", "a"),
        reading("no", "a"),
        reading("join", "yes", "no"),
        reading("end", "join"),
        edges="a>if if.yes>yes if.no>no yes>join no>join join>end",
    )


@pytest.mark.rule("W26")
def test_a_condition_that_flips_runs_only_the_new_branch() -> None:
    before, now = {**BASE, "input": {"way": "yes"}}, {**BASE, "input": {"way": "no"}}
    source = played(deciding(), before)
    plan = planned(source, deciding(), "if", base=now)
    assert (plan.reuse, plan.only) == (("a",), None)
    assert reasons(plan) == {
        "if": "target",
        "yes": "downstream",
        "no": "downstream",
        "join": "downstream",
        "end": "downstream",
    }
    run = replayed(plan, source, deciding(), now)
    assert run.ran == ["if", "no", "join", "end"]
    assert run.source.steps["yes"].status is StepStatus.SKIPPED


@pytest.mark.rule("W26")
def test_decisions_outside_the_scope_stand_and_a_join_after_a_skipped_branch_is_a_start() -> None:
    base = {**BASE, "input": {"way": "yes"}}
    source = played(deciding(), base)
    plan = planned(source, deciding(), "join", base=base)
    assert plan.reuse == ("a", "if", "yes", "no")
    assert reasons(plan) == {"join": "target", "end": "downstream"}
    assert replayed(plan, source, deciding(), base).ran == ["join", "end"]


@pytest.mark.rule("W26")
def test_a_changed_decision_before_the_start_opens_all_its_branches() -> None:
    base = {**BASE, "input": {"way": "yes"}}
    source = played(deciding(), base)
    plan = planned(source, deciding("no"), "yes", base=base)
    assert list(reasons(plan)) == ["if", "yes", "no", "join", "end"]
    assert reasons(plan)["if"] == "definition_changed"
    assert replayed(plan, source, deciding("no"), base).ran == ["if", "no", "join", "end"]


@pytest.mark.rule("W26")
def test_a_start_that_standing_decisions_do_not_lead_to_is_announced() -> None:
    base = {**BASE, "input": {"way": "yes"}}
    plan = planned(played(deciding(), base), deciding(), "no", base=base)
    assert ("no", "start_not_reached") in warned(plan)
    assert "no" not in reasons(plan)


@pytest.mark.rule("W24")
def test_a_failure_whose_error_edge_was_taken_stands() -> None:
    drawn = version(
        reading("a"),
        reading("b", "a", plain="fail"),
        reading("c", "b"),
        reading("e", "b"),
        edges="a>b b>c b.error>e",
    )
    source = played(drawn)
    plan = planned(source, drawn, "e")
    assert (plan.reuse, reasons(plan)) == (("a", "b", "c"), {"e": "target"})
    assert replayed(plan, source, drawn).ran == ["e"]


@pytest.mark.rule("W24")
def test_a_step_that_routing_no_longer_leads_to_is_dropped_and_its_readers_run() -> None:
    def drawn(port: str) -> Any:
        return version(
            block("if", "pick", config={"value": "yes"}),
            reading("x"),
            reading("y"),
            reading("z", "x", "y"),
            reading("end", "z"),
            edges=f"if.yes>y if.{port}>x x>z y>z z>end",
        )

    source = played(drawn("yes"))
    plan = planned(source, drawn("no"), "end", "pinned")
    assert plan.reuse == ("if", "y", "z")
    assert plan.discard == ("x",)
    strict = planned(source, drawn("no"), "end")
    assert reasons(strict) == {"z": "input_changed", "end": "target"}
    back = planned(played(drawn("no")), drawn("yes"), "end")
    assert reasons(back) == {"x": "no_result", "z": "downstream", "end": "target"}


@pytest.mark.rule("W26")
def test_pauses_in_scope_ask_again_and_outside_keep_their_answer() -> None:
    drawn = chain(
        "a",
        "ask",
        "b",
        "again",
        "c",
        ask=reading("ask", "a", type_="ask"),
        again=reading("again", "b", type_="ask"),
    )
    source = played(drawn)
    plan = planned(source, drawn, "b")
    assert plan.reuse == ("a", "ask")
    assert reasons(plan) == {"b": "target", "again": "pause_again", "c": "downstream"}
    assert warned(plan) == {("again", "asks_again")}
