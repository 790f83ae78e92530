"""Rows that are sent again travel on their dispatch's own queue (T9)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tables.enqueue import rows_send
from tables.models import Window
from tables.services.dispatches import dispatch_start
from tables.services.recovery import cells_of_the_dead
from tables.states import Mode
from tests.bed.factories import probing_table
from tests.bed.running import Inbox, Worker, WorkerKilled


@pytest.mark.rule("T9", "T15")
@pytest.mark.parametrize(("rows", "queue"), [(1, "interactive"), (30, "rows")])
def test_a_row_that_lost_its_worker_is_sent_on_its_runs_queue(
    rows: int, queue: str, inbox: Inbox, worker: Worker, kill_at_commit: Callable[..., None]
) -> None:
    worker.start()
    sheet = probing_table(rows)
    dispatch_start(table=sheet.table, mode=Mode.ALL)
    inbox.deliver(inbox.take())

    kill_at_commit()
    with pytest.raises(WorkerKilled):
        inbox.deliver(inbox.chord())
    inbox.waiting.clear()
    assert cells_of_the_dead() >= 1
    assert {message.options["queue"] for message in inbox.waiting} == {queue}


@pytest.mark.rule("T9")
def test_a_queue_that_is_named_wins(inbox: Inbox, worker: Worker) -> None:
    worker.start()
    sheet = probing_table(30)
    dispatch_start(table=sheet.table, mode=Mode.ALL)
    inbox.deliver(inbox.take())
    inbox.waiting.clear()
    window = Window.objects.first()
    assert window is not None
    rows_send(window.id, sheet.rows[:1], queue="interactive")
    assert [message.options["queue"] for message in inbox.waiting] == ["interactive"]
