"""Two workers, a Stop and a worker, a zombie: who loses the race writes nothing (T16, T18, T24, T26)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, connection

from tables.lease import client, key_for
from tables.models import Row, RowExecution, Window
from tables.services import pack
from tables.services.dispatches import dispatch_start
from tables.services.pack import PackSink
from tables.services.reaping import reap
from tables.services.requests import window_request
from tables.services.rows import row_update, rows_delete
from tables.services.stopping import CellRef, stop
from tables.states import Mode
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import Sheet, greeting_chain, probing_chain, probing_table
from tests.bed.races import Race
from tests.bed.running import Inbox, Probe, Worker
from tests.bed.signals import Signals
from workflows.models import Attempt, Run, Step
from workflows.services.executor import execute
from workflows.services.instances import current_instance
from workflows.services.ledger import RunEnd
from workflows.states import RunStatus
from workspaces.actors import Actor

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
def emitted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Every event of a pack."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(pack, "emit", lambda _table, some: found.extend(some))
    return found


def stamped(sheet: Sheet, inbox: Inbox) -> tuple[UUID, UUID]:
    """A dispatch with its first window stamped and not yet sent; ``(dispatch, window)``."""
    outcome = dispatch_start(table=sheet.table, mode=Mode.ALL)
    assert outcome.dispatch is not None
    inbox.deliver(inbox.take())
    return outcome.dispatch.id, Window.objects.get().id


def sink_of(window: UUID) -> PackSink:
    found = window_request(window)
    assert found is not None
    return PackSink(found, current_instance())


@pytest.mark.rule("T18")
def test_of_two_workers_that_both_hold_the_row_one_claims_each_cell(
    inbox: Inbox, probe: Probe, two_connections: Race
) -> None:
    sheet = probing_table(20)
    dispatch, window = stamped(sheet, inbox)
    first, second = sink_of(window), sink_of(window)
    won = [
        outcome.value
        for outcome in two_connections(lambda: first.start(sheet.rows), lambda: second.start(sheet.rows))
    ]
    assert sum(map(len, won)) == 20
    for sink, runs in zip((first, second), won, strict=True):
        execute(runs, sink)
    inbox.run_all()
    assert check_account(dispatch, rows=20).completed == 20
    assert set(probe.counts().values()) == {1}


def zombies() -> Iterator[tuple[str, Callable[[Sheet, UUID], object]]]:
    """What may have happened to a cell while its worker was away."""
    yield "its row is gone", lambda sheet, row: Row.objects.filter(id=row).delete()
    yield "its cell is gone", lambda sheet, row: RowExecution.objects.filter(row_id=row).delete()
    yield "its group is gone", lambda sheet, row: sheet.groups["A"].delete()
    yield "its table is gone", lambda sheet, row: sheet.table.delete()
    yield "it was stopped", lambda sheet, row: stop(table=sheet.table, rows=[row])
    yield "its table was stopped", lambda sheet, row: stop(table=sheet.table)
    yield "its lease moved", lambda sheet, row: _moved(row)
    yield "its run was cancelled", lambda sheet, row: Run.objects.update(status="cancelled", lease_token=None)


def _moved(row: UUID) -> None:
    RowExecution.objects.filter(row_id=row).update(execution_id=row)
    Run.objects.update(lease_token=row)


@pytest.mark.rule("T5", "T18", "T24", "T26", "F31", "F37")
@pytest.mark.parametrize(("what", "change"), list(zombies()), ids=[name for name, _ in zombies()])
def test_a_late_commit_writes_nothing_and_says_nothing(
    what: str,
    change: Callable[[Sheet, UUID], object],
    inbox: Inbox,
    probe: Probe,
    emitted: list[dict[str, Any]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    sheet = probing_table(1)
    row = sheet.rows[0]
    stamped(sheet, inbox)
    before: dict[str, object] = {}

    def away(tag: str, _context: object) -> str:
        change(sheet, row)
        before["cells"] = list(RowExecution.objects.order_by("id").values())
        before["data"] = list(Row.objects.values_list("data", flat=True))
        before["steps"] = Step.objects.count()
        emitted.clear()
        return "late"

    probe.does = away
    inbox.deliver(inbox.take())
    assert list(RowExecution.objects.order_by("id").values()) == before["cells"]
    assert list(Row.objects.values_list("data", flat=True)) == before["data"]
    assert (Step.objects.count(), emitted) == (before["steps"], [])
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.rule("T18")
@pytest.mark.parametrize(
    "place", ["tables.services.pack.cells_finish", "tables.services.pack.PackSink._advance"]
)
def test_value_status_and_ledger_stand_or_fall_together(
    place: str, inbox: Inbox, monkeypatch: pytest.MonkeyPatch, worker: Worker
) -> None:
    """A fault after some of the writes: none of them stays, and the row runs again."""
    sheet = greeting_chain(rows=1)
    dispatch, window = stamped(sheet, inbox)
    sink = sink_of(window)
    runs = sink.start(sheet.rows)

    def broken(*_args: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(place, broken)
        with pytest.raises(ZeroDivisionError):
            execute(runs, sink)
    assert RowExecution.objects.get(group=sheet.groups["A"]).status == "running"
    assert (Step.objects.count(), Attempt.objects.count()) == (0, 0)
    assert Row.objects.get().data == {"name": "n0"}
    sink.abandon()
    inbox.run_all()
    assert check_account(dispatch, rows=1).completed == 3


@pytest.mark.rule("T18", "F9")
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_commit_whose_answer_was_lost_costs_nothing(
    nth: int, inbox: Inbox, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL committed, the connection died before it could say so: the worker tries again (F9)."""
    sheet = probing_chain(2)
    sheet.groups["A"].mean_cell_ms = sheet.groups["B"].mean_cell_ms = 1
    for group in sheet.groups.values():
        group.save()
    dispatch, _ = stamped(sheet, inbox)
    transaction, done = PackSink._transaction, iter(range(1, 100))

    def cut_off(self: PackSink) -> Any:
        from contextlib import contextmanager

        @contextmanager
        def wrapped() -> Iterator[Any]:
            with transaction(self) as found:
                yield found
            if next(done) == nth:
                self._unsure = True
                raise OperationalError("the connection was lost")

        return wrapped()

    monkeypatch.setattr(PackSink, "_transaction", cut_off)
    inbox.run_all()
    assert check_account(dispatch, rows=2).completed == 4
    assert set(probe.counts().values()) == {1}
    check_quiet()


@pytest.mark.rule("T24", "T26")
@pytest.mark.parametrize("scope", ["table", "rows", "cell"])
def test_a_stop_that_races_the_claim_wins_in_the_end(
    scope: str, inbox: Inbox, probe: Probe, two_connections: Race, emitted: list[dict[str, Any]]
) -> None:
    sheet = probing_table(10)
    _, window = stamped(sheet, inbox)
    sink = sink_of(window)
    wishes: dict[str, dict[str, Any]] = {
        "table": {},
        "rows": {"rows": sheet.rows},
        "cell": {"cell": CellRef(sheet.rows[0], sheet.groups["A"].id)},
    }
    claimed, stopped = two_connections(
        lambda: sink.start(sheet.rows), lambda: stop(table=sheet.table, **wishes[scope])
    )
    assert stopped.error is None
    assert claimed.error is None
    execute(claimed.value, sink)
    doomed = sheet.rows if scope != "cell" else sheet.rows[:1]
    left = RowExecution.objects.filter(row_id__in=doomed).exclude(status="cancelled")
    assert not left.exists()
    assert not Row.objects.filter(id__in=doomed, data__has_key="a").exists()
    assert not Run.objects.filter(status__in=["running", "queued"]).exists()


@pytest.mark.rule("T24")
@pytest.mark.parametrize("scope", ["rows", "table", "cell", "edit", "delete"])
def test_whatever_people_do_to_a_row_and_its_workers_commit_never_wait_for_each_other(
    scope: str, inbox: Inbox, two_connections: Race, signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B's record is older than A's: who went by ids alone would hold B, which the commit of A is about to claim."""
    sheet = probing_chain(1, effect="pure")
    row, group = sheet.rows[0], sheet.groups["B"]
    group.depends_on = []
    group.save()
    RowExecution.objects.create(row_id=row, group=group, table=sheet.table, status="failed")
    _, window = stamped(sheet, inbox)
    sink = sink_of(window)
    runs = sink.start(sheet.rows)
    actor = Actor.system("test")
    gestures: dict[str, Callable[[], object]] = {
        "rows": lambda: stop(table=sheet.table, rows=[row]),
        "table": lambda: stop(table=sheet.table),
        "cell": lambda: stop(table=sheet.table, cell=CellRef(row, group.id)),
        "edit": lambda: row_update(
            table=sheet.table, row_id=row, data={"a": "typed", "b": "typed"}, actor=actor
        ),
        "delete": lambda: rows_delete(table=sheet.table, row_ids=[row], actor=actor),
    }
    advance = PackSink._advance

    def once_the_stop_waits(self: PackSink, *args: Any) -> Any:
        two_connections.meet()
        signals(somebody_waits_for_a_lock, "the stop to wait for the commit")
        return advance(self, *args)

    def gesture() -> None:
        two_connections.meet()
        gestures[scope]()

    monkeypatch.setattr(PackSink, "_advance", once_the_stop_waits)
    ended, stopped = two_connections(lambda: sink.commit([run.next_write() for run in _ended(runs)]), gesture)
    assert (ended.error, stopped.error) == (None, None)
    left = set(RowExecution.objects.filter(group=group).values_list("status", flat=True))
    assert left == {"edit": {"running"}, "delete": set()}.get(scope, {"cancelled"})


def _ended(runs: list[Any]) -> list[Any]:
    for run in runs:
        run.write.end = RunEnd(RunStatus.COMPLETED, result="x")
    return runs


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


@pytest.mark.rule("T15", "F1")
def test_a_dead_workers_locks_do_not_hold_its_rows_for_thirty_seconds(
    inbox: Inbox, probe: Probe, worker: Worker
) -> None:
    sheet = probing_table(1)
    dispatch, window = stamped(sheet, inbox)
    client().set(key_for(sheet.rows[0]), f"{current_instance()}:task", px=30_000)
    sink_of(window).start(sheet.rows)
    worker.die()
    reap()
    inbox.run_all()
    assert check_account(dispatch, rows=1).completed == 1
