"""Back-offs and rate limits hold no worker: the cell is queued, its window stays open (T23)."""

from __future__ import annotations

from uuid import UUID

import pytest

from tables.models import Dispatch, RowExecution, Window
from tables.services.reaping import reap
from tables.services.stopping import stop
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import Sheet, probing_chain
from tests.bed.running import Inbox, Probe
from tests.integration.tables.parked import cell, data, figures, start, statuses, time_passes
from workflows.blocks.base import BlockContext, BlockPostponed
from workflows.models import PausePoint, Run

pytestmark = pytest.mark.usefixtures("worker")


class Limit:
    """Postpones every call of A by a minute while it is reached."""

    def __init__(self, probe: Probe) -> None:
        self.reached = True
        probe.does = self.called

    def called(self, tag: str, _context: BlockContext) -> str:
        """What the probes do."""
        if self.reached and tag.startswith("A:"):
            raise BlockPostponed(60, "the provider's limit is reached")
        return tag


@pytest.fixture
def limit(probe: Probe) -> Limit:
    return Limit(probe)


def held(inbox: Inbox, rows: int = 1) -> tuple[Sheet, UUID]:
    sheet = probing_chain(rows)
    dispatch = start(sheet)
    inbox.run_all()
    return sheet, dispatch


@pytest.mark.rule("T23", "T13")
def test_a_rate_limited_cell_is_queued_and_holds_its_window(inbox: Inbox, probe: Probe, limit: Limit) -> None:
    sheet, dispatch = held(inbox)
    waits = cell(sheet)
    assert (waits.status, waits.reason, waits.instance_id) == ("queued", "rate_limited", None)
    assert waits.wake_at is not None
    assert waits.execution_id is not None
    assert Run.objects.get().status == "waiting"
    assert Window.objects.count() == 1
    assert Dispatch.objects.get(id=dispatch).status == "dispatching"
    assert figures(dispatch) == {"queued": 1}
    limit.reached = False
    assert time_passes() == 1
    inbox.run_all()
    assert (cell(sheet).execution_id, cell(sheet).attempt) == (waits.execution_id, 1)
    assert data(sheet)["b"] == "B:n0"
    assert figures(dispatch) == {"completed": 2}
    check_account(dispatch, rows=1)
    check_quiet()


@pytest.mark.rule("T23")
def test_the_reaper_leaves_it_alone_until_its_time(inbox: Inbox, probe: Probe, limit: Limit) -> None:
    sheet, _ = held(inbox)
    before = cell(sheet)
    for _ in range(3):
        Window.objects.update(deadline_at="2000-01-01T00:00:00Z")
        reap()
        assert inbox.run_all() == 0
    assert (cell(sheet).version, probe.counts()["A:n0"]) == (before.version, 1)
    limit.reached = False
    for waiting in (RowExecution, PausePoint):  # long past, and nobody came
        waiting.objects.update(wake_at="2000-01-01T00:00:00Z")
    reap()
    inbox.run_all()
    assert statuses(sheet) == {"A": "completed", "B": "completed"}
    check_quiet()


@pytest.mark.rule("T23", "T24", "T27")
def test_a_stop_reaches_it_before_its_time(inbox: Inbox, probe: Probe, limit: Limit) -> None:
    sheet, dispatch = held(inbox, rows=2)
    assert stop(table=sheet.table).cancelled == 2
    assert set(Run.objects.values_list("status", flat=True)) == {"cancelled"}
    assert time_passes() == 0
    inbox.run_all()
    assert probe.counts() == {"A:n0": 1, "A:n1": 1}
    assert check_account(dispatch, rows=2).cancelled == 2
    check_quiet()


@pytest.mark.rule("T23")
def test_no_more_than_its_lanes_are_held_back(inbox: Inbox, probe: Probe, limit: Limit) -> None:
    """A limit that stays reached parks the windows in flight, not the table."""
    sheet, _ = held(inbox, rows=300)
    queued = sheet.table.cells.filter(status="queued").count()
    assert queued == Window.objects.count() * 20 < 300
    limit.reached = False
    while time_passes():
        inbox.run_all()
    assert sheet.table.cells.filter(status="completed").count() == 600
    check_quiet()
