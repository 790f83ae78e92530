"""Counters as a socket tells them, as the summary says them and as SQL counts them: one and the same (T37)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from redis import Redis

from tables.events import stream_key
from tables.live.coalesce import coalesce
from tables.models import Dispatch, RowExecution
from tables.selectors import table_summary
from tables.services.dispatches import dispatch_start
from tables.services.foretelling import rows_show
from tables.services.progress import dispatch_json
from tables.services.reaping import reap
from tables.services.stopping import stop
from tables.states import Mode
from tests.bed.factories import Sheet, probing_chain
from tests.bed.running import Inbox, Probe, Worker, WorkerKilled
from tests.bed.watching import Grid
from workflows.blocks.base import BlockContext, BlockFailed
from workflows.engine.types import ErrorClass

pytestmark = [pytest.mark.rule("T37"), pytest.mark.bug("a counter stuck above zero")]


class Listener:
    """A grid fed from the table's log, one entry after the other, as a socket that misses nothing."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet, self.grid, self.after = sheet, Grid(), "-"
        self.client = Redis.from_url(settings.RUNSHEET_EVENTS_URL)
        self.refetch()

    def refetch(self) -> None:
        self.grid.read(rows_show(self.sheet.table.id, self.sheet.rows))

    def hear(self) -> None:
        """Everything appended since the last time."""
        entries: Any = self.client.xrange(stream_key(self.sheet.table.id), self.after)
        for entry, fields in entries:
            self.after = f"({entry.decode()}"
            if b"r" in fields or self.grid.take(coalesce(json.loads(fields[b"e"]))):
                self.refetch()

    def agrees(self) -> None:
        """What was told last is what the summary says and what is there."""
        self.hear()
        cells = RowExecution.objects.filter(table=self.sheet.table)
        there: dict[str, Counter[str]] = {}
        for group, status in cells.values_list("group_id", "status"):
            there.setdefault(str(group), Counter())[status] += 1
        summary = table_summary(self.sheet.table)
        assert self.grid.counts() == {group: dict(counts) for group, counts in there.items()}
        assert {group: counts for group, counts in summary["groups"].items() if counts} == self.grid.counts()
        for dispatch in Dispatch.objects.filter(table=self.sheet.table):
            told = self.grid.dispatches[str(dispatch.id)]
            assert (told["status"], told["progress"]) == (
                dispatch.status,
                dispatch_json(dispatch)["progress"],
            )


def test_after_stops_failures_and_kills_everyone_counts_the_same(
    inbox: Inbox, probe: Probe, worker: Worker, kill_at_commit: Callable[..., None], settings: Any
) -> None:
    settings.RUNSHEET_WINDOW_ROWS = 2
    sheet = probing_chain(14)
    worker.start()
    listener = Listener(sheet)
    listener.agrees()

    def third_fails(tag: str, _context: BlockContext) -> str:
        if tag in {"A:n3", "B:n6"}:
            raise BlockFailed.because(ErrorClass.VALIDATION, "odd", "not this one")
        return tag

    probe.does = third_fails
    dispatch_start(table=sheet.table)
    inbox.deliver(inbox.take())
    stop(table=sheet.table, rows=[sheet.rows[1], sheet.rows[13]])
    kill_at_commit(2)
    with pytest.raises(WorkerKilled):
        inbox.run_all()
    worker.start()
    reap()
    inbox.run_all()
    listener.agrees()
    assert {"completed", "failed", "cancelled"} == set().union(*listener.grid.counts().values())
    for mode in (Mode.FAILED, Mode.ALL):
        dispatch_start(table=sheet.table, mode=mode)
        inbox.deliver(inbox.take())
        stop(table=sheet.table, rows=sheet.rows[4:5])
        inbox.run_all()
        listener.agrees()
    dispatch_start(table=sheet.table, mode=Mode.ALL)
    inbox.deliver(inbox.take())
    stop(table=sheet.table)
    inbox.run_all()
    listener.agrees()
    assert table_summary(sheet.table)["running_rows"] == 0
