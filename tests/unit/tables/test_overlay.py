"""What is foretold about cells that a dispatch has not reached (T36): the walk's own verdicts, nothing else."""

from __future__ import annotations

import pytest

from tables.engine.eligibility import Reason
from tables.engine.overlay import Ahead, Foretold, foretell
from tables.engine.types import CellState, Request, RowState, TableSpec
from tables.states import CellStatus
from tests.unit.tables.specs import THIS, cell, group, named, request, row, table

pytestmark = pytest.mark.rule("T36")

A, B = group("A", "name", auto_run=True), group("B", "a", auto_run=True)
PAIR = table(A, B)
LOOSE = table(group("A", "name"), group("B", "a"))


def told(spec: TableSpec, of: RowState, asked: Request, *, reached: bool = False) -> dict[str, str]:
    """By group: ``queued``, or the reason and the columns."""
    ahead = Ahead(asked, frozenset() if reached else frozenset({of.id}))
    names = {each.id: each.name for each in spec.groups}
    return {names[found]: _words(each) for found, each in foretell(spec, of, [ahead]).items()}


def _words(each: Foretold) -> str:
    if each.status is CellStatus.QUEUED:
        return "queued"
    return " ".join([each.reason.value, *each.columns])


CASES: list[tuple[str, TableSpec, list[CellState], Request, dict[str, str]]] = [
    ("a chain", PAIR, [], request("incomplete", "A", "B"), {"A": "queued", "B": "deps_unmet a"}),
    ("auto_run off, alone", LOOSE, [], request("incomplete", "B"), {"B": "queued"}),
    (
        "auto_run off, with its source",
        LOOSE,
        [],
        request("incomplete", "A", "B"),
        {"A": "queued", "B": "deps_unmet a"},
    ),
    ("mode failed, nothing failed", LOOSE, [], request("failed", "A"), {}),
    ("mode all over finished cells", LOOSE, [cell("A", "completed")], request("all", "A"), {"A": "queued"}),
    ("completed", LOOSE, [cell("A", "completed")], request("incomplete", "A"), {}),
    ("in flight speaks for itself", LOOSE, [cell("A", "running")], request("all", "A"), {}),
    ("what it did itself", LOOSE, [cell("A", "completed", dispatch=THIS)], request("all", "A"), {}),
]


@pytest.mark.parametrize(
    ("spec", "cells", "asked", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_row_ahead(
    spec: TableSpec, cells: list[CellState], asked: Request, expected: dict[str, str]
) -> None:
    assert told(spec, row(None, *cells), asked) == expected


def test_a_row_that_was_passed_is_not_foretold_but_a_cell_of_it_may_still_wait() -> None:
    asked = request("incomplete", "A", "B")
    assert told(LOOSE, row(None), asked, reached=True) == {}
    under_way = row(None, cell("A", "running", dispatch=THIS))
    assert told(LOOSE, under_way, asked, reached=True) == {"B": "deps_unmet a"}


def test_without_a_dispatch_only_what_runs_by_itself_says_what_it_waits_for() -> None:
    empty = RowState(named("empty"), {}, frozenset(), {})
    found = foretell(PAIR, empty, [])
    assert {each.reason for each in found.values()} == {Reason.DEPS_UNMET}
    assert found[A.id].columns == ("name",)
    assert found[A.id].dispatch_id is None
    assert foretell(LOOSE, empty, []) == {}


def test_the_first_dispatch_that_would_run_the_cell_is_named() -> None:
    idle = row(None)
    useless, useful = request("failed", "A"), request("new", "A")
    ahead = [Ahead(each, frozenset({idle.id})) for each in (useless, useful)]
    assert foretell(LOOSE, idle, ahead)[LOOSE.groups[0].id].dispatch_id == useful.dispatch_id
