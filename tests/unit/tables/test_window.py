"""Planning a window: rows, stamps, clears, message sizes, lanes (T9, T10, performance.md)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables.engine.eligibility import classify_cell
from tables.engine.types import CellState, Request, RowState
from tables.engine.window import (
    clears_for,
    handed_over,
    pack_rows,
    packs,
    plan_window,
    windows_wanted,
    without,
)
from tests.unit.tables.specs import EARLIER, THIS, cell, group, named, request, row, table

A, B = group("A", "name", auto_run=True), group("B", "a", auto_run=True)
PAIR = table(A, B)
BOTH = ("A", "B")
CONTINUING = replace(request("all", *BOTH), continues=frozenset({EARLIER}))


def many(count: int) -> list[RowState]:
    return [RowState(named(f"row {i}"), {"name": f"n{i}"}, frozenset(), {}) for i in range(count)]


@pytest.mark.rule("T10")
def test_the_first_row_runs_and_a_window_ends_with_its_last_row_of_work() -> None:
    plan = plan_window(table(A), many(5), request("all", "A"), 3)
    assert [r.id for r in plan.rows] == [named(f"row {i}") for i in range(3)]
    assert plan.passed == 3
    assert len(plan.stamps) == 3


@pytest.mark.rule("T10")
@pytest.mark.parametrize("status", ["pending", "running", "paused", "completed", "failed", "cancelled"])
def test_a_row_handed_over_before_is_passed_and_counted_no_second_time(status: str) -> None:
    moved = row(None, cell("A", status, dispatch=THIS))
    plan = plan_window(PAIR, [moved, *many(1)], request("all", *BOTH), 20)
    assert (plan.passed, plan.again, plan.skipped) == (2, 1, {})
    assert [r.id for r in plan.rows] == [named("row 0")]


@pytest.mark.rule("T10", "T13")
def test_rows_without_work_are_passed_and_their_cells_counted_by_reason() -> None:
    idle = row(None, cell("A", "completed"), cell("B", "running"))
    plan = plan_window(PAIR, [idle, *many(1)], request("incomplete", *BOTH), 20)
    assert plan.passed == 2
    assert [r.id for r in plan.rows] == [named("row 0")]
    assert plan.skipped == {"completed": 1, "in_flight": 1}


@pytest.mark.rule("T13")
def test_what_this_dispatch_did_already_is_not_counted_again() -> None:
    done = row(None, cell("A", "completed", dispatch=THIS))
    assert plan_window(table(A), [done], request("all", "A"), 20).skipped == {}


CLEARS: list[tuple[str, Request, CellState, bool]] = [
    ("all: a finished record of a targeted group", request("all", *BOTH), cell("B", "completed"), True),
    ("all: never what is in flight", request("all", *BOTH), cell("B", "running"), False),
    ("all: never a sibling that is not asked for", request("all", "A"), cell("B", "completed"), False),
    (
        "all: never what this dispatch finished",
        request("all", *BOTH),
        cell("B", "completed", dispatch=THIS),
        False,
    ),
    (
        "all: never a later tombstone",
        request("all", *BOTH),
        cell("B", "cancelled", cancelled_sequence=11),
        False,
    ),
    ("all: what it goes on from has failed", CONTINUING, cell("B", "failed"), True),
    ("all: never what it goes on from has completed", CONTINUING, cell("B", "completed"), False),
    ("incomplete: a failed record", request("incomplete", *BOTH), cell("B", "failed"), True),
    ("incomplete: a stopped record", request("incomplete", *BOTH), cell("B", "cancelled"), True),
    ("incomplete: never a completed one", request("incomplete", *BOTH), cell("B", "completed"), False),
    ("new: nothing", request("new", *BOTH), cell("B", "failed"), False),
    ("an automatic start: nothing", request("all", *BOTH, is_manual=False), cell("B", "completed"), False),
]


@pytest.mark.rule("T10")
@pytest.mark.parametrize(("asked", "held", "cleared"), [c[1:] for c in CLEARS], ids=[c[0] for c in CLEARS])
def test_what_a_request_sets_aside(asked: Request, held: CellState, cleared: bool) -> None:
    found = row(None, held)
    assert clears_for(found, asked) == ([held] if cleared else [])
    assert (held.group_id in without(found, clears_for(found, asked)).cells) is not cleared


@pytest.mark.rule("T10")
def test_a_rerun_of_a_chain_clears_the_dependant_and_stamps_the_source() -> None:
    found = row({"name": "Ada", "a": "x", "b": "y"}, cell("A", "completed"), cell("B", "completed"))
    plan = plan_window(PAIR, [found], request("all", *BOTH), 20)
    assert [(g.name, c) for _, g, c in plan.stamps] == [("A", found.cells[A.id])]
    assert plan.clears == [found.cells[B.id]]


@pytest.mark.rule("T25")
@pytest.mark.parametrize("mode", ["all", "incomplete", "failed", "new"])
def test_a_stop_is_over_for_who_is_asked_again_though_its_inputs_are_not_there_yet(mode: str) -> None:
    stopped = cell("B", "cancelled", cancelled_sequence=9)
    found = row({"name": "Ada"}, stopped)
    plan = plan_window(table(A, group("B", "a", auto_run=True)), [found], request(mode, "B"), 20)
    assert (plan.rows, plan.clears) == ([], [stopped] if mode in {"all", "incomplete"} else [])


@pytest.mark.rule("T10")
def test_what_failed_keeps_its_record_while_it_waits_for_its_inputs() -> None:
    found = row({"name": "Ada"}, cell("B", "failed"))
    plan = plan_window(table(A, group("B", "a", auto_run=True)), [found], request("all", "B"), 20)
    assert (plan.clears, plan.skipped) == ([], {"deps_unmet": 1})


@pytest.mark.parametrize(
    ("row_ms", "size"), [(None, 1), (0, 20), (5, 20), (5.1, 19), (10, 10), (50, 2), (100, 1), (60_000, 1)]
)
def test_a_message_carries_about_a_tenth_of_a_second_of_work(row_ms: float | None, size: int) -> None:
    assert pack_rows(row_ms, 20) == size


def test_packs_keep_the_order_and_lose_nothing() -> None:
    ids = [named(str(i)) for i in range(7)]
    assert packs(ids, 3) == [ids[:3], ids[3:6], ids[6:]]
    assert packs([], 3) == []


@pytest.mark.rule("T9")
@pytest.mark.parametrize(
    ("slots", "rows", "workspaces", "here", "lanes"),
    [
        (16, 20, 1, 1, 5),  # 96 rows
        (16, 20, 2, 1, 2),
        (16, 20, 1, 2, 2),
        (16, 20, 2, 3, 1),  # one at least
        (1, 20, 1, 1, 1),
        (100, 20, 1, 1, 30),
    ],
)
def test_lanes_are_a_share_of_six_times_the_slots(
    slots: int, rows: int, workspaces: int, here: int, lanes: int
) -> None:
    assert windows_wanted(slots, rows, workspaces, here) == lanes


# ---- a plan and the verdicts say the same ------------------------------------------------------------------------

STATUSES = ["pending", "queued", "running", "paused", "completed", "failed", "cancelled"]
cells = st.none() | st.builds(
    lambda status, dispatch, sequence: (status, dispatch, sequence),
    st.sampled_from(STATUSES),
    st.sampled_from([THIS, EARLIER]),
    st.sampled_from([0, 9, 10, 11]),
)


@st.composite
def rows(draw: st.DrawFn) -> RowState:
    held = []
    for name in BOTH:
        found = draw(cells)
        if found is not None:
            held.append(cell(name, found[0], dispatch=found[1], cancelled_sequence=found[2]))
    data = {key: draw(st.sampled_from(["", "x"])) for key in ("name", "a")}
    return row(data, *held, edited=tuple(draw(st.sets(st.just("a")))))


def stamped(plan_rows: Iterable[tuple[RowState, object, object]]) -> set[tuple[int, object]]:
    return {(id(found), getattr(g, "id", None)) for found, g, _ in plan_rows}


@pytest.mark.rule("T7", "T10")
@given(
    found=st.lists(rows(), max_size=6),
    mode=st.sampled_from(["all", "incomplete", "failed", "new"]),
    is_manual=st.booleans(),
    window_rows=st.integers(1, 4),
    asked=st.sampled_from([("A",), ("B",), BOTH]),
)
def test_a_plan_stamps_exactly_the_cells_that_may_run(
    found: list[RowState], mode: str, is_manual: bool, window_rows: int, asked: tuple[str, ...]
) -> None:
    wish = request(mode, *asked, is_manual=is_manual)
    plan = plan_window(PAIR, found, wish, window_rows)
    considered = found[: plan.passed]
    may_run = {
        (id(each), g.id)
        for each in considered
        for g in PAIR.groups
        if g.id in wish.groups
        and not handed_over(each, wish)
        and classify_cell(PAIR, g, without(each, clears_for(each, wish)), wish).runs
    }
    assert stamped(plan.stamps) == may_run
    assert len(plan.rows) <= window_rows
    assert plan.passed == len(found) or len(plan.rows) == window_rows
    assert plan.again == sum(handed_over(each, wish) for each in considered)
    idle = plan.passed - plan.again - len(plan.rows)
    assert sum(plan.skipped.values()) == idle * len(wish.groups)
