"""A dispatch from request to end, stepped by hand: every Celery message is taken and run by the test itself."""

from __future__ import annotations

import pytest

from tables.models import RowExecution
from tables.services.dispatches import dispatch_start
from tables.states import Mode
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import greeting_chain
from tests.bed.running import Inbox, Worker


@pytest.mark.rule("T10", "T13", "T15")
def test_a_run_fills_every_row_once_and_its_account_is_exact(inbox: Inbox, worker: Worker) -> None:
    sheet = greeting_chain(rows=45)
    outcome = dispatch_start(table=sheet.table, mode=Mode.ALL)
    inbox.run_all()
    dispatch = check_account(outcome.dispatch.id, rows=45)
    assert dispatch.status == "complete"
    assert (dispatch.completed, dispatch.failed, dispatch.skipped) == (135, 0, {})
    assert sheet.values("c") == [len(f"Hello n{i}") for i in range(45)]
    assert RowExecution.objects.filter(status="completed", attempt=1).count() == 135
    check_quiet()
