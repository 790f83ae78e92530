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
from tables.engine.mapping import judge_condition
from tables.engine.types import Request, TableSpec
from tables.engine.window import count_reasons
from tables.enqueue import advance_send
from tables.errors import GroupNotFound, IdempotencyMismatch, ScopeInvalid
from tables.models import Dispatch, Table
from tables.selectors import table_spec
from tables.services.cells import rows_load
from tables.services.expecting import rows_expect
from tables.services.progress import dispatch_announce
from tables.services.scope import MAX_NAMED_ROWS, scope_asked, scope_named, scope_of
from tables.services.stopping import table_sequence_next
from tables.states import Mode
from workspaces.ids import uuid7
from workspaces.models import User

__all__ = ["MAX_NAMED_ROWS", "DispatchOutcome", "dispatch_start", "groups_named"]


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
    failed_of: UUID | None = None,
    continues: Sequence[UUID] = (),
    expected: int | None = None,
) -> DispatchOutcome:
    """Store a request to run workflow groups over rows, and wake a dispatcher after the commit.

    ``groups=None`` means all of the table; ``rows`` is a list of at most 1,000 ids, ``{"from", "to", "filter"?,
    "sort"?}`` (row ids, inclusive, in that list's order), ``{"seq_from", "seq_to"}`` (a bulk insert's), or ``None`` for
    all. ``failed_of`` narrows them to those on which that dispatch failed. ``continues`` are dispatches that were cut
    off: the cells they completed stay as they are. ``expected`` is how many rows it was when a person looked. The same
    ``idempotency_key`` answers the same dispatch, whatever has become of it since.

    Raises:
        GroupNotFound, ScopeInvalid, FilterInvalid, SortInvalid: the request names what is not there.
        IdempotencyMismatch: the key was used for another request (422).
        RowsMoved: the scope has another number of rows than expected.
    """
    if expected is not None:
        known_spec = table_spec(table.id)
        rows_expect(known_spec, scope_of(known_spec, rows, filter, exclude_rows, failed_of), expected)
    if limit is not None and limit < 1:
        told = "A limit is at least one row."
        raise ScopeInvalid(told, errors={"limit": [told]})
    sequence = table_sequence_next(table.id)
    if idempotency_key is not None:
        known = Dispatch.objects.filter(table=table, idempotency_key=idempotency_key).first()
        if known is not None:
            return _same(
                known, groups, scope_named(rows, filter, exclude_rows, failed_of, continues), mode, limit
            )
    spec = table_spec(table.id)
    named = groups_named(spec, groups)
    scope = scope_of(spec, rows, filter, exclude_rows, failed_of, continues)
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


def groups_named(spec: TableSpec, groups: Sequence[UUID] | None) -> list[UUID]:
    """The groups named, in the order they run; all of the table for ``None``."""
    known = [group.id for group in spec.groups]
    if groups is None:
        return known
    unknown = [str(group) for group in groups if group not in known]
    if unknown:
        raise GroupNotFound(f"This table has no workflow group {unknown[0]}.")
    return [group for group in known if group in set(groups)]


def _same(
    known: Dispatch, groups: Sequence[UUID] | None, scope: dict[str, Any], mode: Mode, limit: int | None
) -> DispatchOutcome:
    """The dispatch that this key started; refused when it asked for something else than this request does.

    Nothing is checked anew: columns, rows and groups may be gone by now.
    """
    groups_agree = groups is None or set(known.groups) == set(groups)
    if not groups_agree or (scope_asked(known.scope), known.mode, known.row_limit) != (scope, mode, limit):
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
