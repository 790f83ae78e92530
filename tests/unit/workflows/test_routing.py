"""The rules of edges, joins, death, failure, cancel and results, one picture each."""

import pytest

from tests.unit.workflows.factories import TYPES, block, definition, done, failed, graph, ledger
from workflows.engine.expressions import SKIPPED, compile_expression
from workflows.engine.roots import block_value
from workflows.engine.router import Router
from workflows.engine.routing import RunView, fold
from workflows.engine.types import StepRecord, StepStatus
from workflows.engine.version import CompiledVersion, compile_version
from workflows.states import RunStatus


def view(
    version: CompiledVersion, *records: StepRecord, in_flight: tuple[str, ...] = (), cancelling: bool = False
) -> RunView:
    return fold(version, ledger(*records), in_flight=in_flight, cancelling=cancelling)


@pytest.mark.rule("W7")
def test_a_run_begins_at_its_start() -> None:
    assert view(graph("start>a lost>b", start="start")).ready == ("start",)
    assert view(graph("start>a lost>b", start="start")).skipped == ("lost", "b")


@pytest.mark.rule("W7")
def test_without_a_start_it_begins_wherever_nothing_leads() -> None:
    assert view(graph("a>c b>c")).ready == ("a", "b")


@pytest.mark.rule("W7")
def test_all_that_is_ready_is_ready_together() -> None:
    assert view(graph("a>b a>c a>d"), done("a")).ready == ("b", "c", "d")


@pytest.mark.rule("W7")
def test_a_join_waits_for_every_live_edge() -> None:
    version = graph("a>j b>j")
    assert view(version, done("a")).ready == ("b",)
    assert view(version, done("a"), in_flight=("b",)).ready == ()
    assert view(version, done("a"), done("b")).ready == ("j",)


@pytest.mark.rule("W8")
def test_only_the_chosen_branch_runs_and_the_join_runs_once_the_other_is_dead() -> None:
    version = graph("d.yes>a d.no>b a>j b>j", d="decide")
    assert view(version, done("d", "yes")).ready == ("a",)
    assert view(version, done("d", "yes")).skipped == ("b",)
    assert view(version, done("d", "yes"), done("a")).ready == ("j",)


@pytest.mark.rule("W8")
def test_death_spreads_through_joins_of_dead_branches_only() -> None:
    version = graph("d.yes>a d.no>b b>c c>e b>e e>z a>z", d="decide")
    assert view(version, done("d", "yes")).skipped == ("b", "c", "e")
    assert view(version, done("d", "yes"), done("a")).ready == ("z",)


@pytest.mark.rule("W8")
def test_a_choice_without_an_edge_ends_the_run() -> None:
    ended = view(graph("d.yes>a a>b", d="decide"), done("d", "no", output=7))
    assert (ended.skipped, ended.outcome, ended.result) == (("a", "b"), RunStatus.COMPLETED, 7)


@pytest.mark.rule("W8")
def test_an_error_edge_takes_a_failure_and_is_dead_after_success() -> None:
    version = graph("a>b a.error>c b>j c>j")
    caught = view(version, failed("a"))
    assert (caught.ready, caught.skipped, caught.first_error) == (("c",), ("b",), None)
    assert view(version, done("a")).skipped == ("c",)
    ended = view(version, failed("a"), done("c"), done("j", output="ok"))
    assert (ended.outcome, ended.result) == (RunStatus.COMPLETED, "ok")


@pytest.mark.rule("W8")
def test_two_edges_between_the_same_blocks_are_two_conditions() -> None:
    version = graph("a>b a.error>b")
    assert view(version, done("a")).ready == view(version, failed("a")).ready == ("b",)


@pytest.mark.rule("W11")
def test_a_failure_without_an_error_edge_starts_nothing_and_awaits_what_runs() -> None:
    version = graph("s>a s>b a>x b>y")
    running = view(version, done("s"), failed("a", "first"), in_flight=("b",))
    assert (running.ready, running.skipped, running.done, running.outcome) == ((), (), False, None)
    ended = view(version, done("s"), failed("a", "first"), done("b"))
    assert (ended.ready, ended.outcome, ended.result) == ((), RunStatus.FAILED, None)
    assert ended.first_error is not None
    assert ended.first_error.code == "first"


@pytest.mark.rule("W11")
def test_the_first_error_is_the_runs() -> None:
    ended = view(graph("s>a s>b"), done("s"), failed("b", "one"), failed("a", "two"))
    assert ended.first_error is not None
    assert ended.first_error.code == "one"


@pytest.mark.rule("W11", "W22")
def test_what_a_failure_left_open_goes_on_when_the_failed_step_is_reopened() -> None:
    version = graph("s>a s>b a>j b>j")
    assert view(version, done("s"), failed("a"), done("b")).skipped == ()
    assert view(version, done("s"), done("b")).ready == ("a",)
    assert view(version, done("s"), done("b"), done("a")).ready == ("j",)


@pytest.mark.rule("W11")
def test_cancel_beats_failure() -> None:
    version = graph("s>a s>b")
    assert view(version, done("s"), cancelling=True).ready == ()
    assert view(version, done("s"), in_flight=("a",), cancelling=True).outcome is None
    assert view(version, done("s"), failed("a"), cancelling=True).outcome is RunStatus.CANCELLED


@pytest.mark.rule("W11")
def test_a_respond_block_fixes_the_result() -> None:
    version = graph("s>r s>b r>z b>z", r="respond")
    assert view(version, done("s"), done("r", output="answer"), in_flight=("b",)).result == "answer"
    failed_later = view(version, done("s"), done("r", output="answer"), failed("b"))
    assert (failed_later.outcome, failed_later.result) == (RunStatus.FAILED, "answer")
    ended = view(version, done("s"), done("r", output="answer"), done("b"), done("z", output="later"))
    assert ended.result == "answer"


@pytest.mark.rule("W11")
def test_the_first_respond_wins() -> None:
    version = graph("s>q s>r", q="respond", r="respond")
    assert view(version, done("s"), done("r", output=2), done("q", output=1)).result == 2


@pytest.mark.rule("W11")
def test_without_respond_the_ends_are_the_result() -> None:
    one = graph("a>b a.error>c")
    assert view(one, done("a", output=1), done("b", output=2)).result == 2
    several = graph("a>c a>b")
    ended = view(several, done("a"), done("b", output="B"), done("c", output="C"))
    assert list(ended.result.items()) == [("c", "C"), ("b", "B")]
    assert view(graph("a>b a.error>c"), done("a"), in_flight=("b",)).result is None


@pytest.mark.rule("W2")
def test_a_disabled_block_is_taken_out_with_its_edges() -> None:
    drawn = definition(
        block("s", "start"), block("off", enabled=False), block("a"), block("b"), edges="s>off off>a s>b a>b"
    )
    begun = fold(compile_version(drawn, TYPES), ledger(done("s")))
    assert (begun.ready, begun.skipped) == (("b",), ("a",))


@pytest.mark.rule("W9")
def test_stored_skips_are_worked_out_anew() -> None:
    version = graph("d.yes>a d.no>b", d="decide")
    stale = StepRecord("a", StepStatus.SKIPPED)
    assert view(version, stale, done("d", "yes")).ready == ("a",)
    assert Router.restore(version, [stale, done("d", "yes")])[1].ready == ("a",)


@pytest.mark.rule("W9")
def test_a_router_is_restored_from_the_ledger() -> None:
    version = graph("s>a s>b a>x b>x d.yes>x", d="decide")
    router, advance = Router.restore(version, [done("s"), done("d", "no"), done("a")])
    assert (advance.ready, advance.skipped, router.in_flight) == (("b",), (), {"b"})
    assert router.finish(done("b")).ready == ("x",)
    router, advance = Router.restore(version, [done("s"), failed("a")])
    assert (advance.ready, router.done, router.outcome) == ((), True, RunStatus.FAILED)


@pytest.mark.rule("W7", "W11")
def test_blocks_held_back_are_withdrawn_after_a_failure() -> None:
    router = Router(graph("s>a s>b s>c"))
    router.start()
    assert router.finish(done("s")).ready == ("a", "b", "c")
    router.finish(failed("a"))
    assert (router.stopping, router.done) == (True, False)
    router.withdraw(["b", "c"])
    assert (router.done, router.outcome) == (True, RunStatus.FAILED)


def test_a_block_finishes_once() -> None:
    router = Router(graph("s>a"))
    router.start()
    router.finish(done("s"))
    with pytest.raises(ValueError, match="'s' cannot finish"):
        router.finish(done("s"))


@pytest.mark.rule("W5", "W8")
def test_what_expressions_see_of_a_finished_step() -> None:
    blocks = {
        "ok": block_value(done("ok", output={"x": 1})),
        "bad": block_value(failed("bad", "http_500")),
        "gone": block_value(StepRecord("gone", StepStatus.SKIPPED)),
    }
    assert blocks["gone"] is SKIPPED
    source = "[blocks.ok.x, blocks.bad.error.code, blocks.bad.error['class'], blocks.gone.any.thing]"
    assert compile_expression(source).render({"blocks": blocks}) == [1, "http_500", "upstream", None]
