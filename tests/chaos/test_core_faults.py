"""The four core faults of `trust.md`, on real processes: F1, F5, F13, F14. Every promise is checked from outside."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tables.models import Dispatch, RowExecution, Window
from tables.services.dispatches import dispatch_start
from tables.services.stopping import stop
from tables.states import HOLDS_WINDOW, Mode

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.core]


def started(sheet: Any, mode: Mode = Mode.ALL) -> Dispatch:
    """A dispatch over the whole sheet."""
    dispatch = dispatch_start(table=sheet.table, mode=mode).dispatch
    assert dispatch is not None
    return dispatch


def finished(dispatch: Dispatch) -> Dispatch | None:
    """The dispatch once it has ended by itself."""
    dispatch.refresh_from_db()
    return dispatch if dispatch.status == "complete" else None


def half_way(cells: int) -> Any:
    """A condition: that many cells are completed."""
    return lambda: RowExecution.objects.filter(status="completed").count() >= cells


def check_all_right(sheet: Any, trace: Any, dispatch: Dispatch, rows: int, interrupted_at_most: int) -> None:
    """Every cell filled exactly once, no finished step repeated, nothing left in flight (I1, I2, I10)."""
    assert sheet.values("c") == [f"C(B(A(n{i})))" for i in range(rows)]
    assert (dispatch.completed, dispatch.failed, dispatch.cancelled) == (rows * 3, 0, 0)
    assert not RowExecution.objects.filter(status__in=HOLDS_WINDOW).exists()
    assert not Window.objects.exists()
    repeated = [step for step, times in trace.counts("start").items() if times > 1]
    assert len(repeated) <= interrupted_at_most


@pytest.mark.rule("F1", "T11", "T15", "W14")
def test_cells_of_a_killed_worker_are_recovered_in_seconds(
    traced: Any, traced_sheet: Any, signals: Any
) -> None:
    stack, trace = traced()
    sheet = traced_sheet(rows=60, milliseconds=100)
    dispatch = started(sheet)
    signals(half_way(40), "the run to be well under way", timeout=40)
    stack.kill("worker")
    signals(lambda: finished(dispatch), "the dispatch to complete after the kill", timeout=40)
    check_all_right(sheet, trace, dispatch, 60, interrupted_at_most=16)
    assert max(RowExecution.objects.values_list("attempt", flat=True)) <= 2


@pytest.mark.rule("F5", "T11", "T16")
def test_a_flushed_redis_costs_time_and_never_a_cell(
    traced: Any, traced_sheet: Any, signals: Any, services: Any
) -> None:
    _stack, trace = traced()
    sheet = traced_sheet(rows=60, milliseconds=100)
    dispatch = started(sheet)
    signals(half_way(40), "the run to be well under way", timeout=40)
    services.valkey.kill()
    services.valkey.wipe()
    services.valkey.start()
    signals(lambda: finished(dispatch), "the dispatch to complete after the flush", timeout=60)
    check_all_right(sheet, trace, dispatch, 60, interrupted_at_most=0)


@pytest.mark.rule("F13", "T11")
def test_every_message_delivered_twice_changes_nothing(traced: Any, traced_sheet: Any, signals: Any) -> None:
    _stack, trace = traced(TEST_PUBLISH="twice")
    sheet = traced_sheet(rows=60, milliseconds=20)
    dispatch = started(sheet)
    signals(lambda: finished(dispatch), "the dispatch to complete", timeout=60)
    check_all_right(sheet, trace, dispatch, 60, interrupted_at_most=0)


@pytest.mark.rule("F14", "T11", "T12")
def test_lost_messages_are_sent_again(traced: Any, traced_sheet: Any, signals: Any) -> None:
    _stack, trace = traced(TEST_PUBLISH="lossy", RUNSHEET_WINDOW_DEADLINE_SECONDS="3")
    sheet = traced_sheet(rows=60, milliseconds=20)
    dispatch = started(sheet)
    signals(lambda: finished(dispatch), "the dispatch to complete", timeout=90)
    check_all_right(sheet, trace, dispatch, 60, interrupted_at_most=0)


@pytest.mark.rule("F1", "F5", "T11", "W14")
def test_workers_killed_and_then_redis_lost_in_one_run(
    traced: Any, traced_sheet: Any, signals: Any, services: Any
) -> None:
    stack, trace = traced()
    sheet = traced_sheet(rows=200, milliseconds=30)
    dispatch = started(sheet)
    signals(half_way(150), "a quarter of the run", timeout=60)
    for name in ("worker", "reserve", "control"):
        stack.kill(name)
    signals(half_way(300), "the run to go on after the kill", timeout=60)
    services.valkey.kill()
    services.valkey.wipe()
    services.valkey.start()
    healed = time.monotonic()
    signals(lambda: finished(dispatch), "the dispatch to complete", timeout=90)
    assert time.monotonic() - healed < 60  # 30 s on an idle machine; CI's is not
    check_all_right(sheet, trace, dispatch, 200, interrupted_at_most=20)


@pytest.mark.rule("T24", "T26")
def test_after_a_stop_no_block_starts_and_a_new_run_fills_the_rest(
    traced: Any, traced_sheet: Any, signals: Any
) -> None:
    _stack, trace = traced()
    sheet = traced_sheet(rows=100, milliseconds=50)
    dispatch = started(sheet)
    signals(half_way(60), "the run to be well under way", timeout=60)
    outcome = stop(table=sheet.table)
    stopped = time.time()
    assert outcome.dispatches == [dispatch.id]
    signals(lambda: time.time() > stopped + 4, "four seconds without a run to pass", timeout=10)
    assert trace.starts_after(stopped + 2) == 0
    again = started(sheet, Mode.INCOMPLETE)
    signals(lambda: finished(again), "the second run to fill the rest", timeout=90)
    assert sheet.values("c") == [f"C(B(A(n{i})))" for i in range(100)]
    dispatch.refresh_from_db()
    assert dispatch.status == "cancelled"
