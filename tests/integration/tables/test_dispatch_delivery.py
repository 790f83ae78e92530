"""Messages lost, doubled, late and out of order cost time and never a cell (T11, F13, F14, F15)."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tables.lease import client
from tables.models import Dispatch, RowExecution, Window
from tables.services import reaping
from tables.services.dispatches import dispatch_start
from tables.services.reaping import dispatches_continue, reap, windows_redrive
from tables.states import DispatchStatus, Mode
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import Sheet, probing_chain, probing_table
from tests.bed.running import Inbox, Probe, Worker, WorkerKilled

pytestmark = pytest.mark.usefixtures("worker")


def start(sheet: Sheet) -> UUID:
    outcome = dispatch_start(table=sheet.table, mode=Mode.ALL)
    assert outcome.dispatch is not None
    return outcome.dispatch.id


def overdue() -> None:
    """Every window's deadline passes."""
    Window.objects.update(deadline_at="2000-01-01T00:00:00Z")


def settle(inbox: Inbox) -> None:
    """Reaper's rounds until nothing is left to do."""
    for _ in range(20):
        inbox.run_all()
        if not Dispatch.objects.filter(status__in=["pending", "dispatching"]).exists():
            return
        overdue()
        reap()
    raise AssertionError("the reaper does not bring it to an end")


@pytest.mark.rule("T11")
def test_a_doubled_body_advances_nothing_twice(inbox: Inbox, probe: Probe, worker: Worker) -> None:
    worker.start(slots=1)
    dispatch = start(probing_table(45))
    inbox.deliver(inbox.take())
    chord = inbox.take()
    inbox.deliver(chord)
    inbox.deliver(chord.body)
    assert Window.objects.count() == 1
    inbox.run_all()
    assert check_account(dispatch, rows=45).completed == 45
    assert set(probe.counts().values()) == {1}


@pytest.mark.rule("T11", "F13")
def test_a_doubled_header_runs_nothing_twice(inbox: Inbox, probe: Probe) -> None:
    dispatch = start(probing_table(3))
    inbox.deliver(inbox.take())
    chord = inbox.take()
    for task in (*chord.tasks, *chord.tasks):
        inbox.deliver(task)
    inbox.deliver(chord.body)
    assert check_account(dispatch, rows=3).completed == 3
    assert set(probe.counts().values()) == {1}


@pytest.mark.rule("T11")
def test_a_body_that_comes_before_its_rows_closes_nothing_and_the_last_row_asks_again(
    inbox: Inbox, probe: Probe
) -> None:
    dispatch = start(probing_table(3))
    inbox.deliver(inbox.take())
    chord = inbox.take()
    inbox.deliver(chord.body)
    assert Window.objects.count() == 1
    for task in chord.tasks:
        inbox.deliver(task)
    inbox.run_all()
    assert check_account(dispatch, rows=3).completed == 3


@pytest.mark.rule("T11", "F14")
def test_a_lost_header_is_sent_again_once_its_window_is_overdue(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(3)
    dispatch = start(sheet)
    inbox.deliver(inbox.take())
    chord = inbox.take()
    inbox.deliver(chord.tasks[0])
    windows_redrive()
    assert not inbox.waiting
    overdue()
    windows_redrive()
    assert sorted(row for task in inbox.waiting[0].tasks for row in task.args[1]) == sorted(
        map(str, sheet.rows[1:])
    )
    inbox.run_all()
    assert check_account(dispatch, rows=3).completed == 3
    assert set(probe.counts().values()) == {1}


@pytest.mark.rule("T11", "F14")
def test_a_lost_body_is_stood_in_for_by_the_reaper(inbox: Inbox, probe: Probe, worker: Worker) -> None:
    worker.start(slots=1)
    dispatch = start(probing_table(25))
    inbox.deliver(inbox.take())
    for task in inbox.take().tasks:
        inbox.deliver(task)
    assert not inbox.waiting
    settle(inbox)
    assert check_account(dispatch, rows=25).completed == 25


@pytest.mark.rule("T11")
def test_a_late_body_finds_itself_replaced(inbox: Inbox, probe: Probe) -> None:
    dispatch = start(probing_table(3))
    inbox.deliver(inbox.take())
    late = inbox.take()
    overdue()
    windows_redrive()
    inbox.deliver(late)
    found = Dispatch.objects.get(id=dispatch)
    assert (found.status, found.completed, Window.objects.count()) == (DispatchStatus.DISPATCHING, 0, 1)
    inbox.run_all()
    assert check_account(dispatch, rows=3).completed == 3
    assert set(probe.counts().values()) == {1}


@pytest.mark.rule("T11")
def test_rows_that_end_after_their_window_was_sent_again_still_close_it(inbox: Inbox, probe: Probe) -> None:
    """The second sending's body comes while the first one's rows run: whoever ends last asks, with the new token."""
    dispatch = start(probing_table(3))
    inbox.deliver(inbox.take())
    first = inbox.take()

    def while_it_runs(tag: object, _context: object) -> object:
        if tag == "n0":
            overdue()
            windows_redrive()
            inbox.run_all()
        return tag

    probe.does = while_it_runs
    inbox.deliver(first.tasks[0])
    inbox.run_all()
    assert check_account(dispatch, rows=3).completed == 3
    assert set(probe.counts().values()) == {1}


@pytest.mark.rule("T11")
def test_a_window_lives_as_long_as_its_rows_do(inbox: Inbox, probe: Probe) -> None:
    start(probing_table(1))
    inbox.deliver(inbox.take())
    tokens: list[UUID] = []

    def look(tag: object, _context: object) -> object:
        before = Window.objects.get()
        overdue()
        windows_redrive()
        after = Window.objects.get()
        tokens.extend([before.token, after.token])
        assert after.deadline_at > before.opened_at
        assert not inbox.waiting
        return tag

    probe.does = look
    inbox.deliver(inbox.take())
    assert tokens[0] == tokens[1]


@pytest.mark.rule("T11", "T17")
def test_the_next_group_of_a_row_under_way_waits_for_nobody(inbox: Inbox, probe: Probe) -> None:
    """B is stamped while A runs: a window whose only waiting row is in somebody's hands is not sent again."""
    sheet = probing_chain(1)
    sheet.groups["B"].depends_on = []
    sheet.groups["B"].save()
    start(sheet)
    inbox.deliver(inbox.take())

    def look(tag: str, _context: object) -> str:
        if tag.startswith("A"):
            overdue()
            windows_redrive()
            assert not inbox.waiting
        return tag

    probe.does = look
    inbox.deliver(inbox.take())
    assert probe.counts() == {"A:n0": 1, "B:n0": 1}


@pytest.mark.rule("T11", "F5")
def test_an_emptied_broker_makes_every_window_due(inbox: Inbox, probe: Probe) -> None:
    dispatch = start(probing_table(3))
    inbox.deliver(inbox.take())
    inbox.waiting.clear()
    client().delete(reaping.EPOCH_KEY)
    reap()
    inbox.run_all()
    assert check_account(dispatch, rows=3).completed == 3


@pytest.mark.rule("T11", "F14")
def test_a_dispatch_whose_first_message_was_lost_is_taken_up(inbox: Inbox, probe: Probe) -> None:
    dispatch = start(probing_table(3))
    inbox.waiting.clear()
    dispatches_continue()
    inbox.run_all()
    assert check_account(dispatch, rows=3).completed == 3


@pytest.mark.rule("T11", "F1")
def test_a_killed_worker_costs_its_cells_a_second_attempt_and_nothing_else(
    inbox: Inbox, probe: Probe, kill_at_commit: Callable[..., None]
) -> None:
    sheet = probing_table(3)
    dispatch = start(sheet)
    inbox.deliver(inbox.take())
    kill_at_commit()
    with pytest.raises(WorkerKilled):
        inbox.deliver(inbox.take())
    inbox.waiting.clear()
    settle(inbox)
    assert check_account(dispatch, rows=3).completed == 3
    assert sorted(RowExecution.objects.values_list("attempt", "crashes")) == [(1, 0), (1, 0), (2, 1)]
    assert probe.counts() == {"n0": 2, "n1": 1, "n2": 1}
    check_quiet()


@pytest.mark.rule("T11", "F2")
def test_a_cell_that_lost_its_worker_three_times_fails_and_says_so(
    inbox: Inbox, probe: Probe, kill_at_commit: Callable[..., None]
) -> None:
    sheet = probing_table(2)
    dispatch = start(sheet)
    inbox.deliver(inbox.take())
    poison, healthy = inbox.take().tasks
    inbox.deliver(healthy)
    for _ in range(3):
        kill_at_commit()
        with pytest.raises(WorkerKilled):
            inbox.deliver(poison)
        inbox.waiting.clear()
        reap()
        poison = inbox.waiting[0]
    settle(inbox)
    cells = {cell.row_id: cell for cell in RowExecution.objects.all()}
    assert cells[sheet.rows[0]].error["code"] == "worker_lost"
    found = check_account(dispatch, rows=2)
    assert (found.completed, found.failed) == (1, 1)
    check_quiet()


@pytest.mark.rule("T11", "F2")
def test_a_row_that_breaks_its_pack_does_not_take_its_neighbours_along(
    inbox: Inbox, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault in our own code that one row brings out: it alone fails, after three tries."""
    from tables.services.pack import PackSink

    sheet = probing_table(5, effect="pure")
    sheet.groups["A"].mean_cell_ms = 1
    sheet.groups["A"].save()
    finish = PackSink._finish

    def broken(self: PackSink, write: object) -> object:
        found = finish(self, write)  # type: ignore[arg-type]
        if found.row_id == sheet.rows[2]:
            raise ZeroDivisionError
        return found

    monkeypatch.setattr(PackSink, "_finish", broken)
    dispatch = start(sheet)
    inbox.run_all()
    found = check_account(dispatch, rows=5)
    assert (found.completed, found.failed) == (4, 1)
    assert RowExecution.objects.get(status="failed").row_id == sheet.rows[2]


# ---- any schedule ------------------------------------------------------------------------------------------------

steps = st.lists(
    st.tuples(
        st.sampled_from(["deliver", "deliver", "double", "drop", "defer", "reap", "kill"]), st.integers(0, 50)
    ),
    max_size=30,
)


@pytest.mark.rule("T10", "T11", "T13", "F13", "F14", "F15")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_whatever_is_lost_doubled_or_late_every_cell_ends_once(
    inbox: Inbox,
    probe: Probe,
    worker: Worker,
    kill_at_commit: Callable[..., None],
    steps: list[tuple[str, int]],
) -> None:
    """No block runs twice but those whose worker died before the commit of their pack. Everything is accounted for.

    A pack holds more than one cell once cells are known to be quick, so what a kill costs depends on the machine.
    """
    probe.reset()
    inbox.waiting.clear()
    Dispatch.objects.all().delete()
    worker.start(slots=2)
    sheet = probing_chain(23)
    dispatch, kills, lost = start(sheet), 0, 0
    for action, choice in steps:
        inbox.unpack()
        if not inbox.waiting:
            overdue()
            reap()
            continue
        inbox.waiting.rotate(-(choice % len(inbox.waiting)))
        message = inbox.waiting.popleft()
        if action == "defer":
            inbox.waiting.append(message)
        elif action == "reap":
            inbox.waiting.append(message)
            overdue()
            reap()
        elif action == "kill":
            kill_at_commit()
            calls = len(probe.calls)
            try:
                inbox.deliver(message)
            except WorkerKilled:
                kills += 1
                lost += len(probe.calls) - calls
            kill_at_commit(0)
        elif action != "drop":
            inbox.deliver(message)
            if action == "double":
                inbox.waiting.append(message)
    settle(inbox)
    found = check_account(dispatch, rows=23)
    assert found.completed + found.failed + sum(found.skipped.values()) == 46
    assert len(probe.calls) == found.completed + lost
    if not kills:
        assert set(probe.counts().values()) == {1}
        assert found.completed == 46
    check_quiet()
