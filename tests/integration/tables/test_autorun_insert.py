"""What starts by itself after rows were added (T29)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from tables.models import Dispatch, Row
from tables.services.autorun import rows_inserted
from tables.services.dispatches import dispatch_start
from tables.states import Mode
from tests.bed.accounts import check_account
from tests.bed.factories import Sheet, probing_chain
from tests.bed.running import Inbox, Probe

pytestmark = pytest.mark.usefixtures("worker")


def insert(sheet: Sheet, names: list[str], **scope: Any) -> list[UUID]:
    with transaction.atomic():
        made = sheet.fill([{"name": name} for name in names])
        rows_inserted(sheet.table.id, scope.pop("row_ids", made), **scope)
    return made


@pytest.mark.rule("T29")
def test_only_the_inserted_rows_run(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_chain(5, auto_run=True)
    insert(sheet, ["new", "newer"])
    inbox.run_all()
    dispatch = Dispatch.objects.get()
    assert (dispatch.mode, dispatch.is_manual) == ("new", False)
    assert check_account(dispatch.id, rows=2).completed == 4
    assert sorted(probe.counts()) == ["A:new", "A:newer", "B:new", "B:newer"]


@pytest.mark.rule("T29")
def test_a_bulk_insert_is_scoped_by_its_sequence(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_chain(3, auto_run=True)
    made = sheet.fill([{"name": f"m{i}"} for i in range(4)])
    numbers = list(Row.objects.filter(id__in=made).order_by("seq").values_list("seq", flat=True))
    rows_inserted(sheet.table.id, None, numbers[0], numbers[-1])
    inbox.run_all()
    dispatch = Dispatch.objects.get()
    assert "rows" in dispatch.scope
    assert not isinstance(dispatch.scope["rows"], list)
    assert check_account(dispatch.id, rows=4).completed == 8


@pytest.mark.rule("T29")
def test_groups_with_auto_run_off_stay_as_they_are(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_chain(1)
    insert(sheet, ["new"])
    assert not Dispatch.objects.exists()
    assert not inbox.waiting


@pytest.mark.rule("T29")
def test_rows_for_which_nothing_is_to_do_cost_no_task(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_chain(1, auto_run=True)
    insert(sheet, [""])
    assert not Dispatch.objects.exists()
    assert not inbox.waiting


@pytest.mark.rule("T29")
def test_nothing_starts_when_the_insert_is_rolled_back(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_chain(1, auto_run=True)
    with transaction.atomic():
        made = sheet.fill([{"name": "new"}])
        rows_inserted(sheet.table.id, made)
        transaction.set_rollback(True)
    assert not Dispatch.objects.exists()


@pytest.mark.rule("T29", "T7")
def test_an_automatic_start_never_reruns_what_was_tried(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_chain(1, auto_run=True)
    dispatch_start(table=sheet.table, mode=Mode.ALL)
    inbox.run_all()
    outcome = dispatch_start(table=sheet.table, rows=sheet.rows, mode=Mode.NEW, is_manual=False)
    assert outcome.dispatch is None
    assert outcome.skipped == {"has_attempt": 2}
