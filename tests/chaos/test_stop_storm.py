"""Stops and reruns in a storm, on real processes: the latest intent wins, and nothing comes back (F28, I3)."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from tables.lease import owners
from tables.models import Dispatch, RowExecution, Window
from tables.services.dispatches import dispatch_start
from tables.services.stopping import CellRef, dispatch_stop, stop
from tables.states import ACTIVE_DISPATCH, HOLDS_WINDOW, Mode
from tests.bed.factories import Sheet

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.core]

ROWS, ACTIONS, SECONDS = 40, 200, 20.0

MOST_PATIENCE = 0.4
"""Seconds that one gesture waits for workers to come along."""

_HISTORY = """
CREATE TABLE test_cell_history (n bigserial, row_id uuid, group_id uuid, status text, execution_id uuid,
                                dispatch_id uuid, cancelled_sequence bigint, version bigint);
CREATE FUNCTION test_cell_noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO test_cell_history (row_id, group_id, status, version)
        VALUES (OLD.row_id, OLD.group_id, 'cleared', nextval('tables_cell_version'));
        RETURN NULL;
    END IF;
    INSERT INTO test_cell_history (row_id, group_id, status, execution_id, dispatch_id, cancelled_sequence, version)
    VALUES (NEW.row_id, NEW.group_id, NEW.status, NEW.execution_id, NEW.dispatch_id, NEW.cancelled_sequence,
            NEW.version);
    RETURN NULL;
END $$;
CREATE TRIGGER test_cell_noted AFTER INSERT OR UPDATE OR DELETE ON tables_rowexecution
    FOR EACH ROW EXECUTE FUNCTION test_cell_noted();
"""

_FORGET = """
DROP TRIGGER test_cell_noted ON tables_rowexecution;
DROP FUNCTION test_cell_noted();
DROP TABLE test_cell_history;
"""


@pytest.fixture
def history(db: None) -> Iterator[Callable[[], dict[tuple[UUID, UUID], list[Any]]]]:
    """Everything that was ever written about a cell, noted by PostgreSQL itself, in order."""

    def read() -> dict[tuple[UUID, UUID], list[Any]]:
        told: dict[tuple[UUID, UUID], list[Any]] = defaultdict(list)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT row_id, group_id, status, execution_id, dispatch_id, cancelled_sequence"
                " FROM test_cell_history ORDER BY version, n"
            )
            for row, group, *what in cursor.fetchall():
                told[row, group].append(what)
        return told

    with connection.cursor() as cursor:
        cursor.execute(_HISTORY)
    yield read
    with connection.cursor() as cursor:
        cursor.execute(_FORGET)


class Storm:
    """Stops and runs at random, one after the other; ``wanted`` is what the last of them meant for each row.

    ``True``: run it whole; ``False``: some of it was to stop.
    """

    def __init__(self, sheet: Sheet, seed: int) -> None:
        self.sheet = sheet
        self.random = random.Random(seed)
        self.wanted: dict[UUID, bool] = dict.fromkeys(sheet.rows, False)

    def act(self) -> None:
        """One gesture."""
        often = {self.run_rows: 30, self.run_all: 12, self.stop_rows: 20, self.stop_cell: 20}
        seldom = {self.stop_filter: 8, self.stop_group: 4, self.stop_table: 3, self.stop_dispatch: 3}
        gestures = {**often, **seldom}
        self.random.choices(list(gestures), list(gestures.values()))[0]()

    def some(self) -> list[UUID]:
        """A few rows."""
        return self.random.sample(self.sheet.rows, self.random.randint(1, 8))

    def run_rows(self) -> None:
        """Run some rows."""
        self._run(self.some())

    def run_all(self) -> None:
        """Run the table."""
        self._run(None)

    def _run(self, rows: list[UUID] | None) -> None:
        mode = self.random.choice([Mode.ALL, Mode.INCOMPLETE])
        dispatch_start(table=self.sheet.table, rows=rows, mode=mode)
        self.wanted.update(dict.fromkeys(self.sheet.rows if rows is None else rows, True))

    def stop_rows(self) -> None:
        """Stop some rows."""
        self._stop(self.some())

    def _stop(self, rows: list[UUID]) -> None:
        stop(table=self.sheet.table, rows=rows)
        self.wanted.update(dict.fromkeys(rows, False))

    def stop_filter(self) -> None:
        """Stop the rows of a filter."""
        numbers = self.random.sample(range(ROWS), 8)
        stop(
            table=self.sheet.table,
            filter={"column": "name", "op": "in", "value": [f"n{n}" for n in numbers]},
        )
        self.wanted.update({self.sheet.rows[n]: False for n in numbers})

    def stop_group(self) -> None:
        """Stop a group of the table."""
        stop(table=self.sheet.table, groups=[self.random.choice([*self.sheet.groups.values()]).id])
        self.wanted.update(dict.fromkeys(self.sheet.rows, False))

    def stop_table(self) -> None:
        """Stop everything."""
        stop(table=self.sheet.table)
        self.wanted.update(dict.fromkeys(self.sheet.rows, False))

    def stop_dispatch(self) -> None:
        """Stop one dispatch."""
        active = list(Dispatch.objects.filter(status__in=ACTIVE_DISPATCH).order_by("id"))
        if active:
            dispatch_stop(self.random.choice(active))
            self.wanted.update(dict.fromkeys(self.sheet.rows, False))

    def stop_cell(self) -> None:
        """Stop one exact attempt."""
        running = RowExecution.objects.filter(status="running").order_by("row_id", "group_id").first()
        if running is not None:
            ref = CellRef(running.row_id, running.group_id, running.execution_id)
            try:
                stop(table=self.sheet.table, cell=ref)
            except Exception as fault:
                if getattr(fault, "code", "") != "cell_finished":
                    raise
            self.wanted[running.row_id] = False


def blow(actions: int) -> None:
    """The pace of the storm; on a busy machine a little slower, so that what it stops has begun."""
    time.sleep(SECONDS / ACTIONS)
    until = time.monotonic() + MOST_PATIENCE
    while time.monotonic() < until and claims() < actions:
        time.sleep(0.02)


def claims() -> int:
    """How many attempts have begun so far."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM test_cell_history WHERE status = 'running'")
        return int(cursor.fetchone()[0])


def at_rest() -> bool:
    """Nothing is under way, and nobody holds anything."""
    return not (
        Window.objects.exists()
        or Dispatch.objects.filter(status__in=ACTIVE_DISPATCH).exists()
        or RowExecution.objects.filter(status__in=HOLDS_WINDOW).exists()
    )


def check_history(told: dict[tuple[UUID, UUID], list[Any]]) -> int:
    """I3: what was stopped is claimed by later requests only, and a cancelled attempt is never heard of again.

    Compared by action number, as nothing else orders a request and a stop. Answers how many claims were looked at.
    """
    asked = dict(Dispatch.objects.values_list("id", "requested_sequence"))
    claims = 0
    for place, entries in told.items():
        stopped_at, dead = 0, set()
        for status, execution, dispatch, cancelled_sequence in entries:
            if (
                status == "cleared"
            ):  # by a later request, which wants the cell: nobody has to keep from it any more
                stopped_at = 0
                continue
            if status == "running":
                claims += 1
                assert asked[dispatch] >= stopped_at, (place, entries)
            if status != "cancelled":
                assert execution is None or execution not in dead, (place, entries)
            if status == "cancelled" and execution is not None:
                dead.add(execution)
            stopped_at = max(stopped_at, cancelled_sequence)
    return claims


@pytest.mark.rule("F28", "T24", "T25", "T26")
@pytest.mark.bug("200 stops and reruns at random in 20 s")
def test_the_latest_intent_wins_in_a_storm_of_stops_and_reruns(
    seed: int,
    traced: Any,
    traced_sheet: Any,
    signals: Any,
    history: Callable[[], dict[tuple[UUID, UUID], list[Any]]],
    invariants_hold: Callable[[], None],
) -> None:
    _stack, trace = traced()
    sheet: Sheet = traced_sheet(rows=ROWS, milliseconds=60)
    storm = Storm(sheet, seed)
    for n in range(ACTIONS):
        storm.act()
        blow(n)
    signals(at_rest, "the last of the storm to run out", timeout=90)

    failed = RowExecution.objects.filter(status="failed").values_list("error", flat=True)
    assert list(failed) == []
    assert check_history(history()) > ROWS
    for row, whole in storm.wanted.items():
        statuses = list(RowExecution.objects.filter(row_id=row).values_list("status", flat=True))
        assert set(statuses) <= {"completed", "cancelled"}
        assert not whole or statuses == ["completed"] * 3, (row, statuses)
    assert owners(sheet.rows) == {}
    invariants_hold()

    dispatch_start(table=sheet.table, mode=Mode.ALL)
    signals(lambda: trace.counts("start")["A", "n0"] > 0, "the last run to begin", timeout=30)
    stop(table=sheet.table)
    stopped = time.time()
    signals(at_rest, "the stop to be all there is", timeout=30)
    dispatch_start(table=sheet.table, rows=sheet.rows[:1], mode=Mode.ALL)
    signals(at_rest, "the row to run", timeout=60)
    late = [line for line in trace.lines() if line[0] == "start" and float(line[4]) > stopped + 2.0]
    assert all(line[2].endswith("n0") or "(n0)" in line[2] for line in late)
    assert sheet.values("c")[0] == "C(B(A(n0)))"
    assert check_history(history()) > 0
    invariants_hold()
