"""A dispatch that cannot go on ends failed and says why; it is not woken for ever."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.db.models import F
from django.db.models.functions import Now

from tables.models import Column, Dispatch, Table, Window
from tables.services.dispatches import dispatch_start
from tables.services.reaping import dispatches_continue
from tables.services.stopping import dispatch_stop
from tables.states import Mode
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import Sheet, probing_table
from tests.bed.running import Inbox, Probe, Worker

pytestmark = [pytest.mark.usefixtures("probe"), pytest.mark.rule("T13")]


def filtered(rows: int) -> tuple[Sheet, UUID]:
    """A dispatch over the rows whose ``mark`` is empty: all of them."""
    sheet = probing_table(rows)
    sheet.column("mark")
    wanted = {"column": "mark", "op": "is_empty"}
    outcome = dispatch_start(table=sheet.table, mode=Mode.ALL, filter=wanted)
    assert outcome.dispatch is not None
    return sheet, outcome.dispatch.id


def drop(sheet: Sheet) -> None:
    """Delete the column that the filter reads."""
    Column.objects.filter(id=sheet.columns["mark"].id).delete()
    Table.objects.filter(id=sheet.table.id).update(schema_version=F("schema_version") + 1)


def test_a_filter_whose_column_goes_under_way_fails_the_rest(
    inbox: Inbox, probe: Probe, worker: Worker
) -> None:
    worker.start(slots=1)
    sheet, dispatch = filtered(50)
    inbox.deliver(inbox.take())
    drop(sheet)
    inbox.run_all()
    found = check_account(dispatch, rows=20)
    assert (found.status, found.error["code"], found.completed) == ("failed", "filter_invalid", 20)
    assert "mark" in found.error["message"]
    assert found.finished_at is not None
    assert len(probe.calls) == 20
    check_quiet()


def test_one_that_cannot_even_begin_fails_at_once(inbox: Inbox, worker: Worker) -> None:
    worker.start(slots=1)
    sheet, dispatch = filtered(5)
    drop(sheet)
    inbox.run_all()
    found = check_account(dispatch)
    assert (found.status, found.error["code"], found.rows_handed_over) == ("failed", "filter_invalid", 0)


def test_it_is_not_woken_again(inbox: Inbox, worker: Worker) -> None:
    worker.start(slots=1)
    sheet, _ = filtered(5)
    drop(sheet)
    inbox.run_all()
    dispatches_continue()
    assert not inbox.waiting


@pytest.mark.rule("T5")
@pytest.mark.parametrize("windows", [0, 1])
def test_a_table_archived_under_it_ends_it_quietly(windows: int, inbox: Inbox, worker: Worker) -> None:
    worker.start(slots=1)
    sheet, dispatch = filtered(50)
    if windows:
        inbox.deliver(inbox.take())
        chord = inbox.chord()
        for pack in chord.tasks:
            inbox.deliver(pack)
        inbox.keep(chord.body)
    Table.objects.filter(id=sheet.table.id).update(archived_at=Now())
    inbox.run_all()
    found = check_account(dispatch)
    assert (found.status, found.completed, found.error) == ("cancelled", windows * 20, None)
    check_quiet()


@pytest.mark.rule("T5")
def test_rows_of_an_archived_table_do_not_keep_a_worker_busy(inbox: Inbox, worker: Worker) -> None:
    worker.start(slots=1)
    sheet, _ = filtered(5)
    inbox.deliver(inbox.take())
    Table.objects.filter(id=sheet.table.id).update(archived_at=Now())
    assert inbox.run_all() <= 10


def test_a_table_deleted_under_it_takes_it_along(inbox: Inbox, worker: Worker) -> None:
    worker.start(slots=1)
    sheet, dispatch = filtered(50)
    inbox.deliver(inbox.take())
    Table.objects.filter(id=sheet.table.id).delete()
    inbox.run_all()
    assert not Dispatch.objects.filter(id=dispatch).exists()
    assert not Window.objects.exists()


def test_a_fault_of_our_own_fails_it_with_its_name(
    inbox: Inbox, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.start(slots=1)
    _, dispatch = filtered(5)

    def broken(*_args: object, **_named: object) -> Any:
        raise KeyError("nobody thought of this")

    monkeypatch.setattr("tables.services.dispatcher.rows_ahead", broken)
    inbox.run_all()
    found = Dispatch.objects.get(id=dispatch)
    assert (found.status, found.error["code"]) == ("failed", "dispatcher_failed")
    assert "KeyError" in found.error["message"]


def test_a_stop_is_not_overwritten_by_a_failure(inbox: Inbox, worker: Worker) -> None:
    worker.start(slots=1)
    sheet, dispatch = filtered(50)
    inbox.deliver(inbox.take())
    drop(sheet)
    dispatch_stop(Dispatch.objects.get(id=dispatch))
    inbox.run_all()
    found = check_account(dispatch)
    assert (found.status, found.error) == ("cancelled", None)
