"""What a resume takes back of a failed run, and that the run then goes on to its end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bed.properties import cases
from tests.unit.workflows.factories import block, done, failed, graph
from tests.unit.workflows.plan_bed import BASE, Stage, around, reading, record_of, version
from workflows.engine.reopening import reopened
from workflows.engine.types import StepRecord, StepStatus
from workflows.engine.version import CompiledVersion

pytestmark = pytest.mark.rule("W22")


def each(type_: str) -> CompiledVersion:
    return version(
        block("each", type_, config={"value": [1, 2, 3]}),
        block("x", parent="each"),
        block("y", parent="each"),
        block("sorry", parent="each"),
        reading("end", "each"),
        edges="x>y y.error>sorry each>end",
    )


def test_failures_of_several_branches_are_taken_back() -> None:
    drawn = graph("a>b a>c a>d")
    records = [done("a"), failed("b"), failed("c"), done("d")]
    assert reopened(drawn, records) == {"b", "c"}


def test_a_failure_whose_error_edge_was_taken_stands() -> None:
    drawn = graph("a.error>b b>c")
    assert reopened(drawn, [failed("a"), failed("b")]) == {"b"}


@pytest.mark.parametrize("status", [StepStatus.UNKNOWN, StepStatus.RUNNING])
def test_what_was_interrupted_is_taken_back(status: StepStatus) -> None:
    assert reopened(graph("a>b"), [done("a"), StepRecord("b", status)]) == {"b"}


def test_a_container_that_failed_is_taken_back_with_what_failed_inside() -> None:
    records = [
        done("each[0]/x"),
        failed("each[0]/y"),
        done("each[0]/sorry"),
        failed("each[1]/x"),
        failed("each"),
    ]
    assert reopened(each("loop"), records) == {"each", "each[1]/x"}


def test_collected_failures_of_a_completed_parallel_stand() -> None:
    records = [failed("each[0]/x"), done("each[1]/x"), done("each"), failed("end")]
    assert reopened(each("collect"), records) == {"end"}


def test_a_failed_container_that_an_error_edge_took_stands_with_all_inside() -> None:
    drawn = version(
        block("each", "loop", config={"value": [1]}),
        block("x", parent="each"),
        block("b"),
        edges="each.error>b",
    )
    assert reopened(drawn, [failed("each[0]/x"), failed("each"), failed("b")]) == {"b"}


def test_nested_containers_are_taken_back_from_the_outside_in() -> None:
    drawn = around("loop", "parallel", ["p"])
    records = [
        done("outer[0]/x"),
        failed("outer[0]/inner[0]/y"),
        done("outer[0]/inner[1]/y"),
        failed("outer[0]/inner[1]/z"),
        failed("outer[0]/inner"),
        failed("outer"),
    ]
    # The top's failure is caught by ``sorry``: nothing is left to resume.
    assert reopened(drawn, records) == frozenset()


@st.composite
def broken_versions(draw: st.DrawFn) -> CompiledVersion:
    outer, inner = (draw(st.sampled_from(["loop", "parallel", "collect"])) for _ in range(2))
    items = draw(st.lists(st.sampled_from(["p", "fail"]), min_size=1, max_size=3))
    fails = draw(st.sets(st.sampled_from(["a", "x", "after", "end"]), max_size=2))
    return version(
        reading("a", plain="fail" if "a" in fails else ""),
        block("outer", outer, config={"value": items}),
        block("x", parent="outer", config={"value": "{{ index }}", "plain": "fail" if "x" in fails else ""}),
        block("inner", inner, parent="outer", config={"value": ["p", "{{ item }}"]}),
        block("y", parent="inner", config={"value": "{{ item }}"}),
        block("after", parent="outer", config={"plain": "fail" if "after" in fails else ""}),
        reading("end", "outer", plain="fail" if "end" in fails else ""),
        edges="a>end x>inner inner>after outer>end",
    )


@cases(500)
@given(broken_versions())
def test_a_resumed_run_goes_on_to_its_end_and_repeats_nothing(drawn: CompiledVersion) -> None:
    first = Stage(drawn, BASE).play()
    steps = first.source.steps
    taken = reopened(drawn, [record_of(key, step) for key, step in steps.items()])
    assert bool(taken) is first.router.stopping
    kept = [(key, step) for key, step in steps.items() if key not in taken]
    again = Stage(drawn, BASE, mended=True)
    for key in taken & first.source.openings.keys():
        again.steps[key] = steps[key]
    openings = {key: opening for key, opening in first.source.openings.items() if key in taken}
    second = again.play(kept, openings)
    assert not second.router.stopping
    assert not set(second.ran) & {key for key, _ in kept}
    assert {key: second.source.steps[key] for key, _ in kept} == dict(kept)
    assert all(step.status is not StepStatus.RUNNING for step in second.source.steps.values())
