"""What can be asked of the planner: a source, a start, an end, one block alone; and the answer (W27, W28)."""

from dataclasses import replace

import pytest

from tests.unit.workflows.factories import block
from tests.unit.workflows.plan_bed import (
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
from workflows.engine.planner import PlanRefused, SourceRun

SIX = ("a", "b", "c", "d", "e", "f")


@pytest.mark.rule("W27")
def test_without_an_earlier_run_the_plan_is_a_full_run_and_says_so() -> None:
    plan = planned(None, chain(*SIX), "d")
    assert plan.is_full
    assert (None, "no_earlier_run") in warned(plan)
    assert reasons(plan)["a"] == "no_result"
    assert (len(plan.rerun), plan.reuse, plan.only) == (6, (), None)


@pytest.mark.rule("W27")
def test_a_source_without_a_start_reruns_everything() -> None:
    source = played(chain(*SIX))
    plan = planned(source, chain(*SIX), None)
    assert (plan.is_full, plan.reuse, plan.discard, len(plan.rerun)) == (True, (), (), 6)
    assert reasons(plan)["a"] == "target"


@pytest.mark.rule("W27")
@pytest.mark.parametrize(
    ("start", "code"),
    [
        ("gone", "block_missing"),
        ("gone@each[1]", "block_missing"),
        ("inner@other[1]", "scope_missing"),
        ("inner@each", "scope_missing"),
        ("after@each[0]", "scope_missing"),
        ("inner@each[9]", "iteration_missing"),
    ],
)
def test_a_start_that_is_not_there_is_refused(start: str, code: str) -> None:
    drawn = version(
        block("each", "loop", config={"value": [1, 2]}),
        block("inner", parent="each"),
        reading("after"),
        edges="each>after",
    )
    with pytest.raises(PlanRefused) as refused:
        planned(played(drawn), drawn, start)
    assert refused.value.code == code


@pytest.mark.rule("W28")
def test_run_until_here() -> None:
    drawn = version(
        *(reading(key) for key in "abcdx"),
        edges="a>b b>c c>d a>x",
    )
    plan = planned(None, drawn, None, stop_after="b")
    assert plan.only == frozenset({"a", "b"})
    first = replayed(plan, SourceRun("", {}), drawn)
    assert first.ran == ["a", "b"]
    go_on = planned(first.source, drawn, "c")
    assert (go_on.reuse, reasons(go_on)) == (("a", "b"), {"c": "target", "d": "downstream"})


@pytest.mark.rule("W28")
def test_rerun_until_here_drops_what_lies_behind() -> None:
    source = played(chain(*SIX))
    plan = planned(source, chain(*SIX), "b", stop_after="d")
    assert (plan.reuse, list(reasons(plan)), plan.discard) == (("a",), ["b", "c", "d"], ("e", "f"))
    assert plan.only == frozenset({"b", "c", "d"})
    assert replayed(plan, source, chain(*SIX)).ran == ["b", "c", "d"]
    with pytest.raises(PlanRefused, match="no path leads"):
        planned(source, chain(*SIX), "d", stop_after="b")


@pytest.mark.rule("W28")
def test_one_block_alone_with_pinned_inputs() -> None:
    source = played(chain(*SIX))
    target = chain(*SIX, b=edited(reading("b", "a")), d=edited(reading("d", "c")))
    plan = planned(source, target, "d", single=True)
    assert (plan.reuse, reasons(plan), plan.only) == (
        ("a", "b", "c", "e", "f"),
        {"d": "target"},
        frozenset({"d"}),
    )
    assert replayed(plan, source, target).ran == ["d"]


@pytest.mark.rule("W24", "W27")
def test_the_hash_says_what_was_decided_and_nothing_else() -> None:
    source = played(chain(*SIX))
    plan = planned(source, chain(*SIX), "d")
    shuffled = SourceRun(
        source.run_id, dict(list(source.steps.items())[::-1]), {}, source.blocks, source.roots
    )
    assert planned(shuffled, chain(*SIX), "d").plan_hash == plan.plan_hash
    others = [
        planned(source, chain(*SIX), "c"),
        planned(source, chain(*SIX), "d", "pinned"),
        planned(source, chain(*SIX, e=edited(reading("e", "d"))), "d"),
        planned(replace(source, run_id="other"), chain(*SIX), "d"),
        planned(replace(source, steps={"a": source.steps["a"]}), chain(*SIX), "d"),
        planned(source, chain(*SIX), "d", stop_after="e"),
        planned(source, chain(*SIX), "d", single=True),
    ]
    assert len({plan.plan_hash, *(other.plan_hash for other in others)}) == len(others) + 1


@pytest.mark.rule("W24")
def test_a_plan_as_json() -> None:
    source = played(chain("a", "b"))
    shown = planned(source, chain("a", "b"), "b").as_json()
    assert {**shown, "plan_hash": "…"} == {
        "reuse": ["a"],
        "rerun": [{"step": "b", "reason": "target"}],
        "reopen": [],
        "discard": [],
        "effects": [],
        "warnings": [],
        "only": None,
        "is_full": False,
        "plan_hash": "…",
    }
