"""Lanes: how many windows are in flight, whose they are, and on which queue they travel (T9)."""

from __future__ import annotations

from uuid import UUID

import pytest

from tables.models import Dispatch, Window
from tables.services.dispatches import dispatch_start
from tables.states import DispatchStatus, Mode
from tests.bed.accounts import check_account
from tests.bed.factories import Sheet, probing_table
from tests.bed.running import Inbox, Worker

pytestmark = pytest.mark.usefixtures("probe")


def start(sheet: Sheet, **options: object) -> UUID:
    outcome = dispatch_start(table=sheet.table, mode=Mode.ALL, **options)  # type: ignore[arg-type]
    assert outcome.dispatch is not None
    return outcome.dispatch.id


def lanes(dispatch: UUID) -> list[int]:
    return sorted(Window.objects.filter(dispatch_id=dispatch).values_list("lane", flat=True))


@pytest.mark.rule("T9")
def test_rows_in_flight_aim_at_six_times_the_slots(inbox: Inbox, worker: Worker) -> None:
    worker.start(slots=10)
    dispatch = start(probing_table(200))
    inbox.deliver(inbox.take())
    assert lanes(dispatch) == [0, 1, 2]
    assert len(inbox.waiting) == 3


@pytest.mark.rule("T9")
def test_the_lanes_are_bounded_however_often_the_dispatcher_is_woken(inbox: Inbox, worker: Worker) -> None:
    worker.start(slots=10)
    dispatch = start(probing_table(200))
    wake = inbox.take()
    for _ in range(3):
        inbox.deliver(wake)
    assert lanes(dispatch) == [0, 1, 2]


@pytest.mark.rule("T9")
def test_lanes_are_shared_among_workspaces_and_then_among_their_dispatches(
    inbox: Inbox, worker: Worker
) -> None:
    worker.start(slots=40)  # twelve windows
    mine, other = probing_table(300), probing_table(300)
    second = probing_table(300, workspace=mine.workspace)
    dispatches = [start(sheet) for sheet in (mine, second, other)]
    for _ in dispatches:
        inbox.deliver(inbox.take())
    assert [len(lanes(each)) for each in dispatches] == [3, 3, 6]


@pytest.mark.rule("T9")
def test_a_closed_window_makes_room_for_the_next_one_in_its_lane(inbox: Inbox, worker: Worker) -> None:
    worker.start(slots=10)
    dispatch = start(probing_table(200))
    inbox.deliver(inbox.take())
    inbox.deliver(inbox.take())
    assert lanes(dispatch) == [0, 1, 2]
    assert Dispatch.objects.get(id=dispatch).completed == 20


@pytest.mark.rule("T9")
@pytest.mark.parametrize(
    ("rows", "options", "queue"),
    [(20, {}, "interactive"), (21, {}, "rows"), (50, {"limit": 5}, "interactive")],
)
def test_small_dispatches_travel_on_a_queue_of_their_own(
    rows: int, options: dict[str, int], queue: str, inbox: Inbox, worker: Worker
) -> None:
    start(probing_table(rows), **options)
    inbox.deliver(inbox.take())
    chord = inbox.take()
    assert {task.options["queue"] for task in chord.tasks} == {queue}
    assert chord.body.options["queue"] == "control"


@pytest.mark.rule("T9")
def test_a_slow_lane_holds_up_nobody_but_itself(inbox: Inbox, worker: Worker) -> None:
    worker.start(slots=7)  # three windows
    dispatch = start(probing_table(100))
    inbox.deliver(inbox.take())
    slow = inbox.take()
    inbox.run_all()
    found = Dispatch.objects.get(id=dispatch)
    assert (found.status, found.completed, lanes(dispatch)) == (DispatchStatus.DISPATCHING, 80, [0])
    inbox.deliver(slow)
    inbox.run_all()
    assert check_account(dispatch, rows=100).completed == 100


@pytest.mark.rule("T9")
def test_body_and_errback_are_separate_immutable_clones(inbox: Inbox, worker: Worker) -> None:
    start(probing_table(3))
    inbox.deliver(inbox.take())
    chord = inbox.take()
    (errback,) = chord.body.options["link_error"]
    assert errback is not chord.body
    assert errback["task"] == chord.body.task
    assert chord.body.immutable
    assert errback["immutable"]
