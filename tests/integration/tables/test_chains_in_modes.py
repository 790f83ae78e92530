"""What each mode does to a chain of groups: what could not be tried, and what was made from an old input (T20)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tables.services.dispatches import dispatch_start
from tables.services.dry_run import dispatch_plan
from tables.states import Mode
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import Sheet, probing_chain
from tests.bed.running import Inbox, Probe

pytestmark = [pytest.mark.usefixtures("worker"), pytest.mark.rule("T20")]


def start(sheet: Sheet, mode: Mode) -> UUID:
    """A run of the whole table; its id."""
    outcome = dispatch_start(table=sheet.table, mode=mode)
    assert outcome.dispatch is not None
    return outcome.dispatch.id


def statuses(sheet: Sheet, name: str) -> list[str | None]:
    """Statuses of a group's cells in the order of rows."""
    cells = sheet.cells()
    return [cells[row, name].status if (row, name) in cells else None for row in sheet.rows]


def down_for(*names: str) -> Any:
    """A provider that fails these calls."""

    def call(tag: str, _context: object) -> str:
        if tag in names:
            raise ConnectionError("the provider is down")
        return f"{tag}!"

    return call


def foreseen(sheet: Sheet, mode: Mode) -> dict[str, int]:
    """How many cells of each group a dry run says will run."""
    groups = dispatch_plan(table=sheet.table, mode=mode)["groups"]
    return {name: groups[str(group.id)]["run"] for name, group in sheet.groups.items()}


@pytest.mark.parametrize("auto_run", [False, True])
def test_mode_failed_goes_on_with_what_waited_for_the_failed_one(
    auto_run: bool, inbox: Inbox, probe: Probe
) -> None:
    sheet = probing_chain(3, auto_run=auto_run)
    probe.does = down_for("A:n1")
    start(sheet, Mode.ALL)
    inbox.run_all()
    assert (statuses(sheet, "A")[1], statuses(sheet, "B")[1]) == ("failed", None)
    probe.does = down_for()
    probe.calls.clear()
    assert foreseen(sheet, Mode.FAILED) == {"A": 1, "B": 1}
    again = start(sheet, Mode.FAILED)
    inbox.run_all()
    assert probe.counts() == {"A:n1": 1, "B:n1": 1}
    assert statuses(sheet, "B") == ["completed"] * 3
    found = check_account(again, rows=3)
    assert (found.completed, found.skipped) == (2, {"not_failed": 4})
    check_quiet()


@pytest.mark.parametrize("mode", [Mode.FAILED, Mode.INCOMPLETE])
@pytest.mark.parametrize("auto_run", [False, True])
def test_what_runs_by_itself_is_made_again_when_its_source_is(
    auto_run: bool, mode: Mode, inbox: Inbox, probe: Probe
) -> None:
    """With auto_run off it stays as the mode says: completed, of the older value."""
    sheet = probing_chain(2, auto_run=auto_run)
    start(sheet, Mode.ALL)
    inbox.run_all()
    probe.does = down_for("A:n1")
    outcome = dispatch_start(table=sheet.table, groups=[sheet.groups["A"].id], mode=Mode.ALL)
    inbox.run_all()
    assert outcome.dispatch is not None
    assert statuses(sheet, "B") == ["completed"] * 2
    probe.does = down_for()
    probe.calls.clear()
    assert foreseen(sheet, mode) == {"A": 1, "B": int(auto_run)}
    start(sheet, mode)
    inbox.run_all()
    assert probe.counts() == ({"A:n1": 1, "B:n1": 1} if auto_run else {"A:n1": 1})
    check_quiet()
