"""What expressions see inside loops and parallels: their own iteration, and what is around it (W5, W10)."""

import pytest

from tests.unit.workflows.factories import done, failed
from workflows.engine.expressions import ExpressionError, compile_expression
from workflows.engine.iterations import Iteration
from workflows.engine.roots import Roots, RunRoots
from workflows.engine.types import StepRecord, StepStatus

pytestmark = pytest.mark.rule("W5", "W10")


def seen(roots: Roots, expression: str) -> object:
    return compile_expression(expression).render(roots)


def entered(*paths: tuple[str, Iteration]) -> RunRoots:
    roots = RunRoots({"input": {"x": 1}, "row": {}, "vars": {}, "secrets": {}, "run": {}})
    roots.settle(done("before", output="B"))
    for path, iteration in paths:
        roots.enter(path, iteration)
    return roots


def test_outside_containers_all_of_it_is_one_dict() -> None:
    roots = entered()
    assert roots.at("") is roots.top
    roots.settle(failed("bad", "http_500"))
    roots.settle(StepRecord("gone", StepStatus.SKIPPED))
    found = seen(roots.top, "[blocks.before, blocks.bad.error.code, blocks.gone.any.thing, input.x]")
    assert found == ["B", "http_500", None, 1]


def test_an_iteration_sees_its_own_steps_its_item_and_what_is_around_it() -> None:
    roots = entered(("each[0]", Iteration("x", 0, None)), ("each[1]", Iteration("y", 1, "first")))
    roots.settle(done("each[0]/a", output="A0"))
    roots.settle(done("each[1]/a", output="A1"))
    first, second = roots.at("each[0]"), roots.at("each[1]")
    expression = (
        "[item, index, blocks.a, blocks.before, blocks.each.item, blocks.each.index, blocks.each.previous]"
    )
    assert seen(first, expression) == ["x", 0, "A0", "B", "x", 0, None]
    assert seen(second, expression) == ["y", 1, "A1", "B", "y", 1, "first"]
    with pytest.raises(ExpressionError, match="no block 'a'"):
        seen(roots.top, "blocks.a")


def test_an_inner_loop_reaches_the_outer_item() -> None:
    roots = entered(("outer[2]", Iteration("o", 2, "before")), ("outer[2]/inner[0]", Iteration("i", 0, None)))
    roots.settle(done("outer[2]/a", output="late"))
    found = seen(roots.at("outer[2]/inner[0]"), "[item, blocks.outer.item, blocks.outer.previous, blocks.a]")
    assert found == ["i", "o", "before", "late"]


def test_a_condition_reads_the_iteration_that_perhaps_begins() -> None:
    roots = entered()
    asked = roots.asked("each[3]", Iteration(None, 3, {"score": 7}))
    assert seen(asked, "index < 5 and blocks.each.previous.score > 6")
    assert not roots.entered("each[3]")


def test_an_iteration_that_is_over_is_dropped_with_all_inside() -> None:
    roots = entered(
        ("outer[0]", Iteration(None, 0, None)),
        ("outer[0]/inner[0]", Iteration(None, 0, None)),
        ("outer[1]", Iteration(None, 1, None)),
    )
    roots.leave("outer[0]")
    roots.leave("outer[0]")
    assert [path for path in ("outer[0]", "outer[0]/inner[0]", "outer[1]") if roots.entered(path)] == [
        "outer[1]"
    ]
    roots.settle(done("outer[0]/a", output="nobody reads it"))
    with pytest.raises(KeyError):
        roots.at("outer[0]")
