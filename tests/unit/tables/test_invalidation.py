"""What an edit makes of a row's cells, decided without a database (T28, T31)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables.engine.eligibility import classify_cell, is_fresh, unmet_dependencies
from tables.engine.invalidation import Change, concerns, plan_invalidation, starting_groups
from tables.engine.types import CellState, GroupSpec, RowState
from tables.engine.window import without
from tables.states import IN_FLIGHT, CellStatus
from tests.unit.tables.specs import cell, group, named, request, row, table

AUTO = (group("A", "name", auto_run=True), group("B", "a", auto_run=True), group("C", "b", auto_run=True))
BY_HAND = (group("A", "name"), group("B", "a"), group("C", "b"))
FILLED = {"name": "Ada", "a": "1", "b": "2", "c": "3"}


def planned(
    groups: tuple[GroupSpec, ...], found: RowState, *dirty: str, **more: Any
) -> dict[str, tuple[str, bool]]:
    plan = plan_invalidation(table(*groups), found, set(dirty), **more)
    return {each.group.name: (each.change.value, each.starts) for each in plan}


def done(*statuses: str, edited: tuple[str, ...] = (), data: dict[str, Any] | None = None) -> RowState:
    """A row whose cells A, B, C have these statuses, ``-`` for none."""
    cells = [cell(name, status) for name, status in zip("ABC", statuses, strict=False) if status != "-"]
    return row(FILLED if data is None else data, *cells, edited=edited)


@pytest.mark.rule("T28")
def test_an_edit_clears_and_reruns_everything_that_came_of_it() -> None:
    found = planned(AUTO, done("completed", "failed", "cancelled"), "name")
    assert found == {"A": ("clear", True), "B": ("clear", True), "C": ("clear", True)}


@pytest.mark.rule("T28")
def test_with_auto_run_off_finished_cells_are_cleared_and_nothing_starts() -> None:
    found = planned(BY_HAND, done("completed", "completed", "completed"), "name")
    assert found == {"A": ("clear", False), "B": ("clear", False), "C": ("clear", False)}


@pytest.mark.rule("T28")
@pytest.mark.parametrize("status", sorted(status.value for status in IN_FLIGHT))
@pytest.mark.parametrize("groups", [AUTO, BY_HAND], ids=["auto", "by hand"])
def test_what_is_in_flight_begins_anew_auto_run_or_not(groups: tuple[GroupSpec, ...], status: str) -> None:
    assert planned(groups, done(status), "name")["A"] == ("restart", False)


@pytest.mark.rule("T28")
def test_what_was_never_run_is_asked_for_only_where_it_runs_by_itself() -> None:
    assert planned(AUTO, done("-"), "name") == {"A": ("keep", True), "B": ("keep", True), "C": ("keep", True)}
    assert planned(BY_HAND, done("-", "completed"), "name") == {}


@pytest.mark.rule("T28", "T7")
def test_an_emptied_input_clears_what_read_it_and_stops_what_runs() -> None:
    empty = done("completed", "running", data={"a": "1", "b": "2"})
    found = planned(AUTO, empty, "name")
    assert found == {"A": ("clear", True), "B": ("clear", True), "C": ("keep", True)}
    spec, cleared = table(*AUTO), RowState(empty.id, empty.data, empty.edited, {})
    verdicts = [
        classify_cell(spec, each, cleared, request("new", "A", "B", "C", is_manual=False)) for each in AUTO
    ]
    assert not any(verdict.runs for verdict in verdicts)


@pytest.mark.rule("T28", "T8")
def test_a_column_in_the_middle_leaves_what_stands_left_of_it_alone() -> None:
    found = planned(AUTO, done("completed", "completed", "completed", edited=("a",)), "a")
    assert found == {"B": ("clear", True), "C": ("clear", True)}


@pytest.mark.rule("T28", "T30")
def test_what_a_person_typed_stays_fresh_and_so_does_what_came_of_it() -> None:
    found = planned(AUTO, done("completed", "completed", "completed", edited=("a",)), "name")
    assert found == {"A": ("clear", True)}


@pytest.mark.rule("T28")
def test_a_column_that_nobody_reads_changes_nothing() -> None:
    assert planned(AUTO, done("completed", "running"), "c") == {}
    assert planned(AUTO, done("completed", "running")) == {}


@pytest.mark.rule("T31")
def test_emptying_an_output_clears_its_cell_and_what_read_it() -> None:
    emptied = done("completed", "completed", data={"name": "Ada", "b": "2"})
    found = planned(AUTO, emptied, "a", emptied={"a"})
    assert found == {"A": ("clear", True), "B": ("clear", True), "C": ("keep", True)}


@pytest.mark.rule("T31")
@pytest.mark.parametrize("status", sorted(status.value for status in IN_FLIGHT))
def test_emptying_an_output_that_is_just_being_filled_leaves_its_run_alone(status: str) -> None:
    assert "A" not in planned(AUTO, done(status, data={"name": "Ada"}), "a", emptied={"a"})


@pytest.mark.rule("T31")
def test_emptying_what_was_only_ever_typed_asks_for_it_where_it_runs_by_itself() -> None:
    found = row({"name": "Ada"}, cell("B", "completed"))
    assert planned(AUTO, found, "a", emptied={"a"})["A"] == ("keep", True)
    assert "A" not in planned(BY_HAND, found, "a", emptied={"a"})


@pytest.mark.rule("T28", "T25")
@pytest.mark.parametrize(
    ("auto_run", "status", "floor", "change"),
    [
        (False, "cancelled", 5, "keep"),
        (False, "completed", 5, "tombstone"),
        (False, "failed", 5, "tombstone"),
        (False, "cancelled", 9, "clear"),
        (False, "cancelled", None, "clear"),
        (True, "cancelled", 5, "clear"),
        (False, "running", 5, "restart"),
    ],
)
def test_an_edit_does_not_bring_back_what_was_stopped_ahead_of_a_dispatch(
    auto_run: bool, status: str, floor: int | None, change: str
) -> None:
    spec = table(group("A", "name", auto_run=auto_run))
    found = row(None, cell("A", status, cancelled_sequence=7))
    plan = plan_invalidation(spec, found, {"name"}, tombstone_floor=floor)
    assert [each.change.value for each in plan] == ([] if change == "keep" else [change])


@pytest.mark.rule("T28", "T25")
def test_a_stopped_cell_that_can_run_no_more_is_still_skipped() -> None:
    spec = table(group("A", "name", auto_run=True))
    plan = plan_invalidation(
        spec, row({}, cell("A", "running", cancelled_sequence=7)), {"name"}, tombstone_floor=5
    )
    assert [(each.change, each.starts) for each in plan] == [(Change.TOMBSTONE, False)]


def test_groups_are_concerned_by_what_they_read_and_by_their_own_output_emptied() -> None:
    spec = table(*AUTO)
    assert concerns(spec, {"name"})
    assert concerns(spec, {"a"})
    assert not concerns(spec, {"c"})
    assert concerns(spec, {"c"}, {"c"})


STATUSES = st.sampled_from([None, *CellStatus])
GROUPS = st.lists(
    st.tuples(st.sets(st.sampled_from(["name", "a", "b", "c"]), min_size=1), st.booleans()),
    min_size=4,
    max_size=4,
)
KEYS = ("a", "b", "c", "d")


def groups_of(drawn: list[tuple[set[str], bool]]) -> list[GroupSpec]:
    """Groups A to D; each reads what stands left of it."""
    made = []
    for place, (reads, auto_run) in enumerate(drawn):
        left = {"name", *KEYS[:place]}
        made.append(group("ABCD"[place], *sorted(reads & left or {"name"}), auto_run=auto_run))
    return made


@pytest.mark.rule("T28", "T7")
@given(
    GROUPS,
    st.lists(STATUSES, min_size=4, max_size=4),
    st.sets(st.sampled_from(KEYS)),
    st.sets(st.sampled_from(["name", *KEYS])),
    st.sets(st.sampled_from(["name", *KEYS])),
)
def test_afterwards_nothing_completed_reads_what_changed_or_is_stale(
    drawn: list[tuple[set[str], bool]],
    statuses: list[CellStatus | None],
    edited: set[str],
    filled: set[str],
    dirty: set[str],
) -> None:
    """I4: no completed cell is left that read a dirty column, nor what came of a cell that was set aside."""
    groups = groups_of(drawn)
    spec = table(*groups)
    cells = {
        name: cell(name, status.value)
        for name, status in zip("ABCD", statuses, strict=True)
        if status is not None
    }
    before = RowState(
        named("row"), dict.fromkeys(filled, "x"), frozenset(edited), {c.group_id: c for c in cells.values()}
    )
    plan = plan_invalidation(spec, before, dirty)
    gone: list[CellState] = [each.cell for each in plan if each.cell and each.change is not Change.KEEP]
    after = without(before, gone)
    touched = {each.group.id for each in plan if each.change is not Change.KEEP}
    for each in groups:
        found = after.cells.get(each.id)
        if found is not None:
            assert not dirty & set(each.depends_on)
            for key in each.depends_on:
                source = spec.column(key)
                assert source is not None
                assert source.group_id not in touched or key in edited, "what it read was set aside"
    for each_plan in plan:
        if each_plan.change is Change.RESTART:
            assert not unmet_dependencies(spec, each_plan.group, after)
            assert each_plan.cell is not None
            assert each_plan.cell.status in IN_FLIGHT
    assert starting_groups(plan) <= {each.id for each in groups if each.auto_run}
    assert all(is_fresh(spec, after, key) for key in edited & set(KEYS))
