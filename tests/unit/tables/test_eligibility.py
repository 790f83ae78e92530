"""The verdict on one cell: every reason, in the order of the checks (tables.md section 2)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tables.engine.eligibility import Reason, Verdict, classify_cell, is_fresh, runnable, unmet_dependencies
from tables.engine.mapping import judge_condition
from tests.unit.tables.specs import EARLIER, THIS, cell, group, named, request, row, table

A = group("A", "name", auto_run=True)
LONE = table(A)
ALL, INCOMPLETE, FAILED, NEW = (request(mode, "A") for mode in ("all", "incomplete", "failed", "new"))
CONTINUING, CONTINUING_NEW = (replace(asked, continues=frozenset({EARLIER})) for asked in (ALL, NEW))
AUTOMATIC = request("incomplete", "A", is_manual=False)
AUTOMATIC_ALL = request("all", "A", is_manual=False)

VERDICTS: list[tuple[str, Any, Any, Reason]] = [
    ("nothing known runs", ALL, row(), Reason.RUN),
    ("mode new runs what was never attempted", NEW, row(), Reason.RUN),
    ("mode failed skips what was never attempted", FAILED, row(), Reason.NOT_FAILED),
    (
        "stopped after the request",
        ALL,
        row(None, cell("A", "cancelled", cancelled_sequence=11)),
        Reason.TOMBSTONED,
    ),
    (
        "a tombstone beats completion",
        ALL,
        row(None, cell("A", "completed", cancelled_sequence=11)),
        Reason.TOMBSTONED,
    ),
    (
        "a tombstone beats a later pre-stamp",
        ALL,
        row(None, cell("A", "pending", cancelled_sequence=11)),
        Reason.TOMBSTONED,
    ),
    ("stopped before the request", ALL, row(None, cell("A", "cancelled", cancelled_sequence=9)), Reason.RUN),
    (
        "stopped by the request's own number",
        ALL,
        row(None, cell("A", "cancelled", cancelled_sequence=10)),
        Reason.RUN,
    ),
    ("running", ALL, row(None, cell("A", "running")), Reason.IN_FLIGHT),
    ("queued", ALL, row(None, cell("A", "queued")), Reason.IN_FLIGHT),
    ("paused", ALL, row(None, cell("A", "paused")), Reason.IN_FLIGHT),
    ("an ownerless pre-stamp", ALL, row(None, cell("A", "pending")), Reason.RUN),
    ("a pre-stamp counts for mode new too", NEW, row(None, cell("A", "pending")), Reason.RUN),
    ("pending but owned", ALL, row(None, cell("A", "pending", execution_id=named("x"))), Reason.IN_FLIGHT),
    (
        "finished by this dispatch",
        ALL,
        row(None, cell("A", "completed", dispatch=THIS)),
        Reason.ALREADY_DONE_HERE,
    ),
    (
        "failed by this dispatch",
        FAILED,
        row(None, cell("A", "failed", dispatch=THIS)),
        Reason.ALREADY_DONE_HERE,
    ),
    (
        "finished by what it goes on from",
        CONTINUING,
        row(None, cell("A", "completed")),
        Reason.COMPLETED,
    ),
    ("failed there", CONTINUING, row(None, cell("A", "failed")), Reason.RUN),
    (
        "finished by another",
        CONTINUING,
        row(None, cell("A", "completed", dispatch=named("other"))),
        Reason.RUN,
    ),
    (
        "finished there, but what it reads was just made",
        replace(CONTINUING, follows=True),
        row(None, cell("A", "completed")),
        Reason.RUN,
    ),
    ("cut off there, mode new", CONTINUING_NEW, row(None, cell("A", "cancelled")), Reason.RUN),
    (
        "cut off by another, mode new",
        CONTINUING_NEW,
        row(None, cell("A", "cancelled", dispatch=named("other"))),
        Reason.HAS_ATTEMPT,
    ),
    ("attempted, mode new", NEW, row(None, cell("A", "failed")), Reason.HAS_ATTEMPT),
    ("stopped, mode new", NEW, row(None, cell("A", "cancelled")), Reason.HAS_ATTEMPT),
    ("completed, mode incomplete", INCOMPLETE, row(None, cell("A", "completed")), Reason.COMPLETED),
    ("completed, mode all", ALL, row(None, cell("A", "completed")), Reason.RUN),
    ("completed, automatic", AUTOMATIC_ALL, row(None, cell("A", "completed")), Reason.COMPLETED),
    ("completed, mode failed", FAILED, row(None, cell("A", "completed")), Reason.NOT_FAILED),
    ("failed, mode failed", FAILED, row(None, cell("A", "failed")), Reason.RUN),
    ("stopped, mode failed", FAILED, row(None, cell("A", "cancelled")), Reason.RUN),
    ("failed, mode incomplete", INCOMPLETE, row(None, cell("A", "failed")), Reason.RUN),
    ("failed, automatic", AUTOMATIC, row(None, cell("A", "failed")), Reason.FAILED_EARLIER),
    ("stopped, automatic", AUTOMATIC, row(None, cell("A", "cancelled")), Reason.CANCELLED_EARLIER),
    ("its dependency is empty", ALL, row({}), Reason.DEPS_UNMET),
    ("the record is looked at before dependencies", NEW, row({}, cell("A", "failed")), Reason.HAS_ATTEMPT),
]


@pytest.mark.rule("T7")
@pytest.mark.parametrize(
    ("asked", "found", "reason"), [v[1:] for v in VERDICTS], ids=[v[0] for v in VERDICTS]
)
def test_the_first_check_that_hits_decides(asked: Any, found: Any, reason: Reason) -> None:
    assert classify_cell(LONE, A, found, asked).reason is reason


@pytest.mark.rule("T7")
def test_an_automatic_start_leaves_groups_with_auto_run_off_alone() -> None:
    manual = group("A", "name")
    found = row({}, cell("A", "running"))
    assert classify_cell(table(manual), manual, found, AUTOMATIC).reason is Reason.AUTO_RUN_OFF


@pytest.mark.rule("T7")
@pytest.mark.parametrize(
    ("type_", "value", "met"),
    [
        ("text", None, False),
        ("text", "", False),
        ("text", " ", True),
        ("number", 0, True),
        ("boolean", False, False),
        ("boolean", True, True),
        ("multi_select", [], False),
        ("multi_select", ["x"], True),
        ("json", {}, True),
    ],
)
def test_a_dependency_is_met_when_its_value_is_not_empty(type_: str, value: Any, met: bool) -> None:
    reads = group("A", "given", auto_run=True)
    found = row({"name": "Ada", "given": value})
    verdict = classify_cell(table(reads, typed={"given": type_}), reads, found, ALL)
    assert verdict == (Verdict(Reason.RUN) if met else Verdict(Reason.DEPS_UNMET, columns=("given",)))


B = group("B", "a", auto_run=True)
PAIR = table(A, B)


@pytest.mark.rule("T7")
@pytest.mark.parametrize("status", ["pending", "queued", "running", "paused", "failed", "cancelled"])
def test_a_value_whose_cell_is_not_completed_is_stale_and_meets_nothing(status: str) -> None:
    found = row({"name": "Ada", "a": "old"}, cell("A", status))
    assert unmet_dependencies(PAIR, B, found) == ("a",)


@pytest.mark.rule("T7")
def test_a_value_without_a_record_is_stale_unless_a_person_typed_it() -> None:
    assert not is_fresh(PAIR, row({"a": "old"}), "a")
    assert is_fresh(PAIR, row({"a": "typed"}, edited=("a",)), "a")
    assert is_fresh(PAIR, row({"a": "new"}, cell("A", "completed")), "a")
    assert not is_fresh(PAIR, row(), "no such column")


@pytest.mark.rule("T7")
def test_a_manual_run_of_a_group_with_auto_run_off_ignores_dependencies() -> None:
    later = group("B", "a")
    spec = table(A, later)
    assert classify_cell(spec, later, row({}), request("all", "B")).reason is Reason.RUN


@pytest.mark.rule("T7")
def test_but_a_column_that_the_same_request_fills_is_waited_for() -> None:
    later = group("B", "a", "name")
    verdict = classify_cell(table(A, later), later, row({}), request("all", "A", "B"))
    assert verdict == Verdict(Reason.DEPS_UNMET, columns=("a",))


@pytest.mark.rule("T7")
@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("row.name == 'Ada'", Reason.RUN),
        ("row.name == 'Bob'", Reason.CONDITION_FALSE),
        ("row.nothing.at.all", Reason.CONDITION_ERROR),
    ],
)
def test_the_condition_is_asked_last(condition: str, reason: Reason) -> None:
    picky = group("A", "name", auto_run=True, condition=condition)
    assert classify_cell(table(picky), picky, row(), ALL, judge_condition).reason is reason
    assert classify_cell(table(picky), picky, row({}), ALL, judge_condition).reason is Reason.DEPS_UNMET


@pytest.mark.rule("T7")
def test_an_erring_condition_is_handed_over_to_fail_there() -> None:
    assert Verdict(Reason.CONDITION_ERROR).runs
    assert not Verdict(Reason.CONDITION_FALSE).runs


@pytest.mark.rule("T8")
def test_verdicts_come_in_the_order_groups_run_and_only_for_the_groups_asked_for() -> None:
    spec = table(A, B, group("C"))
    assert list(runnable(spec, row(), request("all", "B", "A"))) == [named("A"), named("B")]
