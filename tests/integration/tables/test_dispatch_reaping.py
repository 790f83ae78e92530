"""The reaper: what it returns to claimable, and what it leaves alone (T11, T15, W14)."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from tables.models import Dispatch, RowExecution, Window
from tables.services.cascade import rows_run
from tables.services.dispatches import dispatch_start
from tables.services.reaping import reap
from tables.services.recovery import cells_of_the_dead
from tables.states import Mode
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import Sheet, chain, probing, probing_chain, probing_table, sheet_make
from tests.bed.races import Race
from tests.bed.running import Inbox, Probe, Worker, WorkerKilled
from workflows.models import Attempt, Run, Step
from workflows.services.instances import current_instance, drain, is_draining

pytestmark = pytest.mark.usefixtures("worker")


def stamped(sheet: Sheet, inbox: Inbox) -> UUID:
    outcome = dispatch_start(table=sheet.table, mode=Mode.ALL)
    assert outcome.dispatch is not None
    inbox.deliver(inbox.take())
    return outcome.dispatch.id


def two_steps(rows: int = 1, effect: str = "repeatable") -> Sheet:
    """One group of two costly blocks, ``first`` and ``second``."""
    sheet = sheet_make()
    sheet.column("name")
    blocks = chain(probing("first", "first", effect=effect), probing("second", "second", effect=effect))
    sheet.group("A", blocks, outputs={"a": "result"})
    sheet.fill([{"name": f"n{i}"} for i in range(rows)])
    return sheet


@pytest.mark.rule("W14", "T11")
def test_recovery_goes_on_at_the_first_unfinished_step_of_the_same_run(
    inbox: Inbox, probe: Probe, kill_at_commit: Callable[..., None]
) -> None:
    sheet = two_steps()
    dispatch = stamped(sheet, inbox)
    kill_at_commit(2)  # the first step is committed, the second one's result is lost
    with pytest.raises(WorkerKilled):
        inbox.deliver(inbox.take())
    run = Run.objects.get()
    reap()
    inbox.run_all()
    assert check_account(dispatch, rows=1).completed == 1
    assert probe.counts() == {"first": 1, "second": 2}
    assert (Run.objects.get().id, Run.objects.get().recovery_count) == (run.id, 1)
    assert len({call.idempotency_key for call in probe.calls if call.tag == "second"}) == 1
    check_quiet()


@pytest.mark.rule("W14")
@pytest.mark.parametrize("nth", [1, 2])
def test_a_worker_killed_right_after_a_commit_repeats_nothing_of_it(
    nth: int, inbox: Inbox, probe: Probe, kill_at_commit: Callable[..., None]
) -> None:
    dispatch = stamped(two_steps(), inbox)
    kill_at_commit(nth, after=True)
    with pytest.raises(WorkerKilled):
        inbox.deliver(inbox.take())
    reap()
    Window.objects.update(deadline_at="2000-01-01T00:00:00Z")
    reap()
    inbox.run_all()
    assert check_account(dispatch, rows=1).completed == 1
    assert probe.counts() == {"first": 1, "second": 1}


@pytest.mark.rule("W15")
def test_an_unsafe_block_that_was_under_way_is_not_sent_again(
    inbox: Inbox, probe: Probe, worker: Worker
) -> None:
    sheet = probing_table(1, effect="unsafe")
    dispatch = stamped(sheet, inbox)

    def killed(_tag: str, _context: object) -> str:
        assert Step.objects.get().status == "running"
        worker.die()
        return "sent"

    probe.does = killed
    with pytest.MonkeyPatch.context() as patch:
        from tables.services.pack import PackSink

        commit, calls = PackSink.commit, iter(range(10))

        def second_dies(self: PackSink, writes: object) -> object:
            if next(calls) == 1:
                raise WorkerKilled
            return commit(self, writes)  # type: ignore[arg-type]

        patch.setattr(PackSink, "commit", second_dies)
        with pytest.raises(WorkerKilled):
            inbox.deliver(inbox.take())
    reap()
    inbox.run_all()
    assert probe.counts() == {"n0": 1}
    cell = RowExecution.objects.get()
    assert (cell.status, cell.reason, Run.objects.get().status) == (
        "paused",
        "needs_decision",
        "needs_decision",
    )
    found = Dispatch.objects.get(id=dispatch)
    assert (found.status, found.paused) == ("complete", 1)


@pytest.mark.rule("T11", "T15")
def test_cells_of_the_living_are_left_alone(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(1)
    stamped(sheet, inbox)

    def look(tag: str, _context: object) -> str:
        reap()
        assert RowExecution.objects.get().status == "running"
        return tag

    probe.does = look
    inbox.run_all()
    assert RowExecution.objects.get().attempt == 1


@pytest.mark.rule("T15")
def test_two_reapers_at_once_recover_each_cell_once(
    inbox: Inbox, probe: Probe, worker: Worker, two_connections: Race
) -> None:
    sheet = probing_table(20)
    stamped(sheet, inbox)
    RowExecution.objects.update(status="running", execution_id=sheet.table.id, instance_id=current_instance())
    worker.die()
    found = [outcome.value for outcome in two_connections(cells_of_the_dead, cells_of_the_dead)]
    assert sum(found) == 20
    assert set(RowExecution.objects.values_list("crashes", flat=True)) == {1}


@pytest.mark.rule("W17", "F3")
def test_a_worker_told_to_stop_hands_back_at_the_next_step_and_another_goes_on(
    inbox: Inbox, probe: Probe, worker: Worker
) -> None:
    from workflows.services import instances

    dispatch = stamped(two_steps(3), inbox)
    chord = inbox.take()

    def told(tag: str, _context: object) -> str:
        drain()
        return tag

    probe.does = told
    for task in chord.tasks:
        inbox.deliver(task)
    assert is_draining()
    assert probe.counts() == {"first": 1}
    assert set(RowExecution.objects.values_list("status", "crashes")) == {("pending", 0)}
    assert Run.objects.get().status == "queued"
    begun = RowExecution.objects.get(run_id__isnull=False)
    instances._draining.clear()
    probe.does = lambda tag, _context: tag
    inbox.run_all()
    inbox.deliver(chord.body)
    inbox.run_all()
    assert check_account(dispatch, rows=3).completed == 3
    ended = RowExecution.objects.get(id=begun.id)
    assert ended.started_at == begun.started_at, "its run goes on with what it has read"
    assert probe.counts() == {"first": 3, "second": 3}
    assert Attempt.objects.filter(step_key="first").count() == 3
    check_quiet()


@pytest.mark.rule("T18", "T24")
def test_a_run_that_was_ended_while_its_cell_waited_fails_the_cell_instead_of_hanging(
    inbox: Inbox, probe: Probe, kill_at_commit: Callable[..., None]
) -> None:
    sheet = probing_chain(1)
    dispatch = stamped(sheet, inbox)
    kill_at_commit()
    with pytest.raises(WorkerKilled):
        inbox.deliver(inbox.take())
    reap()
    Run.objects.all().delete()
    inbox.run_all()
    assert sheet.cells()[sheet.rows[0], "A"].error["code"] == "run_gone"
    assert check_account(dispatch, rows=1).failed == 1


@pytest.mark.rule("T11")
def test_a_message_for_a_window_that_is_gone_starts_nothing(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(1)
    stamped(sheet, inbox)
    window = Window.objects.get().id
    inbox.run_all()
    probe.reset()
    rows_run(window, sheet.rows)
    assert not probe.calls


@pytest.mark.rule("T11")
def test_a_cell_handed_back_and_stamped_anew_leaves_no_run_behind(
    inbox: Inbox, probe: Probe, kill_at_commit: Callable[..., None]
) -> None:
    sheet = probing_table(1)
    stamped(sheet, inbox)
    kill_at_commit()
    with pytest.raises(WorkerKilled):
        inbox.deliver(inbox.take())
    cells_of_the_dead()
    inbox.waiting.clear()
    outcome = dispatch_start(table=sheet.table, rows=sheet.rows, mode=Mode.INCOMPLETE)
    assert outcome.dispatch is not None
    inbox.run_all()
    assert check_account(outcome.dispatch.id).completed == 1
    Window.objects.update(deadline_at="2000-01-01T00:00:00Z")
    reap()
    inbox.run_all()
    check_quiet()
