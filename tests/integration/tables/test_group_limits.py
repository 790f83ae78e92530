"""Limits of a workflow group: never more at once, never faster, and nobody waits in a worker (T23)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import redis
from django.db import connection
from redis.backoff import NoBackoff
from redis.retry import Retry

from tables.enqueue import advance_send
from tables.lease import client
from tables.models import RowExecution, Window
from tables.services import group_limits, rate_tokens
from tables.services.group_limits import group_look
from tables.services.pack import PackSink
from tables.services.reaping import reap
from tables.services.requests import window_request
from tables.services.stopping import stop
from tests.bed.accounts import check_account, check_quiet
from tests.bed.crew import crew
from tests.bed.factories import Sheet, chain, probing, sheet_make
from tests.bed.running import Inbox, Probe
from tests.integration.tables.parked import answer, approval, cell, figures, start, statuses, time_passes
from workflows.blocks.base import BlockContext, BlockFailed
from workflows.services.executor import execute
from workflows.services.instances import current_instance
from workflows.states import ErrorClass

__all__ = ["crew"]
pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[UUID, UUID, float]]]:
    """What was sent to be done later: groups to look at, and in how many seconds."""
    sent: list[tuple[UUID, UUID, float]] = []
    monkeypatch.setattr(group_limits, "limit_send", lambda *message: sent.append(message))
    yield sent


def limited_table(rows: int, *, quick: bool = False, **limits: Any) -> Sheet:
    """Group A is limited; B reads ``a``; C is independent of both."""
    sheet = sheet_make()
    sheet.column("name")
    for name, source in (("A", "name"), ("B", "a"), ("C", "name")):
        sheet.group(
            name,
            chain(probing("call", f"{name}:{{{{ row.{source} }}}}", retry={"max_attempts": 1})),
            outputs={name.lower(): "result"},
            depends_on=[source],
            limits=limits if name == "A" else {},
            mean_cell_ms=1 if quick else None,
        )
    sheet.fill([{"name": f"n{i}"} for i in range(rows)])
    return sheet


def occupied(sheet: Sheet, inbox: Inbox, rows: int = 1) -> tuple[UUID, PackSink, list[Any]]:
    """The first rows' cells of A run, in a worker that has not finished them; all others have been delivered."""
    dispatch = start(sheet, groups=[sheet.groups["A"].id])
    inbox.deliver(inbox.take())
    window = window_request(Window.objects.get().id)
    assert window is not None
    sink = PackSink(window, current_instance())
    runs = sink.start(sheet.rows[:rows])
    inbox.run_all()
    return dispatch, sink, runs


def finish(sink: PackSink, runs: list[Any], inbox: Inbox) -> None:
    """The worker finishes what it has, and everything that follows is delivered."""
    execute(runs, sink)
    advance_send(sink.window.request.dispatch_id, sink.window.window_id, sink.token)
    inbox.run_all()


def waiting(sheet: Sheet) -> list[int]:
    """Places of the rows whose cell of A waits."""
    held = set(sheet.table.cells.filter(status="queued").values_list("row_id", flat=True))
    return [place for place, row in enumerate(sheet.rows) if row in held]


@pytest.mark.rule("T23", "T13")
def test_a_cell_without_a_place_waits_without_a_worker(inbox: Inbox, probe: Probe) -> None:
    sheet = limited_table(4, concurrency=2)
    dispatch, sink, runs = occupied(sheet, inbox, rows=2)
    assert waiting(sheet) == [2, 3]
    held = cell(sheet, row=2)
    assert (held.reason, held.instance_id, held.execution_id, held.run_id) == (
        "rate_limited",
        None,
        None,
        None,
    )
    assert held.wake_at is not None
    assert [wait["kind"] for wait in held.waits_for or []] == ["group_limit"]
    assert figures(dispatch) == {"running": 2, "queued": 2}
    assert Window.objects.count() == 1
    finish(sink, runs, inbox)
    assert probe.counts() == {f"A:n{i}": 1 for i in range(4)}
    assert check_account(dispatch, rows=4).completed == 4
    check_quiet()


@pytest.mark.rule("T23", "T11")
def test_the_reaper_neither_sends_it_nor_takes_its_window_for_lost(inbox: Inbox, probe: Probe) -> None:
    sheet = limited_table(3, concurrency=1)
    _, sink, runs = occupied(sheet, inbox)
    before = {held.id: held.version for held in sheet.table.cells.filter(status="queued")}
    for _ in range(3):
        Window.objects.update(deadline_at="2000-01-01T00:00:00Z")
        reap()
        assert inbox.run_all() == 0
    assert {held.id: held.version for held in sheet.table.cells.filter(status="queued")} == before
    finish(sink, runs, inbox)
    check_quiet()


@pytest.mark.rule("T23")
def test_the_rest_of_the_row_goes_on_meanwhile(inbox: Inbox, probe: Probe) -> None:
    sheet = limited_table(2, concurrency=1)
    start(sheet)
    inbox.deliver(inbox.take())
    window = window_request(Window.objects.get().id)
    assert window is not None
    sink = PackSink(window, current_instance())
    runs = sink.start(sheet.rows[:1])
    inbox.run_all()
    assert statuses(sheet, row=1) == {"A": "queued", "C": "completed"}
    finish(sink, runs, inbox)
    assert statuses(sheet, row=1) == {"A": "completed", "B": "completed", "C": "completed"}
    check_quiet()


@pytest.mark.rule("T23", "T24", "T26")
def test_a_stop_reaches_those_that_wait_and_what_it_frees_goes_to_others(inbox: Inbox, probe: Probe) -> None:
    sheet = limited_table(4, concurrency=1)
    dispatch, sink, runs = occupied(sheet, inbox)
    assert stop(table=sheet.table, rows=[sheet.rows[0], sheet.rows[2]]).cancelled == 2
    assert waiting(sheet) == [1, 3]
    reap()
    inbox.run_all()
    assert probe.counts() == {"A:n1": 1, "A:n3": 1}
    finish(sink, runs, inbox)
    assert check_account(dispatch, rows=4).cancelled == 2
    check_quiet()


@pytest.mark.rule("T23", "T24")
def test_a_stop_of_the_table_leaves_nothing_waiting(inbox: Inbox, probe: Probe) -> None:
    sheet = limited_table(50, concurrency=1)
    dispatch, sink, runs = occupied(sheet, inbox)
    stop(table=sheet.table)
    assert not waiting(sheet)
    finish(sink, runs, inbox)
    assert check_account(dispatch).completed == 0
    check_quiet()


@pytest.mark.rule("T23")
def test_places_go_in_the_tables_order(inbox: Inbox, probe: Probe) -> None:
    sheet = limited_table(45, concurrency=1)
    _, sink, runs = occupied(sheet, inbox)
    assert len(waiting(sheet)) == Window.objects.count() * 20 - 1
    finish(sink, runs, inbox)
    assert [call.tag for call in probe.calls] == [f"A:n{i}" for i in range(45)]
    check_quiet()


@pytest.mark.rule("T23")
def test_who_leaves_by_failing_or_waiting_frees_a_place(inbox: Inbox, probe: Probe) -> None:
    sheet = sheet_make()
    sheet.column("name")
    definition = chain(approval(), probing("call", "A:{{ row.name }}"))
    definition["edges"][0]["handle"] = "approved"
    sheet.group("A", definition, outputs={"a": "blocks.call"}, limits={"concurrency": 1})
    sheet.fill([{"name": f"n{i}"} for i in range(3)])
    start(sheet)
    inbox.run_all()
    assert sheet.table.cells.filter(status="paused").count() == 3
    for row in range(3):
        answer(cell(sheet, row=row))
    inbox.run_all()
    assert sheet.table.cells.filter(status="completed").count() == 3
    check_quiet()


@pytest.mark.rule("T23", "T32")
def test_a_run_that_goes_on_needs_a_place_again_and_keeps_its_execution(inbox: Inbox, probe: Probe) -> None:
    sheet = limited_table(2, concurrency=1)
    sheet.groups["A"].retry = {"max_attempts": 2, "delay_seconds": 60}
    sheet.groups["A"].save()
    down = [True]

    def called(tag: str, _context: BlockContext) -> str:
        if down and tag == "A:n1":
            raise BlockFailed.because(ErrorClass.UPSTREAM, "down", "away")
        return tag

    probe.does = called
    _, sink, runs = occupied(sheet, inbox)
    finish(sink, runs, inbox)
    parked = cell(sheet, row=1)
    assert (parked.status, parked.reason) == ("queued", "backoff")
    start(sheet, rows=[sheet.rows[0]], groups=[sheet.groups["A"].id])
    inbox.deliver(inbox.take())
    window = window_request(Window.objects.latest("opened_at").id)
    assert window is not None
    sink = PackSink(window, current_instance())
    runs = sink.start(sheet.rows[:1])
    down.clear()
    time_passes()
    inbox.run_all()
    held = cell(sheet, row=1)
    assert (held.status, held.reason, held.execution_id, held.retries) == (
        "queued",
        "rate_limited",
        parked.execution_id,
        1,
    )
    assert time_passes() == 0 or cell(sheet, row=1).version == held.version
    finish(sink, runs, inbox)
    assert (cell(sheet, row=1).status, cell(sheet, row=1).attempt) == ("completed", 1)
    check_quiet()


@pytest.mark.rule("T23")
def test_taking_the_limit_away_lets_everybody_go(inbox: Inbox, probe: Probe) -> None:
    sheet = limited_table(5, concurrency=1)
    _, sink, runs = occupied(sheet, inbox)
    sheet.groups["A"].limits = {}
    sheet.groups["A"].save()
    reap()
    inbox.run_all()
    assert len(probe.calls) == 4
    finish(sink, runs, inbox)
    check_quiet()


@pytest.mark.rule("T23", "T12")
def test_a_place_given_whose_message_is_lost_is_sent_again(inbox: Inbox, probe: Probe) -> None:
    sheet = limited_table(3, concurrency=1)
    _, sink, runs = occupied(sheet, inbox)
    execute(runs, sink)
    inbox.waiting.clear()
    assert sheet.table.cells.filter(status="pending", reason="admitted").count() == 1
    Window.objects.update(deadline_at="2000-01-01T00:00:00Z")
    reap()
    inbox.run_all()
    assert len(probe.calls) == 3
    check_quiet()


@pytest.mark.rule("T23")
def test_a_rate_is_waited_for_by_one_message(
    inbox: Inbox, probe: Probe, later: list[tuple[UUID, UUID, float]]
) -> None:
    sheet = limited_table(5, rate={"count": 1, "per_seconds": 30})
    dispatch = start(sheet, groups=[sheet.groups["A"].id])
    inbox.run_all()
    assert [call.tag for call in probe.calls] == ["A:n0"]
    assert len(later) == 1
    assert 25 < later[0][2] <= 30
    assert waiting(sheet) == [1, 2, 3, 4]
    due = [cell(sheet, row=row).wake_at for row in (1, 4)]
    assert due == sorted(due, key=str)
    for _ in range(5):  # nobody comes before the time
        group_look(sheet.table.id, sheet.groups["A"].id)
        reap()
        inbox.run_all()
    assert (len(probe.calls), len(later)) == (1, 1)
    client().delete(*client().keys(f"runsheet:rate:{sheet.groups['A'].id}*"))
    group_look(sheet.table.id, sheet.groups["A"].id)
    inbox.run_all()
    assert [call.tag for call in probe.calls] == ["A:n0", "A:n1"]
    stop(table=sheet.table)
    inbox.run_all()
    assert check_account(dispatch, rows=5).cancelled == 3
    check_quiet()


@pytest.mark.rule("T23", "T16")
def test_without_redis_nobody_begins_on_trust(
    inbox: Inbox, probe: Probe, later: list[tuple[UUID, UUID, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = limited_table(3, rate={"count": 1_000, "per_seconds": 1})

    nowhere = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
    with monkeypatch.context() as away:
        away.setattr(rate_tokens, "client", lambda: nowhere)
        start(sheet, groups=[sheet.groups["A"].id])
        inbox.run_all()
        assert (probe.calls, waiting(sheet)) == ([], [0, 1, 2])
    while waiting(sheet):
        reap()
        inbox.run_all()
    assert len(probe.calls) == 3
    check_quiet()


@pytest.mark.rule("T23", "T21")
def test_groups_without_limits_ask_nothing(inbox: Inbox, probe: Probe) -> None:
    sheet = limited_table(2)
    with connection.execute_wrapper(_refuse_locks):
        start(sheet)
        inbox.run_all()
    assert RowExecution.objects.filter(table=sheet.table, status="completed").count() == 6


def _refuse_locks(execute: Any, statement: str, *more: Any) -> Any:
    assert "group_limit:" not in statement
    return execute(statement, *more)
