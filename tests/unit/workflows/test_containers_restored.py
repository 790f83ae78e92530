"""Loops and parallels made anew from the ledger; what is held back; and what ten thousand iterations cost (W9, W10)."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import pytest

from tests.unit.workflows.container_bed import LOOP, drawn, end, opened
from tests.unit.workflows.factories import done, failed
from workflows.engine.router import Advance, Ask, Router
from workflows.engine.scopes import iteration_path, step_key
from workflows.engine.types import Opening, StepRecord, StepStatus
from workflows.states import RunStatus

pytestmark = pytest.mark.rule("W10")


@pytest.mark.rule("W9")
def test_a_restored_loop_goes_on_where_it_was() -> None:
    records = [done("each[0]/a"), done("each[0]/b", output="x"), done("each[1]/a")]
    router, advance = Router.restore(LOOP, records, {"each": Opening(2)})
    assert (advance.ready, advance.over, router.paths) == (("each[1]/b",), ("each[0]",), ("each[1]",))
    assert end(router.finish(done("each[1]/b", output="y"))).output["results"] == ["x", "y"]


@pytest.mark.rule("W9")
def test_a_restored_while_loop_is_asked_again_unless_the_iteration_began() -> None:
    _, advance = Router.restore(LOOP, [], {"each": Opening(None)})
    assert advance.asks == (Ask("each", 0),)
    _, advance = Router.restore(LOOP, [done("each[0]/a")], {"each": Opening(None)})
    assert (advance.asks, advance.ready) == ((), ("each[0]/b",))


@pytest.mark.rule("W9")
def test_a_container_that_ended_in_the_ledger_alone_is_told_again() -> None:
    records = [done("each[0]/a"), done("each[0]/b", output="x")]
    router, advance = Router.restore(LOOP, records, {"each": Opening(1)})
    assert end(advance).output == {"results": ["x"], "count": 1}
    assert router.in_flight == {"each"}


@pytest.mark.rule("W9")
def test_records_from_inside_a_finished_container_are_passed_over() -> None:
    of = drawn("each>z", each="each", a="step@each", z="step")
    records = [done("each[0]/a"), failed("each[1]/a"), done("each", output="all")]
    _, advance = Router.restore(of, records)
    assert advance == Advance(("z",), ())


@pytest.mark.rule("W9", "W11")
def test_a_restored_failure_is_the_innermost_and_the_first() -> None:
    of = drawn(each="each", inner="each@each", a="step@inner", x="step")
    inside = failed("each[1]/inner[0]/a", "first")
    records = [failed("x", "second"), failed("each[1]/inner", "first"), failed("each", "first")]
    router, _ = Router.restore(of, [inside, *records])
    assert router.failed_block == "each[1]/inner[0]/a"
    router, _ = Router.restore(of, [failed("each[0]/inner", "other"), failed("x"), failed("each", "timeout")])
    assert router.failed_block == "x"


@pytest.mark.rule("W9", "W22")
def test_iterations_behind_one_that_is_open_again_are_not_run_again() -> None:
    of = drawn(each="each", a="step@each")
    records = [done("each[0]/a", output=0), done("each[2]/a", output=2), done("each[3]/a", output=3)]
    router, advance = Router.restore(of, records, {"each": Opening(5, concurrency=2)})
    assert advance.ready == ("each[1]/a", "each[4]/a")
    router.finish(done("each[4]/a", output=4))
    assert end(router.finish(done("each[1]/a", output=1))).output["results"] == [0, 1, 2, 3, 4]

    router, advance = Router.restore(of, records, {"each": Opening(5)})
    assert advance.ready == ("each[1]/a",)
    assert router.finish(done("each[1]/a", output=1)).ready == ("each[4]/a",)


@pytest.mark.rule("W9")
@pytest.mark.parametrize("key", ["gone", "each[0]/gone", "each[0]/z", "z[0]/a", "a"])
def test_a_step_without_a_block_is_refused_by_name(key: str) -> None:
    of = drawn(each="each", a="step@each", z="step")
    with pytest.raises(ValueError, match="no block for") as caught:
        Router.restore(of, [done(key)])
    assert repr(key) in str(caught.value)


@pytest.mark.rule("W28")
def test_only_the_named_blocks_start() -> None:
    of = drawn(
        "a>b b>c d.yes>e d.no>f e>g f>g",
        a="step",
        b="step",
        c="step",
        d="decide",
        **dict.fromkeys("efg", "step"),
    )
    router = Router(of, frozenset("abd"))
    assert router.start().ready == ("a", "d")
    router.finish(done("a"))
    router.finish(done("b", output="here"))
    assert router.finish(done("d", "yes")) == Advance((), ())
    assert (router.done, router.outcome, router.result) == (
        True,
        RunStatus.COMPLETED,
        {"b": "here", "d": None},
    )

    records = [done("d", "yes"), done("e"), StepRecord("f", StepStatus.SKIPPED)]
    _, advance = Router.restore(of, records, only=frozenset("g"))
    assert advance == Advance(("g",), ("f",))


def seconds(begun: float) -> float:
    return time.process_time() - begun


def test_ten_thousand_iterations_are_restored_quickly_and_dropped_as_they_end() -> None:
    of = drawn("a>b b>c", each="each", a="step@each", b="step@each", c="step@each")
    records = [
        done(step_key(iteration_path("each", index), key), output=index)
        for index in range(10_000)
        for key in "abc"
    ]
    begun = time.process_time()
    router, advance = Router.restore(of, records[:-1], {"each": Opening(10_000)})
    assert seconds(begun) < 0.9
    assert (advance.ready, router.paths) == (("each[9999]/c",), ("each[9999]",))
    assert end(router.finish(records[-1])).output["results"] == list(range(10_000))

    begun = time.process_time()
    router, _ = opened(of, Opening(10_000, concurrency=50))
    for record in records:
        assert len(router.paths) <= 50
        router.finish(record)
    assert seconds(begun) < 3


def test_a_thousand_blocks_inside_a_loop() -> None:
    keys = [f"b{n}" for n in range(1000)]
    edges = " ".join(f"{one}>{other}" for one, other in pairwise(keys))
    of = drawn(edges, each="each", **dict.fromkeys(keys, "step@each"))
    begun = time.process_time()
    router, _ = opened(of, Opening(3))
    advance: Any = None
    for index in range(3):
        for key in keys:
            advance = router.finish(done(step_key(iteration_path("each", index), key)))
    assert end(advance).output["count"] == 3
    assert seconds(begun) < 1
