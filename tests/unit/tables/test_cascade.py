"""Which cell of a row comes next (T8, T15, T20)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tables.engine.cascade import Cascade, leftover_stamps, next_cell
from tables.engine.eligibility import Reason
from tables.engine.types import GroupSpec
from tests.unit.tables.specs import THIS, WINDOW, cell, group, named, request, row, table

A, B, C = group("A", "name"), group("B", "a"), group("C", "b")
CHAIN = table(A, B, C)
STAMP = {"dispatch": THIS, "window_id": WINDOW}
WHOLE = Cascade(request("all", "A", "B", "C"), WINDOW)


@pytest.mark.rule("T8", "T15")
def test_groups_run_in_order_as_their_dependencies_are_met() -> None:
    found = row(None, cell("A", "pending", **STAMP))
    step = next_cell(CHAIN, found, WHOLE)
    assert step is not None
    assert (step.group, step.cell, step.dispatch_id, step.window_id) == (A, found.cells[A.id], THIS, WINDOW)
    done = row({"name": "Ada", "a": "x"}, cell("A", "completed", dispatch=THIS))
    step = next_cell(CHAIN, done, WHOLE)
    assert step is not None
    assert (step.group, step.cell) == (B, None)


@pytest.mark.rule("T15")
def test_a_cascade_ends_when_nothing_is_eligible() -> None:
    failed = row(None, cell("A", "failed", dispatch=THIS))
    assert next_cell(CHAIN, failed, WHOLE) is None


@pytest.mark.rule("T17")
def test_stamps_of_other_windows_are_left_to_their_own_hand_over() -> None:
    other = row(None, cell("A", "pending", window_id=named("another window")))
    assert next_cell(table(A), other, Cascade(request("all", "A"), WINDOW)) is None


@pytest.mark.rule("T8")
def test_a_group_added_meanwhile_is_seen_when_the_request_names_it() -> None:
    wider = table(A, group("D", "a"))
    found = row({"name": "Ada", "a": "x"}, cell("A", "completed", dispatch=THIS))
    step = next_cell(wider, found, Cascade(request("all", "A", "D"), WINDOW))
    assert step is not None
    assert step.group.name == "D"


AUTO_B = group("B", "a", auto_run=True)
AUTO_C = group("C", "b", auto_run=True)


@pytest.mark.rule("T20")
def test_the_cascade_carries_on_to_dependants_with_auto_run_on_of_what_it_has_rerun() -> None:
    spec = table(A, AUTO_B)
    found = row(
        {"name": "Ada", "a": "new", "b": "old"}, cell("A", "completed", dispatch=THIS), cell("B", "completed")
    )
    only_a = Cascade(request("all", "A"), WINDOW)
    assert next_cell(spec, found, only_a) is None
    step = next_cell(spec, found, Cascade(only_a.request, WINDOW, frozenset({A.id})))
    assert step is not None
    assert (step.group, step.dispatch_id) == (AUTO_B, THIS)


@pytest.mark.rule("T20", "T28")
@pytest.mark.parametrize("mode", ["failed", "incomplete", "new"])
def test_that_a_dependant_was_asked_for_too_makes_no_difference_to_it(mode: str) -> None:
    found = row(
        {"name": "Ada", "a": "new", "b": "old"}, cell("A", "completed", dispatch=THIS), cell("B", "completed")
    )
    both = Cascade(request(mode, "A", "B"), WINDOW)
    assert next_cell(table(A, AUTO_B), found, both) is None
    step = next_cell(table(A, AUTO_B), found, replace(both, reran=frozenset({A.id})))
    assert step is not None
    assert step.group == AUTO_B
    assert next_cell(table(A, B), found, replace(both, reran=frozenset({A.id}))) is None


@pytest.mark.rule("T20")
@pytest.mark.parametrize("dependant", [B, AUTO_B], ids=["auto_run off", "auto_run on"])
def test_mode_failed_goes_on_with_what_could_not_be_tried_while_its_source_had_failed(
    dependant: GroupSpec,
) -> None:
    found = row({"name": "Ada", "a": "new"}, cell("A", "completed", dispatch=THIS))
    both = Cascade(request("failed", "A", "B"), WINDOW)
    assert next_cell(table(A, dependant), found, both) is None
    step = next_cell(table(A, dependant), found, replace(both, reran=frozenset({A.id})))
    assert step is not None
    assert step.group == dependant


@pytest.mark.rule("T24")
def test_a_group_that_the_request_goes_on_without_does_not_follow() -> None:
    found = row({"name": "Ada", "a": "new"}, cell("A", "completed", dispatch=THIS))
    asked = replace(request("all", "A"), stopped=frozenset({AUTO_B.id}))
    assert next_cell(table(A, AUTO_B), found, Cascade(asked, WINDOW, frozenset({A.id}))) is None


@pytest.mark.rule("T20")
def test_it_does_not_carry_on_to_dependants_with_auto_run_off() -> None:
    found = row({"name": "Ada", "a": "new"}, cell("A", "completed", dispatch=THIS), cell("B", "completed"))
    assert next_cell(table(A, B), found, Cascade(request("all", "A"), WINDOW, frozenset({A.id}))) is None


@pytest.mark.rule("T20")
def test_carrying_on_ends_once_the_dependant_was_rerun_by_this_dispatch() -> None:
    spec = table(A, AUTO_B, AUTO_C)
    found = row(
        {"name": "Ada", "a": "new", "b": "new", "c": "new"},
        *(cell(name, "completed", dispatch=THIS) for name in "ABC"),
    )
    everything = frozenset(map(named, "ABC"))
    assert next_cell(spec, found, Cascade(request("all", "A"), WINDOW, everything)) is None


@pytest.mark.rule("T25")
def test_a_tombstone_stops_its_own_group_only() -> None:
    spec = table(A, group("D", "name"))
    found = row(None, cell("A", "cancelled", cancelled_sequence=11))
    step = next_cell(spec, found, Cascade(request("all", "A", "D"), WINDOW))
    assert step is not None
    assert step.group.name == "D"


@pytest.mark.rule("T15")
def test_an_erring_condition_is_claimed_so_that_the_cell_fails() -> None:
    from tables.engine.mapping import judge_condition

    picky = group("A", "name", condition="row.no.such")
    step = next_cell(table(picky), row(), Cascade(request("all", "A"), WINDOW), judge_condition)
    assert step is not None
    assert step.verdict.reason is Reason.CONDITION_ERROR


@pytest.mark.rule("T11")
def test_stamps_that_could_not_run_are_left_over_for_this_window_only() -> None:
    mine = cell("B", "pending", **STAMP)
    found = row(
        None, cell("A", "failed", dispatch=THIS), mine, cell("C", "pending", window_id=named("other"))
    )
    assert leftover_stamps(found, WINDOW) == (mine,)


GOING_ON = {**STAMP, "execution_id": named("execution"), "run_id": named("run")}


@pytest.mark.rule("T32")
@pytest.mark.parametrize("groups", [("A",), ("B",)], ids=["asked_for", "followed_by_itself"])
def test_a_parked_cell_goes_on_whatever_its_dependencies_say_by_now(groups: tuple[str, ...]) -> None:
    found = row({}, cell("A", "pending", **GOING_ON))
    step = next_cell(CHAIN, found, Cascade(request("new", *groups), WINDOW, resumes=True))
    assert step is not None
    assert (step.group, step.cell, step.verdict.reason) == (A, found.cells[A.id], Reason.RUN)
    assert not leftover_stamps(found, WINDOW)


@pytest.mark.rule("T32", "T17")
def test_a_parked_cell_of_another_window_is_left_to_that() -> None:
    found = row(None, cell("A", "pending", **{**GOING_ON, "window_id": named("another window")}))
    assert next_cell(table(A), found, Cascade(request("all", "A"), WINDOW)) is None


@pytest.mark.rule("T32", "T13")
def test_a_cascade_for_a_parked_cell_runs_what_reads_from_it_and_nothing_else() -> None:
    spec = table(A, B, group("D", "name"))
    done = row({"name": "Ada", "a": "x"}, cell("A", "completed", dispatch=THIS))
    wanted = request("all", "A", "B", "D")
    assert next_cell(spec, done, Cascade(wanted, WINDOW, resumes=True)) is None
    step = next_cell(spec, done, Cascade(wanted, WINDOW, frozenset({A.id}), resumes=True))
    assert step is not None
    assert step.group == B
    lost = row(
        {"name": "Ada", "a": "x"}, cell("A", "completed", dispatch=THIS), cell("B", "pending", **STAMP)
    )
    step = next_cell(
        spec, lost, Cascade(wanted, WINDOW, resumes=True)
    )  # its worker died, and took the memory along
    assert step is not None
    assert step.group == B


@pytest.mark.rule("T32", "T7")
@pytest.mark.parametrize("status", ["paused", "queued"])
def test_what_reads_from_a_parked_cell_waits_and_the_others_run(status: str) -> None:
    spec = table(A, B, group("D", "name"))
    found = row({"name": "Ada", "a": "partial"}, cell("A", status, dispatch=THIS))
    step = next_cell(spec, found, Cascade(request("all", "A", "B", "D"), WINDOW))
    assert step is not None
    assert step.group.name == "D"
