"""F29: people edit inputs in a storm while A → B → C runs. Every output follows the latest input, or is stale."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from tables.models import Dispatch, Row, RowExecution, Table, WorkflowGroup
from tables.services.dispatches import dispatch_start
from tables.services.rows import row_update, rows_update
from tables.states import ACTIVE_DISPATCH, HOLDS_WINDOW, Mode
from workspaces.actors import Actor

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

ROWS, EDITORS, PER_SECOND = 12, 3, 50
EDITS, SECONDS = 130, 20.0
"""Of each person, at most; a slow machine does not get as far."""
ACTOR = Actor.system("storm")


class Editor(threading.Thread):
    """One person, who has some of the rows to themselves, so that it is known what they wrote there last."""

    def __init__(self, sheet: Any, rows: list[UUID], seed: str) -> None:
        super().__init__(daemon=True)
        self.sheet, self.rows, self.random = sheet, rows, random.Random(seed)
        self.last: dict[UUID, dict[str, Any]] = {row: {} for row in rows}
        self.edits = 0
        self.fault: BaseException | None = None

    def run(self) -> None:
        """Edit for a while, as quickly as is asked."""
        try:
            until = time.monotonic() + SECONDS
            while time.monotonic() < until and self.edits < EDITS:
                began = time.monotonic()
                self.edit()
                time.sleep(max(0.0, EDITORS / PER_SECOND - (time.monotonic() - began)))
        except BaseException as fault:  # noqa: BLE001 - handed to the test
            self.fault = fault
        finally:
            connection.close()

    def edit(self) -> None:
        """Mostly an input of one row; now and then a batch, an emptied input, a typed or emptied output."""
        self.edits += 1
        kind, value = self.random.random(), f"v{self.edits}"
        some = self.random.sample(self.rows, 2 if kind < 0.1 else 1)
        if kind < 0.85:
            changes: dict[str, Any] = {"name": None if kind > 0.8 else value}
        else:
            changes = {"b": f"typed {value}" if kind < 0.95 else None}
        for row in some:
            self.last[row].update(changes)
        if len(some) > 1:
            rows_update(table=self.sheet.table, rows=[(row, changes) for row in some], actor=ACTOR)
        else:
            row_update(table=self.sheet.table, row_id=some[0], data=changes, actor=ACTOR)


def at_rest() -> bool:
    """Nothing is under way."""
    return not (
        Dispatch.objects.filter(status__in=ACTIVE_DISPATCH).exists()
        or RowExecution.objects.filter(status__in=HOLDS_WINDOW).exists()
    )


def check_row(row: Row, names: dict[UUID, str], last: dict[str, Any]) -> dict[str, str]:
    """Completed means that the value came of what the row holds now, unless somebody typed it; no edit was lost."""
    found = row.data
    assert found.get("name") == last.get("name", found.get("name"))
    if str(last.get("b")).startswith("typed"):
        assert (found["b"], "b" in row.edited) == (last["b"], True)
    statuses = {names[c.group_id]: c.status for c in RowExecution.objects.filter(row=row)}
    for name, source in (("A", "name"), ("B", "a"), ("C", "b")):
        if statuses.get(name) == "completed" and name.lower() not in row.edited:
            assert found[name.lower()] == f"{name}({found[source]})", (statuses, found, row.edited)
    return statuses


@pytest.mark.rule("F29", "T28", "T3")
@pytest.mark.bug("50 edits a second on inputs during a run")
@pytest.mark.parametrize("auto_run", [True, False], ids=["auto", "by hand"])
def test_outputs_follow_the_latest_input_through_a_storm_of_edits(
    auto_run: bool,
    seed: int,
    traced: Any,
    traced_sheet: Callable[..., Any],
    signals: Any,
    invariants_hold: Callable[..., None],
) -> None:
    traced()
    sheet = traced_sheet(rows=ROWS, milliseconds=30)
    WorkflowGroup.objects.filter(table=sheet.table).update(auto_run=auto_run)
    Table.objects.filter(pk=sheet.table.pk).update(schema_version=2_000)
    dispatch_start(table=sheet.table, mode=Mode.INCOMPLETE)
    signals(
        lambda: RowExecution.objects.filter(status="completed").exists(),
        "the run to be under way",
        timeout=180,
    )
    people = [Editor(sheet, sheet.rows[n::EDITORS], f"{seed} {auto_run} {n}") for n in range(EDITORS)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert [person.fault for person in people] == [None] * EDITORS
    signals(at_rest, "everything to come to rest after the last edit", timeout=120)
    names = {group.id: group.name for group in WorkflowGroup.objects.filter(table=sheet.table)}
    last = {row: values for person in people for row, values in person.last.items()}
    for row in Row.objects.filter(table=sheet.table):
        statuses = check_row(row, names, last[row.id])
        if auto_run and row.data.get("name"):
            assert statuses.get("A") == "completed", statuses
            assert statuses.get("C") == "completed", statuses
    invariants_hold()
