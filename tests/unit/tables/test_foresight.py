"""What a request would do to a row, foreseen (T14)."""

from __future__ import annotations

import pytest

from tables.engine.eligibility import Reason
from tables.engine.foresight import foresee, superseded
from tables.engine.mapping import judge_condition
from tables.engine.types import Request
from tests.unit.tables.specs import EARLIER, cell, group, named, request, row, table

A, B, C = group("A", "name"), group("B", "a"), group("C", "b")
CHAIN = table(A, B, C)
EVERY = ("A", "B", "C")


def reasons(found: object) -> dict[str, str]:
    """Reasons by group name."""
    by_id = {named(name): name for name in EVERY}
    return {by_id[each]: verdict.reason.value for each, verdict in found.verdicts.items()}  # type: ignore[attr-defined]


@pytest.mark.rule("T14")
def test_cells_that_wait_only_for_this_very_run_follow() -> None:
    found = foresee(CHAIN, row(), request("all", *EVERY))
    assert reasons(found) == {"A": "run", "B": "run", "C": "run"}
    assert found.follows == {B.id, C.id}
    assert found.hands_over


@pytest.mark.rule("T14")
def test_nothing_follows_on_what_does_not_run() -> None:
    found = foresee(CHAIN, row(), request("incomplete", "B", "C"))
    assert reasons(found) == {"B": "run", "C": "run"}  # manual, auto_run off: a is not asked of this run (T7)
    automatic = table(group("A", "name", auto_run=True), group("B", "a", auto_run=True))
    waiting = foresee(automatic, row({"name": ""}), request("all", "A", "B"))
    assert {verdict.reason for verdict in waiting.verdicts.values()} == {Reason.DEPS_UNMET}
    assert not waiting.hands_over


@pytest.mark.rule("T14")
def test_a_finished_dependant_of_a_rerun_source_stays_as_the_mode_says() -> None:
    held = row({"name": "Ada", "b": "x"}, cell("A", "failed"), cell("B", "completed"))
    found = foresee(CHAIN, held, request("incomplete", "A", "B"))
    assert reasons(found) == {"A": "run", "B": "completed"}


@pytest.mark.rule("T14", "T20")
@pytest.mark.parametrize("mode", ["failed", "incomplete"])
def test_one_that_runs_by_itself_is_made_again_from_what_its_source_will_be(mode: str) -> None:
    spec = table(A, group("B", "a", auto_run=True))
    held = row({"name": "Ada", "a": "x", "b": "x"}, cell("A", "failed"), cell("B", "completed"))
    found = foresee(spec, held, request(mode, "A", "B"))
    assert reasons(found) == {"A": "run", "B": "run"}
    assert found.follows == {B.id}


@pytest.mark.rule("T14")
def test_mode_failed_counts_what_waited_for_the_failed_one() -> None:
    found = foresee(CHAIN, row(None, cell("A", "failed")), request("failed", *EVERY))
    assert reasons(found) == {"A": "run", "B": "run", "C": "run"}
    assert found.follows == {B.id, C.id}
    idle = foresee(CHAIN, row({"name": "Ada", "a": "x"}, cell("A", "completed")), request("failed", *EVERY))
    assert set(reasons(idle).values()) == {"not_failed"}


@pytest.mark.rule("T14")
def test_an_erring_condition_counts_as_run_and_fills_nothing() -> None:
    spec = table(group("A", "name", condition="row.nope.deeper"), group("B", "a"))
    found = foresee(spec, row(), request("all", "A", "B"), judge_condition)
    assert [verdict.reason for verdict in found.verdicts.values()] == [
        Reason.CONDITION_ERROR,
        Reason.DEPS_UNMET,
    ]


@pytest.mark.rule("T14", "T20")
def test_what_auto_run_takes_along_is_named_apart() -> None:
    spec = table(A, group("B", "a", auto_run=True), group("C", "b", auto_run=True))
    found = foresee(spec, row(), request("all", "A"))
    assert list(found.verdicts) == [A.id]
    assert found.carried_on == {named("B"), named("C")}


IN_HAND = ["running", "queued", "paused"]


@pytest.mark.rule("T14")
@pytest.mark.parametrize("status", IN_HAND)
@pytest.mark.parametrize(
    ("asked", "table_wide", "stops"),
    [
        (request("all", "A"), True, True),
        (request("failed", "A"), False, True),
        (request("new", "A"), True, False),
        (request("all", "A", is_manual=False), True, False),
    ],
    ids=["table", "rows", "mode new", "automatic"],
)
def test_what_a_run_would_stop_first_is_judged_as_stopped(
    status: str, asked: Request, table_wide: bool, stops: bool
) -> None:
    held = row(None, cell("A", status))
    found = superseded(held, asked, is_table_wide=table_wide, active={EARLIER})
    assert (found.cells[A.id].status == "cancelled") is stops


@pytest.mark.rule("T14")
def test_a_table_wide_run_stops_only_what_dispatches_under_way_hold_and_mode_all_what_is_parked() -> None:
    for status, mode, stops in (
        ("running", "all", False),
        ("paused", "all", True),
        ("paused", "incomplete", False),
    ):
        held = row(None, cell("A", status))
        found = superseded(held, request(mode, "A"), is_table_wide=True, active=())
        assert (found.cells[A.id].status == "cancelled") is stops
