"""The demo's own judgement: it must see what is wrong, and respect what a person changed."""

from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import pytest

from config.demo import expected, expected_tickets
from config.demo.api import Api
from config.demo.check import Verdict, account_faults, judge
from config.demo.packages import GROUPS, PACKAGES
from config.demo.sheet import Sheet
from config.demo.tickets import TICKETS
from config.demo.truth import Truth

DISPATCH = {"id": "d", "table": "t"}
Change = Callable[[dict[str, Any]], object]


class Shown(Api):
    """The API of a table that is as the demo made it; no server behind it."""

    def __init__(self, sheet: Sheet = PACKAGES) -> None:
        self.sheet = sheet
        self.groups = [
            {"id": g.name, "name": g.name, "workflow": g.name, "ref": "live", "revision": 1}
            for g in sheet.groups
        ]

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        if path.startswith("tables/"):
            columns = [{"key": c.key, "group": None} for c in self.sheet.typed]
            columns += [{"key": c.key, "group": g.name} for g in self.sheet.groups for c in g.outputs]
            return {"columns": columns, "groups": self.groups}
        if path.endswith("versions/"):
            return {"results": [{"number": 1, "refs": ["live"]}]}
        return {"definition": next(g.definition for g in self.sheet.groups if g.name == path.split("/")[1])}


def right_row(package: str = "rich") -> dict[str, Any]:
    data: dict[str, Any] = {"package": package, "version": version(package)}
    cells = {}
    for group in GROUPS:
        values = expected.TRUTH.values[group.name](data)
        data |= {key: _held(value) for key, value in values.items()}
        cells[group.name] = {"status": "completed", "dispatch": "d"}
    return {"data": data, "cells": cells, "edited": []}


def _held(value: Any) -> Any:
    if isinstance(value, expected.Near):
        return round(value.value, 1)
    return 42 if isinstance(value, expected.Measured) else value


def judged(*rows: dict[str, Any], api: Api | None = None, truth: Truth = expected.TRUTH) -> Verdict:
    return judge(api or Shown(), PACKAGES, truth, DISPATCH, rows)


def test_a_right_row_is_right() -> None:
    verdict = judged(right_row())
    assert (verdict.judged, verdict.faults, verdict.unchecked) == (5, [], [])


def fail(group: str, code: str, message: str = "") -> Change:
    failed = {"status": "failed", "dispatch": "d", "error": {"code": code, "message": message}}
    return lambda row: row["cells"].update({group: failed})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda row: row["data"].update(files=0), "Measure: files is 0 and should be"),
        (lambda row: row["data"].update(risk="high"), "Risk: risk is 'high' and should be 'low'"),
        (
            lambda row: row["data"].update(import_time_ms=True),
            "import_time_ms is True and should be a number",
        ),
        (lambda row: row["cells"].pop("Measure"), "Measure: it never ran"),
        (lambda row: row["cells"]["Summary"].update(status="cancelled"), "Summary: it is cancelled"),
        (
            fail("Import health", "import_failed", "nonsense"),
            "Import health: it failed without cause: nonsense",
        ),
        (fail("Measure", "internal", "oops"), "Measure: it failed without cause: oops"),
    ],
)
def test_a_wrong_cell_is_named_with_what_is_wrong(change: Change, words: str) -> None:
    row = right_row()
    change(row)
    assert words in "\n".join(judged(row).faults)


def broken_row(message: str) -> dict[str, Any]:
    """A package that really cannot be imported by itself; what waits for it did not run."""
    row = right_row("psycopg-binary")
    fail("Import health", "import_failed", message)(row)
    for name in ("Risk", "Summary"):
        del row["cells"][name]
    return row


def test_a_cell_that_failed_for_its_true_reason_is_right() -> None:
    assert judged(broken_row("ImportError: the psycopg package should be imported first")).faults == []


def test_a_cell_that_failed_for_another_reason_is_wrong() -> None:
    (fault,) = judged(broken_row("MemoryError: none left")).faults
    assert "should have with import_failed: ImportError" in fault


def test_what_should_have_been_skipped_may_not_run() -> None:
    row = broken_row("ImportError: …")
    row["cells"]["Risk"] = {"status": "completed", "dispatch": "d"}
    (fault,) = judged(row).faults
    assert fault.endswith("should have been skipped: it waits for modules_loaded")
    row["cells"]["Risk"]["dispatch"] = "a person's own, of this group alone"
    assert judged(row).faults == []


def test_a_small_package_is_not_rated() -> None:
    row = right_row()
    small = replace(expected.TRUTH, conditions={"Risk": lambda row: False})
    assert "its condition is false" in judged(row, truth=small).faults[0]
    del row["cells"]["Risk"]
    assert judged(row, truth=small).faults == []


def ticket(status: str, decision: str | None, *, asked: bool = True, dispatch: str = "d") -> list[str]:
    """What is wrong with a ticket's cell in that state."""
    record = next(each for each in TICKETS.records() if (each[0] in expected_tickets.ASKED) is asked)
    data = dict(zip((column.key for column in TICKETS.typed), record, strict=True))
    values = {**expected_tickets.answered(data), "decision": decision}
    row = {
        "data": {**data, **values},
        "cells": {"Answer ticket": {"status": status, "dispatch": dispatch}},
        "edited": [],
    }
    return judge(Shown(TICKETS), TICKETS, expected_tickets.TRUTH, DISPATCH, [row]).faults


def test_a_ticket_waits_for_a_person_where_it_should() -> None:
    assert ticket("paused", None) == []
    assert ticket("completed", "rejected", dispatch="an earlier one") == []
    assert ticket("completed", "automatic", asked=False) == []
    assert ticket("paused", None, asked=False)[0].endswith("it waits, and should not")
    assert ticket("completed", "approved")[0].endswith("it is completed, and should wait")
    assert "should be approved or rejected" in ticket("completed", "automatic", dispatch="an earlier one")[0]
    assert "decision is 'approved' and should be None" in ticket("paused", "approved")[0]


def test_what_a_person_changed_is_left_alone_and_said_to_be() -> None:
    typed_over, gone = right_row(), right_row()
    typed_over["edited"] = ["licence"]
    gone["data"]["version"] = "0.0.1"
    changed = Shown()
    changed.groups[0]["revision"] = 2
    del changed.groups[1]
    verdict = judged(typed_over, gone, api=changed)
    assert verdict.faults == []
    assert [words.split(": ")[1] for words in verdict.unchecked] == [
        "changed since the demo made it",
        "there is no such workflow group any more",
        "edited by hand",
        "no longer installed",
    ]


@pytest.mark.rule("T13")
def test_a_dispatch_must_be_complete_and_account_for_every_cell() -> None:
    progress = {
        "rows_total": 2,
        "completed": 1,
        "failed": 1,
        "cancelled": 0,
        "paused": 0,
        "skipped": {"x": 2},
    }
    dispatch: dict[str, Any] = {"status": "complete", "groups": ["a", "b"], "progress": progress}
    assert account_faults(dispatch) == []
    dispatch["status"] = "failed"
    progress["skipped"] = {}
    assert account_faults(dispatch) == ["The dispatch is failed.", "The dispatch accounts for 2 of 4 cells."]
