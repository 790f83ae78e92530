"""A dry run (T14): what a request would do, by group and reason; it changes nothing and takes no lock.

Rows are judged one by one, exactly as a run would, for about two seconds. What is left by then is extrapolated from
what was seen, and the answer says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from time import monotonic
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db import connection
from django.db.backends.utils import CursorWrapper

from tables.engine.eligibility import Reason
from tables.engine.foresight import Foresight, foresee, superseded
from tables.engine.mapping import judge_condition
from tables.engine.types import Request, RowState, TableSpec
from tables.models import Dispatch, Table, sql
from tables.selectors import table_spec
from tables.services.budget import cells_left
from tables.services.cells import row_state
from tables.services.dispatches import groups_named
from tables.services.expecting import rows_expect
from tables.services.scope import scope_asked, scope_of, scope_rows_sql
from tables.states import ACTIVE_DISPATCH, Mode
from workspaces.ids import uuid7

K = TypeVar("K")

EXACT_SECONDS: Final = 2.0
"""Rows are counted one by one for this long."""

PAGE_ROWS: Final = 500
COSTED_CELLS: Final = 1_000
"""So many completed cells of a group tell what one costs."""

NEWEST: Final = 2**62

# What a cell of a group costs on average; a group of which no cell told a cost is not in the answer. Index:
# tables_cell_counts.
_MEAN_COST: Final = """
SELECT avg(coalesce(c.cost, 0)) FROM (
    SELECT cost FROM tables_rowexecution
     WHERE table_id = %s AND group_id = %s AND status = 'completed' LIMIT %s) c
HAVING count(c.cost) > 0
"""


def _scaled(counts: Counter[K], factor: float) -> Counter[K]:
    return Counter({key: round(count * factor) for key, count in counts.items()})


@dataclass(slots=True)
class _Tally:
    """Cells by group: those that would run, those of them that follow on others, the rest by reason."""

    runs: Counter[UUID] = field(default_factory=Counter)
    follows: Counter[UUID] = field(default_factory=Counter)
    carried_on: Counter[UUID] = field(default_factory=Counter)
    skipped: dict[UUID, Counter[str]] = field(default_factory=dict)
    rows: int = 0
    handed_over: int = 0

    def add(self, seen: Foresight) -> None:
        """One more row."""
        self.rows += 1
        self.handed_over += seen.hands_over
        self.follows.update(seen.follows)
        self.carried_on.update(seen.carried_on)
        for group, verdict in seen.verdicts.items():
            if verdict.runs:
                self.runs[group] += 1
            else:
                self.skipped.setdefault(group, Counter())[verdict.reason.value] += 1

    def scale(self, factor: float) -> None:
        """What was seen stands for so many times as much."""
        self.runs, self.follows = _scaled(self.runs, factor), _scaled(self.follows, factor)
        self.carried_on = _scaled(self.carried_on, factor)
        self.skipped = {group: _scaled(counts, factor) for group, counts in self.skipped.items()}
        self.rows, self.handed_over = round(self.rows * factor), round(self.handed_over * factor)

    def keep_within(self, left: int | None) -> bool:
        """Let no more cells begin than the day's budget allows; whether that took some away.

        Which cells come first depends on how rows are packed, so that each group gives up its share.
        """
        begin = sum(self.runs.values()) + sum(self.carried_on.values())
        if left is None or begin <= left:
            return False
        for group, count in list(self.runs.items()):
            kept = count * left // begin
            self.skipped.setdefault(group, Counter())[Reason.BUDGET_EXCEEDED.value] += count - kept
            self.runs[group], self.follows[group] = kept, min(self.follows[group], kept)
        self.carried_on = _scaled(self.carried_on, left / begin)
        return True


def dispatch_plan(
    *,
    table: Table,
    groups: Sequence[UUID] | None = None,
    rows: Sequence[UUID] | Mapping[str, Any] | None = None,
    filter: Mapping[str, Any] | None = None,  # noqa: A002 - the API's word
    exclude_rows: Sequence[UUID] = (),
    mode: Mode = Mode.INCOMPLETE,
    limit: int | None = None,
    failed_of: UUID | None = None,
    expected: int | None = None,
    exact_seconds: float = EXACT_SECONDS,
) -> dict[str, Any]:
    """How many cells would run and why the others would not, by group. Raises as ``dispatch_start`` does.

    Answer: ``{"rows": n, "groups": {group id: {"run": n, "follow": n, "skipped": {reason: n}}}, "carried_on": {group
    id: n}, "exact": bool, "estimated_cost": decimal text or null}``. ``follow`` are those of ``run`` whose inputs the
    same run is yet to fill; ``carried_on`` cells of other groups that auto-run takes along. Under a ``limit``,
    ``rows`` are those that the walk would pass. What the day's budget leaves no room for is ``budget_exceeded``.
    """
    spec = table_spec(table.id)
    named = groups_named(spec, groups)
    scope = scope_of(spec, rows, filter, exclude_rows, failed_of)
    rows_expect(spec, scope, expected)
    request = Request(uuid7(), frozenset(named), mode, is_manual=True, sequence=NEWEST)
    with connection.cursor() as cursor:
        tally, exact = _look(cursor, spec, scope, request, limit, exact_seconds)
        exact = not tally.keep_within(cells_left(table.workspace_id)) and exact
        cost = _cost(cursor, table.id, tally.runs + tally.carried_on)
    return {
        "rows": tally.rows,
        "groups": {
            str(group): {
                "run": tally.runs[group],
                "follow": tally.follows[group],
                "skipped": dict(tally.skipped.get(group, {})),
            }
            for group in named
        },
        "carried_on": {str(group): count for group, count in tally.carried_on.items()},
        "exact": exact,
        "estimated_cost": None if cost is None else str(cost),
    }


def _look(
    cursor: CursorWrapper,
    spec: TableSpec,
    scope: Mapping[str, Any],
    request: Request,
    limit: int | None,
    exact_seconds: float,
) -> tuple[_Tally, bool]:
    """Judge the rows in the order of the walk; when time is up, let them stand for the rest."""
    tally, until = _Tally(), monotonic() + exact_seconds
    active = _active(spec.table_id, request)
    clause, params = scope_rows_sql(spec, scope)
    for page in _pages(cursor, spec.table_id, clause, params):
        for row in page:
            found = superseded(row, request, is_table_wide=not scope_asked(scope), active=active)
            tally.add(foresee(spec, found, request, judge_condition))
            if tally.handed_over == limit:
                return tally, True
        if monotonic() > until and len(page) == PAGE_ROWS:
            tally.scale(_left(cursor, spec.table_id, clause, params, tally, limit))
            return tally, False
    return tally, True


def _active(table_id: UUID, request: Request) -> frozenset[UUID]:
    """Dispatches that the request would replace if it asked for the whole table."""
    asked = Dispatch.objects.filter(
        table_id=table_id, status__in=ACTIVE_DISPATCH, groups__overlap=sorted(request.groups)
    )
    return frozenset(asked.values_list("id", flat=True))


def _pages(
    cursor: CursorWrapper, table_id: UUID, clause: str, params: Sequence[Any]
) -> Iterator[list[RowState]]:
    """The rows in scope with their cells, in the table's order, by keyset: memory stays that of a page."""
    beyond = ""
    place: list[Any] = []
    while True:
        statement = sql.SCAN_ROWS.format(scope=clause + beyond)
        cursor.execute(statement, [table_id, NEWEST, *params, *place, PAGE_ROWS])
        found = cursor.fetchall()
        if found:
            yield [row_state(*fields[:4]) for fields in found]
        if len(found) < PAGE_ROWS:
            return
        beyond, place = " AND (r.position, r.id) > (%s::text, %s::uuid)", [found[-1][4], found[-1][0]]


def _left(
    cursor: CursorWrapper,
    table_id: UUID,
    clause: str,
    params: Sequence[Any],
    tally: _Tally,
    limit: int | None,
) -> float:
    """How many times as much there is as was seen: all rows in scope, or until the limit is reached."""
    cursor.execute(
        f"SELECT count(*) FROM tables_row r WHERE r.table_id = %s {clause}",  # noqa: S608 - clause is ours
        [table_id, *params],
    )
    factor = float(cursor.fetchone()[0]) / tally.rows
    if limit is not None and tally.handed_over:
        factor = min(factor, limit / tally.handed_over)
    return max(1.0, factor)


def _cost(cursor: CursorWrapper, table_id: UUID, cells: Counter[UUID]) -> Decimal | None:
    """What so many cells of each group would cost, by what completed ones did; ``None`` when none told a cost."""
    total: Decimal | None = None
    for group, count in sorted(cells.items()):
        cursor.execute(_MEAN_COST, [table_id, group, COSTED_CELLS])
        found = cursor.fetchone()
        if found is not None and count:
            total = (total or Decimal(0)) + (found[0] * count).quantize(Decimal("0.000001"))
    return total
