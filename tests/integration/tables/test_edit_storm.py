"""F29 within one process: editors and workers are threads, each with a connection of its own."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from tables.models import Dispatch, Row, RowExecution
from tables.services.rows import row_update, rows_update
from tables.states import ACTIVE_DISPATCH, Mode
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import Sheet, chain, probing, sheet_make
from tests.bed.running import Inbox, Probe
from tests.integration.tables.clients import ACTOR
from tests.integration.tables.parked import start

pytestmark = pytest.mark.usefixtures("worker")

ROWS, EDITORS, WORKERS, EDITS = 6, 3, 3, 40


def three_chained(auto_run: bool) -> Sheet:
    """A, B and C, whose values tell what they were made from."""
    sheet = sheet_make()
    sheet.column("name")
    for name, source in (("A", "name"), ("B", "a"), ("C", "b")):
        step = probing("call", f"{name}({{{{ row.{source} }}}})")
        given: dict[str, Any] = {"depends_on": [source], "auto_run": auto_run}
        sheet.group(name, chain(step), outputs={name.lower(): "result"}, **given)
    sheet.fill([{"name": "first"} for _ in range(ROWS)])
    return sheet


def each_in_a_thread(*runners: Callable[[], None]) -> None:
    """Run them all at once; what one raises is raised here."""
    faults: list[BaseException] = []

    def run(runner: Callable[[], None]) -> None:
        try:
            runner()
        except BaseException as fault:  # noqa: BLE001 - raised by the caller
            faults.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[runner], daemon=True) for runner in runners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive(), "somebody hangs"
    if faults:
        raise faults[0]


class Workers:
    """Deliver whatever is sent, several at once, until the editors have left and nothing is sent any more."""

    def __init__(self, inbox: Inbox) -> None:
        self.inbox, self.busy, self.guard = inbox, EDITORS, threading.Condition()

    def work(self) -> None:
        """One worker."""
        while (message := self.next()) is not None:
            try:
                self.inbox.deliver(message)
            finally:
                self.leave()

    def next(self) -> Any:
        """A message, once there is one; ``None`` when nobody is left who could send one."""
        with self.guard:
            while not self.inbox.waiting and self.busy:
                self.guard.wait(0.01)
            if not self.inbox.waiting:
                return None
            self.inbox.unpack()
            self.busy += 1
            return self.inbox.take()

    def leave(self) -> None:
        """Somebody sends nothing any more."""
        with self.guard:
            self.busy -= 1
            self.guard.notify_all()


class Editor:
    """A person with rows of their own, so that it is known what they wrote there last."""

    def __init__(self, sheet: Sheet, rows: list[UUID], seed: str, workers: Workers) -> None:
        self.sheet, self.rows, self.random, self.workers = sheet, rows, random.Random(seed), workers
        self.last: dict[UUID, dict[str, Any]] = {row: {} for row in rows}

    def work(self) -> None:
        """Edit on and on."""
        try:
            for number in range(EDITS):
                self.edit(f"v{number}", self.random.random())
        finally:
            self.workers.leave()

    def edit(self, value: str, kind: float) -> None:
        """Mostly an input of one row; now and then a batch, an emptied input, a typed or emptied output."""
        some = self.random.sample(self.rows, 2 if kind < 0.2 else 1)
        if kind < 0.85:
            changes: dict[str, Any] = {"name": None if kind > 0.78 else value}
        else:
            changes = {"b": f"typed {value}" if kind < 0.95 else None}
        for row in some:
            self.last[row].update(changes)
        if len(some) > 1:
            rows_update(table=self.sheet.table, rows=[(row, changes) for row in some], actor=ACTOR)
        else:
            row_update(table=self.sheet.table, row_id=some[0], data=changes, actor=ACTOR)


def check_row(sheet: Sheet, row: Row, last: dict[str, Any]) -> dict[str, str]:
    """Completed: the value came of what the row holds now, or a person typed it. No edit was lost. The statuses."""
    names = {group.id: name for name, group in sheet.groups.items()}
    statuses = {names[cell.group_id]: cell.status for cell in RowExecution.objects.filter(row=row)}
    assert row.data.get("name") == last.get("name", "first")
    if str(last.get("b")).startswith("typed"):
        assert (row.data["b"], row.edited) == (last["b"], ["b"])
    for name, source in (("A", "name"), ("B", "a"), ("C", "b")):
        if statuses.get(name) == "completed" and name.lower() not in row.edited:
            assert row.data[name.lower()] == f"{name}({row.data[source]})", (statuses, row.data, row.edited)
    return statuses


@pytest.mark.rule("F29", "T28", "T3", "T13")
@pytest.mark.bug("50 edits a second on inputs during a run")
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("auto_run", [True, False], ids=["auto", "by hand"])
def test_outputs_follow_the_latest_input_or_are_stale(
    auto_run: bool, seed: int, inbox: Inbox, probe: Probe
) -> None:
    sheet = three_chained(auto_run)
    start(sheet, mode=Mode.INCOMPLETE)
    workers = Workers(inbox)
    people = [Editor(sheet, sheet.rows[n::EDITORS], f"{seed} {n}", workers) for n in range(EDITORS)]
    each_in_a_thread(*(person.work for person in people), *[workers.work] * WORKERS)
    inbox.run_all()
    check_quiet()
    last = {row: values for person in people for row, values in person.last.items()}
    for row in Row.objects.all():
        statuses = check_row(sheet, row, last[row.id])
        if auto_run and row.data.get("name"):
            assert (statuses.get("A"), statuses.get("C")) == ("completed", "completed"), statuses
    assert not Dispatch.objects.filter(status__in=ACTIVE_DISPATCH).exists()
    for dispatch in Dispatch.objects.all():
        check_account(dispatch.id)
