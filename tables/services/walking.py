"""How a dispatch walks its rows: what comes after the cursor, and what was moved behind it (T10).

Everything here only reads; the caller stamps what is found, and moves the cursor, in the same transaction under the
dispatch's lock. Rows are read in the table's order by keyset. Where the records, or a filter, leave most of them out,
they are skimmed over in SQL, a bounded span at a time, and only what may have work is read and judged (``mode new``
on a million finished rows).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.backends.utils import CursorWrapper

from tables.engine.eligibility import Reason
from tables.engine.filters import EVERYTHING, Clause
from tables.engine.mapping import judge_condition
from tables.engine.types import CellState, Request, TableSpec
from tables.engine.window import WindowPlan, plan_window
from tables.models import sql, walking_sql
from tables.services.cells import row_state, rows_load
from tables.services.scope import ScopeSql, scope_rows_sql, scope_sql
from tables.states import Mode

Place = tuple[str, UUID]
"""A row's place in its table: ``(position, id)``."""

SCAN_ROWS: Final = 500
"""Rows read at once while nothing in them is to run."""

SPANS: Final = (200, 2_000, 10_000)
"""Rows skimmed over at once: more when fewer of them turn out to have work."""

MOVE_TAKES: Final = timedelta(minutes=1)
"""No transaction that moves a row takes longer."""

_BY_MODE: Final = {
    Mode.NEW: Reason.HAS_ATTEMPT,
    Mode.INCOMPLETE: Reason.COMPLETED,
    Mode.FAILED: Reason.NOT_FAILED,
}


@dataclass(frozen=True, slots=True)
class Walk:
    """What is walked: the rows of a stored scope no newer than ``upper_seq``, for one request."""

    spec: TableSpec
    scope: Mapping[str, Any]
    request: Request
    upper_seq: int

    @property
    def records_tell(self) -> bool:
        """Whether a cell's record alone can say that it has nothing to do."""
        named = [group for group in self.spec.groups if group.id in self.request.groups]
        if self.request.mode is Mode.ALL or (self.request.mode is Mode.NEW and self.request.continues):
            return False
        return self.request.is_manual or all(group.auto_run for group in named)


@dataclass(slots=True)
class Ahead:
    """What lies ahead of a cursor: the plan of a window, rows seen on the way, and where that leaves the cursor."""

    plan: WindowPlan
    seen: int = 0
    cursor: Place | None = None
    exhausted: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    """Rows without work, by reason, up to and including the next row that may have some (``None``: to the end)."""

    row: UUID | None
    seen: int
    skipped: dict[str, int]
    end: Place


@dataclass(slots=True)
class Skim:
    """One look over a span of the table; ``is_last`` when the table ends in it."""

    gaps: list[Gap] = field(default_factory=list)
    is_last: bool = True

    @property
    def rows(self) -> list[UUID]:
        """Those that may have work, in order."""
        return [gap.row for gap in self.gaps if gap.row is not None]


def rows_ahead(
    cursor: CursorWrapper, walk: Walk, after: Place | None, wanted: int, *, is_dense: bool
) -> Ahead:
    """The next ``wanted`` rows with work after a place; ``is_dense`` while every row so far had some."""
    halves = scope_sql(walk.spec, walk.scope)
    if halves.tests or (walk.records_tell and not is_dense):
        return _skimmed(cursor, walk, halves, after, wanted)
    return _scanned(cursor, walk, after, wanted, wanted if is_dense else SCAN_ROWS)


def rows_moved(walk: Walk, since: datetime, wanted: int) -> WindowPlan:
    """Rows that changed their place since then and still have work, wherever they stand now (T10).

    What this dispatch has handed over before is left out, so a row that was merely moved costs nothing; and a move
    that began before the dispatch and was committed after it had passed is found by looking back a little.
    """
    clause, params = scope_rows_sql(walk.spec, walk.scope)
    clause = f"{clause} AND {walking_sql.MOVED}"
    params = [*params, since - MOVE_TAKES, sorted(walk.request.groups), walk.request.dispatch_id]
    after, asked = None, wanted
    clears: list[CellState] = []
    while True:
        beyond = _beyond(after)
        with connection.cursor() as cursor:  # bound by the client, as a filter may be in it
            found = _scan(cursor, walk, f"{clause} AND {beyond.sql}", [*params, *beyond.params], asked)
        rows = [row_state(*fields[:4]) for fields in found]
        plan = plan_window(walk.spec, rows, walk.request, wanted, judge_condition)
        clears = plan.clears = [*clears, *plan.clears]
        if plan.rows or len(found) < asked:
            return plan
        after, asked = (found[-1][4], found[-1][0]), SCAN_ROWS


def _scan(
    cursor: CursorWrapper, walk: Walk, clause: str, params: Sequence[Any], limit: int
) -> list[tuple[Any, ...]]:
    cursor.execute(sql.SCAN_ROWS.format(scope=clause), [walk.spec.table_id, walk.upper_seq, *params, limit])
    return list(cursor.fetchall())


def _scanned(cursor: CursorWrapper, walk: Walk, after: Place | None, wanted: int, asked: int) -> Ahead:
    """Read rows one and all: in a run of a whole table nearly every one has work."""
    clause, params = scope_rows_sql(walk.spec, walk.scope)
    if after is not None:
        beyond = _beyond(after)
        clause, params = f"{clause} AND {beyond.sql}", [*params, *beyond.params]
    found = _scan(cursor, walk, clause, params, asked)
    rows = [row_state(*fields[:4]) for fields in found]
    plan = plan_window(walk.spec, rows, walk.request, wanted, judge_condition)
    ahead = Ahead(plan, seen=plan.passed - plan.again, cursor=after)
    if plan.passed:
        ahead.cursor = found[plan.passed - 1][4], found[plan.passed - 1][0]
    ahead.exhausted = plan.passed == len(found) < asked
    return ahead


def _skimmed(cursor: CursorWrapper, walk: Walk, halves: ScopeSql, after: Place | None, wanted: int) -> Ahead:
    """Skim until enough rows may have work, or for as much as one transaction should; then judge those."""
    skim = Skim()
    for span in SPANS:
        skim = span_skim(walk, halves, after, span)
        if skim.is_last or len(skim.rows) >= wanted:
            break
    loaded = {row.id: row for row in rows_load(cursor, walk.spec.table_id, skim.rows).rows}
    there = [loaded[row] for row in skim.rows if row in loaded]
    plan = plan_window(walk.spec, there, walk.request, wanted, judge_condition)
    ahead = Ahead(plan, seen=plan.passed - plan.again, cursor=after)
    last = there[plan.passed - 1].id if len(plan.rows) >= wanted else None
    for gap in skim.gaps:
        ahead.cursor = gap.end
        ahead.seen += gap.seen
        gap_count(gap, plan.skipped)
        if last is not None and gap.row == last:
            return ahead
    ahead.exhausted = skim.is_last
    return ahead


def gap_count(gap: Gap, skipped: dict[str, int]) -> None:
    """Add what was passed to the account of what was skipped, in place."""
    for reason, count in gap.skipped.items():
        skipped[reason] = skipped.get(reason, 0) + count


def span_skim(walk: Walk, halves: ScopeSql, after: Place | None, span: int) -> Skim:
    """One look over the next ``span`` rows of the table, from where a place lies (``None``: the beginning)."""
    groups = sorted(walk.request.groups)
    beyond = _beyond(after)
    told = _settled(walk, groups) if walk.records_tell else Clause(walking_sql.UNSETTLED)
    statement = walking_sql.SKIM_ROWS.format(
        has_work=_has_work(walk, len(groups)),
        by_mode=_by_mode(walk, len(groups)),
        test=halves.test.sql,
        place=halves.place.sql,
        beyond=beyond.sql,
        settled=told.sql,
    )
    place, test = halves.place.params, halves.test.params
    with connection.cursor() as cursor:  # bound by the client: every filter is another statement
        cursor.execute(
            statement,
            [
                walk.upper_seq,
                *test,
                walk.spec.table_id,
                *place,
                *beyond.params,
                span,
                *told.params,
                SCAN_ROWS,
            ],
        )
        found = cursor.fetchall()
    gaps = list(_gaps(found, _BY_MODE.get(walk.request.mode, Reason.COMPLETED)))
    read = sum(row[7] for row in found)
    return Skim(gaps, is_last=read < span and len(found) < SCAN_ROWS)


def _gaps(found: Sequence[Sequence[Any]], by_mode: Reason) -> Iterator[Gap]:
    for row, seen, tombstoned, in_flight, settled, position, end, _read in found:
        counts = {Reason.TOMBSTONED: tombstoned, Reason.IN_FLIGHT: in_flight, by_mode: settled}
        skipped = {reason.value: int(count) for reason, count in counts.items() if count}
        yield Gap(row, seen, skipped, (position, end))


def _settled(walk: Walk, groups: Sequence[UUID]) -> Clause:
    request = walk.request
    return Clause(
        walking_sql.SETTLED, [request.dispatch_id, request.sequence, request.mode.value, list(groups)]
    )


def _has_work(walk: Walk, groups: int) -> str:
    """Whether a row may have work, over the counts of ``SETTLED``: in mode failed only what has a record can."""
    if not walk.records_tell or walk.request.mode is Mode.FAILED:
        return "k.open > 0"
    return f"k.tombstoned + k.in_flight + k.by_mode < {groups:d}"


def _by_mode(walk: Walk, groups: int) -> str:
    """Cells the mode leaves out: in mode failed also those without a record."""
    if walk.records_tell and walk.request.mode is Mode.FAILED:
        return f"({groups:d} - m.tombstoned - m.in_flight)"
    return "m.by_mode"


def _beyond(after: Place | None) -> Clause:
    """Rows after a place, exclusive; all of them for ``None``: the cursor starts before the first row (T10)."""
    if after is None:
        return EVERYTHING
    return Clause("(r.position, r.id) > (%s::text, %s::uuid)", list(after))
