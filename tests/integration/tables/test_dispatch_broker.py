"""The broker is away: what was asked for stays visible, is sent later, or fails visibly after five minutes (T12)."""

from __future__ import annotations

import time
from uuid import UUID

import pytest

from tables.enqueue import advance_send, window_send
from tables.models import Dispatch, RowExecution, Window
from tables.services.dispatches import dispatch_start
from tables.services.reaping import reap, windows_redrive
from tables.states import Mode
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import Sheet, probing_table
from tests.bed.running import Inbox, Worker
from tests.bed.services import TestServices

pytestmark = pytest.mark.usefixtures("worker", "probe")


def start(sheet: Sheet) -> UUID:
    outcome = dispatch_start(table=sheet.table, mode=Mode.ALL)
    assert outcome.dispatch is not None
    return outcome.dispatch.id


def failing_since(when: str) -> None:
    Window.objects.update(deadline_at="2000-01-01T00:00:00Z", send_failures_since=when)


@pytest.mark.rule("T12", "F6")
def test_a_request_is_taken_while_the_broker_is_away_and_runs_once_it_is_back(inbox: Inbox) -> None:
    inbox.away = True
    dispatch = start(probing_table(3))
    inbox.away = False
    reap()
    inbox.run_all()
    assert check_account(dispatch, rows=3).completed == 3


@pytest.mark.rule("T12")
def test_a_window_that_could_not_be_sent_keeps_its_stamps_and_is_sent_by_the_reaper(inbox: Inbox) -> None:
    dispatch = start(probing_table(3))
    wake = inbox.take()
    inbox.away = True
    inbox.deliver(wake)
    assert set(RowExecution.objects.values_list("status", flat=True)) == {"pending"}
    assert Window.objects.get().send_failures_since is not None
    inbox.away = False
    windows_redrive()
    assert Window.objects.get().send_failures_since is None
    inbox.run_all()
    assert check_account(dispatch, rows=3).completed == 3


@pytest.mark.rule("T12")
def test_after_five_minutes_the_stamps_fail_visibly(inbox: Inbox) -> None:
    dispatch = start(probing_table(3))
    wake = inbox.take()
    inbox.away = True
    inbox.deliver(wake)
    failing_since("2000-01-01T00:00:00Z")
    windows_redrive()
    assert {cell.error["code"] for cell in RowExecution.objects.all()} == {"enqueue_failed"}
    inbox.away = False
    reap()
    Window.objects.update(deadline_at="2000-01-01T00:00:00Z")
    reap()
    inbox.run_all()
    assert check_account(dispatch, rows=3).failed == 3
    check_quiet()


@pytest.mark.rule("T12")
def test_a_broker_that_is_back_by_then_is_given_another_try(inbox: Inbox) -> None:
    dispatch = start(probing_table(3))
    wake = inbox.take()
    inbox.away = True
    inbox.deliver(wake)
    failing_since("2000-01-01T00:00:00Z")
    inbox.away = False
    windows_redrive()
    inbox.run_all()
    assert check_account(dispatch, rows=3).completed == 3


@pytest.mark.rule("T12", "F6")
def test_sending_to_a_redis_that_is_gone_ends_soon_and_is_noted(
    worker: Worker, services: TestServices
) -> None:
    """No stand-in here: real Celery, real Valkey, stopped."""
    if services.valkey is None:
        pytest.skip("needs a Valkey of its own")
    sheet = probing_table(3)
    dispatch = Dispatch.objects.create(
        table=sheet.table, mode="all", groups=[sheet.groups["A"].id], requested_sequence=1, upper_seq=10**9
    )
    window = Window.objects.create(
        dispatch=dispatch, lane=0, row_ids=sheet.rows, deadline_at="2000-01-01T00:00:00Z"
    )
    services.valkey.stop()
    try:
        began = time.monotonic()
        assert not window_send(window, [[row] for row in sheet.rows])
        advance_send(dispatch.id)
        assert time.monotonic() - began < 15
    finally:
        services.valkey.start()
    window.refresh_from_db()
    assert window.send_failures_since is not None
    assert window_send(window, [[row] for row in sheet.rows])
