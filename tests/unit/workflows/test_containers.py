"""Loops and parallels, one picture each: iterations, results, failures, stops, nesting (W10, W11)."""

from __future__ import annotations

import pytest

from tests.unit.workflows.container_bed import LOOP, conclude, drawn, end, opened
from tests.unit.workflows.factories import done, failed
from workflows.engine.router import Advance, Ask, ContainerEnd, Router
from workflows.engine.types import BlockError, ErrorClass, Opening
from workflows.states import RunStatus

pytestmark = pytest.mark.rule("W10")


def test_a_loop_runs_one_iteration_after_the_other() -> None:
    router, advance = opened(LOOP, Opening(2))
    assert advance.ready == ("each[0]/a",)
    assert router.finish(done("each[0]/a")).ready == ("each[0]/b",)
    advance = router.finish(done("each[0]/b", output="first"))
    assert (advance.ready, advance.over) == (("each[1]/a",), ("each[0]",))
    router.finish(done("each[1]/a"))
    advance = router.finish(done("each[1]/b", output="second"))
    assert end(advance) == ("each", {"results": ["first", "second"], "count": 2}, None)
    assert router.in_flight == {"each"}
    conclude(router, end(advance))
    assert (router.done, router.outcome) == (True, RunStatus.COMPLETED)
    assert router.result == {"results": ["first", "second"], "count": 2}


@pytest.mark.parametrize(
    "opening",
    [Opening(0), Opening(0, ()), Opening(0, concurrency=5)],
    ids=["count", "items", "parallel"],
)
def test_zero_means_zero(opening: Opening) -> None:
    _, advance = opened(LOOP, opening)
    assert (advance.ready, end(advance).output) == ((), {"results": [], "count": 0})


def test_a_parallel_keeps_as_many_under_way_as_it_may_and_gives_results_in_index_order() -> None:
    of = drawn(each="each", a="step@each")
    router, advance = opened(of, Opening(4, concurrency=2))
    assert advance.ready == ("each[0]/a", "each[1]/a")
    assert router.finish(done("each[1]/a", output=1)).ready == ("each[2]/a",)
    assert router.finish(done("each[2]/a", output=2)).ready == ("each[3]/a",)
    assert router.finish(done("each[3]/a", output=3)).ready == ()
    assert end(router.finish(done("each[0]/a", output=0))).output == {"results": [0, 1, 2, 3], "count": 4}


def test_an_iterations_result_is_that_of_its_ends() -> None:
    of = drawn("d.yes>a d.no>b", each="each", d="decide@each", a="step@each", b="step@each", c="step@each")
    router, _ = opened(of, Opening(1))
    assert router.finish(done("each[0]/d", "no")).skipped == ("each[0]/a",)
    router.finish(done("each[0]/c", output="C"))
    assert end(router.finish(done("each[0]/b", output="B"))).output["results"] == [{"b": "B", "c": "C"}]


def test_a_while_loop_is_asked_before_each_iteration() -> None:
    of = drawn(each="each", a="step@each")
    router, advance = opened(of, Opening(None, cap=3))
    assert (advance.ready, advance.asks) == ((), (Ask("each", 0),))
    assert router.go_on(Ask("each", 0), True).ready == ("each[0]/a",)
    advance = router.finish(done("each[0]/a", output="x"))
    assert advance.asks == (Ask("each", 1),)
    assert end(router.go_on(Ask("each", 1), False)).output == {"results": ["x"], "count": 1}
    with pytest.raises(ValueError, match="nobody asked"):
        router.go_on(Ask("each", 1), True)


def test_a_while_loop_ends_at_its_cap_unasked_and_says_so() -> None:
    of = drawn(each="each", a="step@each")
    router, _ = opened(of, Opening(None, cap=1))
    router.go_on(Ask("each", 0), True)
    advance = router.finish(done("each[0]/a", output="x"))
    assert (advance.asks, end(advance).output) == ((), {"results": ["x"], "count": 1, "capped": True})


def test_a_failing_condition_fails_the_loop() -> None:
    of = drawn("each.error>z", each="each", a="step@each", z="step")
    router, _ = opened(of, Opening(None))
    assert router.finish(failed("each", "missing_path")).ready == ("z",)


@pytest.mark.rule("W11")
def test_a_failed_iteration_starts_nothing_more_and_awaits_what_runs() -> None:
    of = drawn("a>b", each="each", a="step@each", b="step@each")
    router, advance = opened(of, Opening(5, concurrency=3))
    assert len(advance.ready) == 3
    router.finish(failed("each[1]/a", "first"))
    assert (router.stopped("each[0]/b"), router.stopping) == (True, True)
    assert router.finish(failed("each[2]/a", "second")) == Advance((), (), over=("each[2]",))
    advance = router.finish(done("each[0]/a"))
    assert advance.ready == ()
    error = end(advance).error
    assert error is not None
    assert error.code == "first"
    conclude(router, end(advance))
    assert (router.outcome, router.failed_block) == (RunStatus.FAILED, "each[1]/a")


@pytest.mark.rule("W11")
def test_work_beside_a_failing_container_stops_unless_an_edge_takes_the_error() -> None:
    caught = drawn("each.error>z x>y", each="each", a="step@each", x="step", y="step", z="step")
    router, _ = opened(caught, Opening(2, concurrency=2))
    router.finish(failed("each[0]/a"))
    assert (router.stopped("each[1]/a"), router.stopped("x"), router.stopping) == (True, False, False)
    assert router.finish(done("x")).ready == ("y",)
    assert conclude(router, end(router.finish(done("each[1]/a")))).ready == ("z",)
    assert router.first_error is None

    uncaught = drawn("x>y", each="each", a="step@each", x="step", y="step")
    router, _ = opened(uncaught, Opening(2, concurrency=2))
    router.finish(failed("each[0]/a"))
    assert router.finish(done("x")).ready == ()


@pytest.mark.rule("W11")
def test_collected_failures_stop_nobody() -> None:
    of = drawn("a>b", each="each", a="step@each", b="step@each", c="step@each")
    router, _ = opened(of, Opening(2, collect=True))
    router.finish(failed("each[0]/a", "first"))
    assert (router.stopped("each[0]/b"), router.stopping) == (True, False)
    advance = router.finish(done("each[0]/c"))
    assert advance.ready == ("each[1]/a", "each[1]/c")
    router.finish(done("each[1]/a"))
    router.finish(done("each[1]/b", output="B"))
    ended = end(router.finish(done("each[1]/c", output="C")))
    error = {"class": "upstream", "code": "first", "message": "it broke"}
    assert ended.output == {
        "results": [None, {"b": "B", "c": "C"}],
        "count": 2,
        "errors": [{"index": 0, "error": error}],
    }
    conclude(router, ended)
    assert router.outcome is RunStatus.COMPLETED


@pytest.mark.rule("W11")
def test_a_container_that_cannot_go_on_is_left_open_when_the_run_fails_beside_it() -> None:
    of = drawn(each="each", a="step@each", x="step")
    router, _ = opened(of, Opening(3))
    router.finish(failed("x"))
    assert router.finish(done("each[0]/a")) == Advance((), (), over=("each[0]",))
    assert (router.done, router.outcome, router.failed_block) == (True, RunStatus.FAILED, "x")
    records = [failed("x"), done("each[0]/a")]
    assert Router.restore(of, records, {"each": Opening(3)})[1].ready == ()
    assert Router.restore(of, records[1:], {"each": Opening(3)})[1].ready == ("x", "each[1]/a")


@pytest.mark.rule("W11")
def test_a_step_withdrawn_from_a_failing_container_may_be_its_end() -> None:
    of = drawn(each="each", a="step@each")
    router, _ = opened(of, Opening(2, concurrency=2))
    router.finish(failed("each[0]/a", "first"))
    assert end(router.withdraw(["each[1]/a"])).key == "each"


@pytest.mark.rule("W11")
def test_an_answer_is_void_where_nothing_may_start() -> None:
    of = drawn(each="each", a="step@each", x="step")
    router, _ = opened(of, Opening(None))
    router.finish(failed("x"))
    for begins in (True, False):
        again, _ = opened(of, Opening(None))
        again.finish(failed("x"))
        assert again.go_on(Ask("each", 0), begins) == Advance((), ())
        assert again.done
    router.withdraw(["each"])
    assert router.done


@pytest.mark.rule("W11")
def test_a_respond_inside_fixes_the_result_and_a_cancel_beats_it_all() -> None:
    of = drawn(each="each", a="respond@each")
    router, _ = opened(of, Opening(2))
    router.finish(done("each[0]/a", output="answer"))
    assert router.result == "answer"
    router.cancel()
    assert router.finish(failed("each[1]/a")).ready == ()
    assert (
        Router.restore(of, [done("each[0]/a", output="answer")], {"each": Opening(2)})[0].result == "answer"
    )
    conclude(router, ContainerEnd("each", None, BlockError(ErrorClass.UPSTREAM, "boom", "it broke")))
    assert router.outcome is RunStatus.CANCELLED


def test_a_container_finished_early_forgets_what_is_under_way_inside() -> None:
    of = drawn(outer="each", inner="each@outer", a="step@inner", z="step@outer")
    router, _ = opened(of, Opening(1), "outer")
    router.open("outer[0]/inner", Opening(2, concurrency=2))
    router.finish(failed("outer", "timeout"))
    assert (router.done, router.failed_block, router.paths) == (True, "outer", ())
    assert router.stopped("outer[0]/inner[0]/a")
    with pytest.raises(ValueError, match="no scope that is open"):
        router.finish(done("outer[0]/inner[0]/a"))


def test_containers_nest_ten_deep() -> None:
    nest = {f"c{n}": "each" if n == 0 else f"each@c{n - 1}" for n in range(10)}
    of = drawn(**nest, leaf="step@c9")
    router = Router(of)
    key = "c0"
    router.start()
    openings = {}
    for _ in range(10):
        openings[key] = Opening(1)
        (key,) = router.open(key, Opening(1)).ready
    assert key == "".join(f"c{n}[0]/" for n in range(10)) + "leaf"
    assert Router.restore(of, [], openings)[1].ready == (key,)
    advance = router.finish(done(key, output="deep"))
    for n in reversed(range(10)):
        assert end(advance).key.endswith(f"c{n}")
        advance = conclude(router, end(advance))
    assert router.outcome is RunStatus.COMPLETED

    router, _ = Router.restore(of, [failed(key, "deep")], openings)
    assert (router.failed_block, router.stopping) == (key, True)


def test_what_an_iteration_reads_of_itself() -> None:
    of = drawn(each="each", a="step@each")
    router, _ = opened(of, Opening(2, ("x", "y")))
    assert router.iteration("each[0]") == ("x", 0, None)
    router.finish(done("each[0]/a", output="result"))
    assert router.iteration("each[1]") == ("y", 1, "result")
    router, _ = opened(of, Opening(2, concurrency=2))
    router.finish(done("each[0]/a", output="result"))
    assert router.iteration("each[1]") == (None, 1, None)
    router, _ = Router.restore(of, [done("each[0]/a", output="result")], {"each": Opening(None)})
    assert router.iteration("each[1]") == (None, 1, "result")


@pytest.mark.rule("W28")
def test_an_iteration_is_over_without_what_is_held_back() -> None:
    router = Router(LOOP, frozenset({"each", "a"}))
    router.start()
    router.open("each", Opening(1))
    assert end(router.finish(done("each[0]/a", output="here"))).output == {"results": ["here"], "count": 1}


@pytest.mark.parametrize("key", ["a", "each"])
def test_what_cannot_be_opened(key: str) -> None:
    router = Router(drawn(each="each", i="step@each", a="step"))
    router.start()
    router.open("each", Opening(1))
    with pytest.raises(ValueError, match="cannot be opened"):
        router.open(key, Opening(1))
