"""What table_upsert writes is one commit with its step, starts what it should, and never itself (W15, T20, T29)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from tables.models import Dispatch, Row, RowExecution, Table
from tables.services.dispatches import dispatch_start
from tables.services.reaping import reap
from tables.states import Mode
from tests.bed.accounts import check_account, check_quiet
from tests.bed.engine import Engine, engine
from tests.bed.factories import Sheet, chain, sheet_make
from tests.bed.races import Race
from tests.bed.running import Inbox, WorkerKilled
from tests.bed.signals import Signals
from workflows.blocks.base import BlockFailed
from workflows.blocks.registry import block_types
from workflows.blocks.trial import new_context, try_block
from workflows.models import Run, Step
from workspaces.models import Workspace

__all__ = ["engine"]

pytestmark = pytest.mark.usefixtures("worker")


def writing(step: str, table: str, rows: Any, **config: Any) -> dict[str, Any]:
    """A block that upserts by the column ``name``."""
    return {
        "key": step,
        "type": "table_upsert",
        "config": {"table": table, "rows": rows, "key": "name", **config},
    }


def target(workspace: Workspace, name: str = "People") -> Sheet:
    sheet = sheet_make(workspace, name)
    sheet.column("name")
    return sheet


def writers(rows: int = 2, *, into: str = "People", tag: str = "of {{ row.name }}", **group: Any) -> Sheet:
    """A table ``Firms`` whose cells write a row each, and fill column ``a`` with how many were new."""
    sheet = target(sheet_make().workspace, "Firms")
    definition = chain(writing("write", into, {"name": tag}))
    sheet.group("A", definition, outputs={"a": "result.inserted"}, types={"a": "number"}, **group)
    sheet.fill([{"name": f"n{n}"} for n in range(rows)])
    return sheet


def auto_run(sheet: Sheet, *blocks: dict[str, Any]) -> None:
    """A group that runs by itself on rows with a name."""
    does = blocks or ({"key": "say", "type": "set", "config": {"fields": {"value": "hi {{ row.name }}"}}},)
    sheet.group(
        "G", chain(*does), outputs={"g": "result"}, types={"g": "json"}, depends_on=["name"], auto_run=True
    )


def names(table: str) -> list[str]:
    rows = Row.objects.filter(table__name=table).order_by("position", "id")
    return [row.data["name"] for row in rows]


# ---- both or neither -----------------------------------------------------------------------------------------


@pytest.mark.rule("W15", "W14")
@pytest.mark.parametrize("after", [False, True])
def test_a_worker_that_dies_at_the_commit_leaves_rows_and_step_or_neither(
    engine: Engine,
    after: bool,
) -> None:
    target(engine.workspace)
    rows = [{"name": "Ada"}, {"name": "Lin"}]
    run = engine.start(engine.workflow([writing("write", "People", rows, mode="insert", key=None)]))
    engine.dies_at_commit(1, after=after)
    engine.work()
    assert names("People") == (["Ada", "Lin"] if after else [])
    assert ("write" in engine.outputs(run)) is after
    engine.recover()
    engine.work()
    assert engine.fresh(run).status == "completed"
    assert names("People") == ["Ada", "Lin"]
    assert Table.objects.get(name="People").row_count == 2
    assert engine.outputs(run)["write"]["ids"] == [str(row.pk) for row in Row.objects.order_by("position")]


@pytest.mark.rule("W15", "T21")
@pytest.mark.parametrize("after", [False, True])
def test_the_same_holds_in_a_cell(
    inbox: Inbox,
    kill_at_commit: Callable[..., None],
    worker: Any,
    after: bool,
) -> None:
    sheet = writers(1)
    target(sheet.workspace)
    dispatch = dispatch_start(table=sheet.table, mode=Mode.ALL).dispatch
    kill_at_commit(1, after=after)
    with pytest.raises(WorkerKilled):
        inbox.run_all()
    assert names("People") == (["of n0"] if after else [])
    assert Step.objects.filter(step_key="write", status="completed").exists() is after
    reap()
    inbox.run_all()
    check_account(dispatch.id, rows=1)
    check_quiet()
    assert names("People") == ["of n0"]
    assert sheet.values("a") == [1]


@pytest.mark.rule("W13", "W15")
def test_a_stopped_cell_writes_no_row(inbox: Inbox) -> None:
    from tables.services.stopping import stop

    sheet = writers(1)
    target(sheet.workspace)
    dispatch_start(table=sheet.table, mode=Mode.ALL)
    with pytest.MonkeyPatch.context() as patch:
        from workflows.services import starting

        plain = starting.attempt_in_commit

        def stopped_just_before(*args: Any) -> None:
            stop(table=sheet.table)
            plain(*args)

        patch.setattr(starting, "attempt_in_commit", stopped_just_before)
        inbox.run_all()
    assert names("People") == []
    assert sheet.cells()[sheet.rows[0], "A"].status == "cancelled"


@pytest.mark.rule("W15", "W16")
def test_a_failed_write_leaves_the_table_as_it_was_and_says_why(engine: Engine) -> None:
    sheet = target(engine.workspace)
    sheet.column("score", "number")
    run = engine.run(
        engine.workflow([writing("write", "People", [{"name": "A"}, {"name": "B", "score": "x"}])])
    )
    assert (run.status, run.error["code"]) == ("failed", "value_invalid")
    assert run.error["message"].startswith("rows[1].score: ")
    assert (names("People"), Table.objects.get().row_count) == ([], 0)


# ---- several at once -----------------------------------------------------------------------------------------


@pytest.mark.rule("W15")
def test_two_that_write_the_same_key_at_once_make_one_row(two_connections: Race) -> None:
    sheet = target(sheet_make().workspace)
    where = replace(new_context(block_types()["table_upsert"], {}), workspace_id=sheet.workspace.pk)
    config = writing("write", "People", [{"name": "Ada"}])["config"]

    def write() -> Any:
        with transaction.atomic():
            return try_block("table_upsert", config, context=where).output

    outcomes = [outcome.value for outcome in two_connections(write, write)]
    assert sorted((done["inserted"], done["unchanged"]) for done in outcomes) == [(0, 1), (1, 0)]
    assert names("People") == ["Ada"]


def own_pid() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def waits(pid: int) -> bool:
    """Whether that connection waits for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE pid = %s AND NOT granted)", [pid])
        return bool(cursor.fetchone()[0])


@pytest.mark.rule("W15", "F8")
def test_a_commit_that_meets_somebody_head_on_gives_way_and_is_repeated(
    engine: Engine, signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who holds the table and waits for the run, as a Stop does, is never the one who fails."""
    from tables.services import upserting

    target(engine.workspace)
    run = engine.start(
        engine.workflow([writing("write", "People", [{"name": "Ada"}], mode="insert", key=None)])
    )
    others: list[int] = []
    failed: list[BaseException] = []
    table_held, run_held = threading.Event(), threading.Event()
    locked, tries = upserting._locked, []

    def lock_once_they_wait(table_id: UUID) -> Any:
        tries.append(table_id)
        run_held.set()
        if len(tries) == 1:
            signals(lambda: waits(others[0]), "the other one to wait for the run")
        return locked(table_id)

    def head_on() -> None:
        try:
            with transaction.atomic():
                Table.objects.select_for_update(no_key=True).get(name="People")
                others.append(own_pid())
                table_held.set()
                assert run_held.wait(10)
                Run.objects.select_for_update().get(pk=run.pk)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failed.append(error)
        finally:
            connection.close()

    monkeypatch.setattr(upserting, "_locked", lock_once_they_wait)
    thread = threading.Thread(target=head_on)
    thread.start()
    assert table_held.wait(10)
    engine.work()
    thread.join(10)
    assert not failed
    assert len(tries) > 1
    assert engine.fresh(run).status == "completed"
    assert names("People") == ["Ada"]
    assert Table.objects.get().row_count == 1


@pytest.mark.rule("W17")
def test_a_question_that_takes_too_long_fails_as_a_timeout(two_connections: Race) -> None:
    sheet = target(sheet_make().workspace)
    context = new_context(block_types()["table_query"], {})
    asked = threading.Event()

    def ask() -> Any:
        where = replace(context, workspace_id=sheet.workspace.pk, deadline_monotonic=time.monotonic() + 0.2)
        two_connections.meet()
        try:
            with transaction.atomic():
                return try_block("table_query", {"table": "People"}, context=where)
        finally:
            asked.set()

    def hold() -> bool:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE tables_row IN ACCESS EXCLUSIVE MODE")
            two_connections.meet()
            return asked.wait(10)

    outcome, held = two_connections(ask, hold)
    assert held.value is True
    assert isinstance(outcome.error, BlockFailed)
    assert outcome.error.error.code == "timeout"


# ---- what runs by itself -------------------------------------------------------------------------------------


@pytest.mark.rule("T29")
def test_rows_that_were_touched_run_by_themselves_and_only_they(engine: Engine, inbox: Inbox) -> None:
    sheet = target(engine.workspace)
    sheet.column("score", "number")
    old, touched = sheet.fill([{"name": "old"}, {"name": "Ada"}])
    auto_run(sheet)
    run = engine.run(
        engine.workflow([writing("write", "People", [{"name": "new"}, {"name": "Ada", "score": 1}])])
    )
    dispatch = Dispatch.objects.get()
    assert (dispatch.mode, dispatch.is_manual) == ("new", False)
    assert dispatch.scope == {"rows": [engine.outputs(run)["write"]["ids"][0], str(touched)]}
    inbox.run_all()
    assert check_account(dispatch.id, rows=2).completed == 2
    assert not RowExecution.objects.filter(row_id=old).exists()


@pytest.mark.rule("T29", "W15")
@pytest.mark.parametrize("after", [False, True])
def test_the_start_is_born_with_the_rows(
    engine: Engine,
    inbox: Inbox,
    after: bool,
) -> None:
    auto_run(target(engine.workspace))
    run = engine.start(engine.workflow([writing("write", "People", [{"name": "Ada"}])]))
    engine.dies_at_commit(1, after=after)
    engine.work()
    assert Dispatch.objects.count() == Row.objects.count() == (1 if after else 0)
    engine.recover()
    engine.work()
    assert engine.fresh(run).status == "completed"
    assert Dispatch.objects.count() == Row.objects.count() == 1


@pytest.mark.rule("T29")
def test_what_changed_nothing_starts_nothing(engine: Engine, inbox: Inbox) -> None:
    sheet = target(engine.workspace)
    sheet.fill([{"name": "Ada"}])
    auto_run(sheet)
    assert engine.run(engine.workflow([writing("write", "People", {"name": "Ada"})])).status == "completed"
    assert not Dispatch.objects.exists()


@pytest.mark.rule("T20")
def test_a_cell_that_writes_rows_into_its_own_table_starts_none_of_them(inbox: Inbox) -> None:
    sheet = writers(1, into="Firms", tag="{{ row.name }}+", auto_run=True, depends_on=[])
    dispatch = dispatch_start(table=sheet.table, mode=Mode.ALL).dispatch
    inbox.run_all()
    assert names("Firms") == ["n0", "n0+"]
    assert Dispatch.objects.get() == dispatch
    check_account(dispatch.id, rows=1)


@pytest.mark.rule("T20")
def test_a_cell_that_writes_its_own_row_runs_once(inbox: Inbox) -> None:
    sheet = target(sheet_make().workspace, "Firms")
    sheet.column("note")
    does = chain(writing("write", "Firms", {"name": "{{ row.name }}", "note": "seen"}))
    sheet.group("A", does, outputs={"a": "result.updated"}, types={"a": "number"}, auto_run=True)
    sheet.fill([{"name": "n0"}])
    dispatch_start(table=sheet.table, mode=Mode.ALL)
    inbox.run_all()
    assert (sheet.values("note"), sheet.values("a")) == (["seen"], [1])
    assert Dispatch.objects.count() == 1
    assert RowExecution.objects.get().attempt == 1


@pytest.mark.rule("T20", "T29")
def test_two_tables_that_write_into_each_other_come_to_an_end(inbox: Inbox) -> None:
    sheet = writers(1, auto_run=True, depends_on=[])
    people = target(sheet.workspace)
    auto_run(people, writing("back", "Firms", {"name": "by {{ row.name }}"}))
    first = dispatch_start(table=sheet.table, mode=Mode.ALL).dispatch
    inbox.run_all()
    assert names("People") == ["of n0"]
    assert names("Firms") == ["n0", "by of n0"]
    second = Dispatch.objects.exclude(pk=first.pk).get()
    assert second.table_id == people.table.pk
    for dispatch in (first, second):
        check_account(dispatch.pk, rows=1)


@pytest.mark.rule("T20")
def test_a_sub_run_of_a_cell_counts_as_the_cell(engine: Engine, inbox: Inbox) -> None:
    engine.workflow([writing("write", "Firms", {"name": "{{ input.name }}+"})], name="inner")
    sheet = target(engine.workspace, "Firms")
    block = {
        "key": "sub",
        "type": "workflow",
        "config": {"workflow": "inner", "input": {"name": "{{ row.name }}"}},
    }
    sheet.group(
        "A", chain(block), outputs={"a": "result.result.inserted"}, types={"a": "number"}, auto_run=True
    )
    sheet.fill([{"name": "n0"}])
    dispatch_start(table=sheet.table, mode=Mode.ALL)
    inbox.run_all()
    engine.work()
    assert names("Firms") == ["n0", "n0+"]
    assert Dispatch.objects.count() == 1
