"""Starting a dispatch: the one entry of every gesture, call and trigger (`tables.md` section 3, steps 1 and 2).

The request is stored and acknowledged; all that follows happens in workers, so that a Stop which arrives during
preparation has something to stop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from tables.engine.eligibility import runnable
from tables.engine.filters import compile_filter
from tables.engine.mapping import judge_condition
from tables.engine.types import Request, TableSpec
from tables.engine.window import clears_for, count_reasons, without
from tables.enqueue import advance_send
from tables.errors import GroupNotFound, IdempotencyMismatch, ScopeInvalid
from tables.models import Dispatch, Table
from tables.selectors import table_spec
from tables.services.cells import rows_load
from tables.services.progress import dispatch_announce
from tables.services.scope import scope_rows_sql
from tables.services.stopping import table_sequence_next
from tables.states import Mode
from workspaces.ids import uuid7
from workspaces.models import User

MAX_NAMED_ROWS = 1_000
"""More rows than this are named by a range or a filter, never by ids (`api.md`)."""


@dataclass(frozen=True, slots=True)
class DispatchOutcome:
    """The dispatch, or ``None`` when there was nothing to do; ``skipped`` then says why, per reason."""

    dispatch: Dispatch | None
    skipped: dict[str, int] = field(default_factory=dict)


@transaction.atomic
def dispatch_start(
    *,
    table: Table,
    groups: Sequence[UUID] | None = None,
    rows: Sequence[UUID] | Mapping[str, Any] | None = None,
    filter: Mapping[str, Any] | None = None,  # noqa: A002 - the API's word
    exclude_rows: Sequence[UUID] = (),
    mode: Mode = Mode.INCOMPLETE,
    limit: int | None = None,
    is_manual: bool = True,
    actor: User | None = None,
    idempotency_key: str | None = None,
    trigger_id: UUID | None = None,
) -> DispatchOutcome:
    """Store a request to run workflow groups over rows, and wake a dispatcher after the commit.

    ``groups=None`` means all of the table; ``rows`` is a list of at most 1,000 ids, ``{"from", "to"}`` (row ids,
    inclusive, in the table's order), ``{"seq_from", "seq_to"}`` (a bulk insert's), or ``None`` for all. The same
    ``idempotency_key`` answers the same dispatch.

    Raises:
        GroupNotFound, ScopeInvalid, FilterInvalid: the request names what is not there.
        IdempotencyMismatch: the key was used for another request (422).
    """
    if limit is not None and limit < 1:
        raise ScopeInvalid("A limit is at least one row.")
    sequence = table_sequence_next(table.id)
    spec = table_spec(table.id)
    named = _groups(spec, groups)
    scope = _scope(spec, rows, filter, exclude_rows)
    if idempotency_key is not None:
        known = Dispatch.objects.filter(table=table, idempotency_key=idempotency_key).first()
        if known is not None:
            return _same(known, named, scope, mode, limit)
    if not named or scope.get("rows") == []:
        return DispatchOutcome(None, {"no_groups" if not named else "no_rows": 1})
    request = Request(uuid7(), frozenset(named), mode, is_manual, sequence)
    if not is_manual and "rows" in scope:
        skipped = _automatic_skips(spec, table, scope["rows"], request)
        if skipped is not None:
            return DispatchOutcome(None, skipped)
    dispatch = Dispatch.objects.create(
        id=request.dispatch_id,
        table=table,
        mode=mode,
        groups=named,
        scope=scope,
        row_limit=limit,
        is_manual=is_manual,
        trigger_id=trigger_id,
        requested_by=actor,
        requested_sequence=sequence,
        upper_seq=_newest_row_seq(),
        idempotency_key=idempotency_key,
    )
    transaction.on_commit(partial(dispatch_announce, dispatch.id, force=True))
    transaction.on_commit(partial(advance_send, dispatch.id))
    return DispatchOutcome(dispatch)


def dispatch_plan(
    *,
    table: Table,
    groups: Sequence[UUID] | None = None,
    rows: Sequence[UUID] | Mapping[str, Any] | None = None,
    filter: Mapping[str, Any] | None = None,  # noqa: A002
    exclude_rows: Sequence[UUID] = (),
    mode: Mode = Mode.INCOMPLETE,
    limit: int | None = None,
) -> dict[str, Any]:
    """A dry run (T14): how many cells would run and why the others would not; changes nothing.

    Answer: ``{"rows": n, "groups": {group id: {"run": n, "skipped": {reason: n}}}}``. Cells that wait for another
    group of the same request count under ``deps_unmet``: whether they run is known only then.
    """
    spec = table_spec(table.id)
    named = _groups(spec, groups)
    scope = _scope(spec, rows, filter, exclude_rows)
    request = Request(uuid7(), frozenset(named), mode, True, table.sequence + 1)
    counts: dict[UUID, dict[str, int]] = {group: {} for group in named}
    clause, params = scope_rows_sql(spec, scope)
    seen = handed = 0
    with connection.cursor() as cursor:
        after: UUID | None = None
        while limit is None or handed < limit:
            ids = _next_ids(cursor, table.id, clause, params, after)
            if not ids:
                break
            after = ids[-1]
            for row in rows_load(cursor, table.id, ids).rows:
                verdicts = runnable(spec, without(row, clears_for(row, request)), request, judge_condition)
                seen += 1
                handed += any(verdict.runs for verdict in verdicts.values())
                for group, verdict in verdicts.items():
                    count_reasons(counts[group], [verdict.reason])
                if limit is not None and handed >= limit:
                    break
    shown = {
        str(group): {"run": found.pop("run", 0) + found.pop("condition_error", 0), "skipped": found}
        for group, found in counts.items()
    }
    return {"rows": seen, "groups": shown}


def _next_ids(cursor: Any, table_id: UUID, clause: str, params: list[Any], after: UUID | None) -> list[UUID]:
    """The next 500 row ids in the table's order after ``after``, by keyset."""
    beyond = ""
    if after is not None:
        beyond = "AND (r.position, r.id) > (SELECT position, id FROM tables_row WHERE id = %s)"
    cursor.execute(
        f"SELECT r.id FROM tables_row r WHERE r.table_id = %s {clause} {beyond} "  # noqa: S608 - clause is ours
        "ORDER BY r.position, r.id LIMIT 500",
        [table_id, *params, *([after] if after is not None else [])],
    )
    return [found[0] for found in cursor.fetchall()]


def _groups(spec: TableSpec, groups: Sequence[UUID] | None) -> list[UUID]:
    """The groups named, in the order they run; all of the table for ``None``."""
    known = [group.id for group in spec.groups]
    if groups is None:
        return known
    unknown = [str(group) for group in groups if group not in known]
    if unknown:
        raise GroupNotFound(f"This table has no workflow group {unknown[0]}.")
    return [group for group in known if group in set(groups)]


def _scope(
    spec: TableSpec,
    rows: Sequence[UUID] | Mapping[str, Any] | None,
    filter_: Mapping[str, Any] | None,
    exclude_rows: Sequence[UUID],
) -> dict[str, Any]:
    """The stored form of a request's scope; a filter is checked now and evaluated window by window."""
    scope: dict[str, Any] = {}
    if isinstance(rows, Mapping):
        scope["rows"] = {
            name: value if isinstance(value, int) else str(value) for name, value in rows.items()
        }
    elif rows is not None:
        if len(rows) > MAX_NAMED_ROWS:
            raise ScopeInvalid(
                f"At most {MAX_NAMED_ROWS:,} rows can be named by id; send a range or a filter instead."
            )
        scope["rows"] = [str(row) for row in dict.fromkeys(rows)]
    if filter_:
        compile_filter(dict(filter_), spec.columns)
        scope["filter"] = dict(filter_)
    if exclude_rows:
        scope["exclude_rows"] = [str(row) for row in exclude_rows]
    return scope


def _same(
    known: Dispatch, groups: list[UUID], scope: dict[str, Any], mode: Mode, limit: int | None
) -> DispatchOutcome:
    if (set(known.groups), known.scope, known.mode, known.row_limit) != (set(groups), scope, mode, limit):
        raise IdempotencyMismatch
    return DispatchOutcome(known)


def _automatic_skips(
    spec: TableSpec, table: Table, rows: list[str] | dict[str, str], request: Request
) -> dict[str, int] | None:
    """Automatic starts classify first: the reasons when nothing would run, ``None`` when something would (T29)."""
    if isinstance(rows, dict):
        return None
    skipped: dict[str, int] = {}
    with connection.cursor() as cursor:
        for row in rows_load(cursor, table.id, [UUID(row) for row in rows]).rows:
            verdicts = runnable(spec, row, request, judge_condition)
            if any(verdict.runs for verdict in verdicts.values()):
                return None
            count_reasons(skipped, (verdict.reason for verdict in verdicts.values()))
    return skipped


def _newest_row_seq() -> int:
    """A creation sequence that rows created from now on exceed: they are not in the dispatch."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('tables_row_seq')")
        return int(cursor.fetchone()[0])
