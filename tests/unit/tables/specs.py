"""Tables, rows and cells as plain values, for tests of decisions."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from tables.engine.types import CellState, ColumnSpec, GroupSpec, Output, Request, RowState, TableSpec
from tables.states import CellStatus, Mode

SPACE = UUID(int=7)


def named(name: str) -> UUID:
    """The id of that name."""
    return uuid5(SPACE, name)


THIS, EARLIER, WINDOW = named("this dispatch"), named("an earlier one"), named("this window")


def group(name: str, *depends_on: str, auto_run: bool = False, condition: str = "") -> GroupSpec:
    """A group that fills the column named like it in lower case."""
    return GroupSpec(
        id=named(name),
        name=name,
        workflow_id=named("workflow"),
        ref="live",
        inputs={},
        outputs=(Output("result", name.lower()),),
        depends_on=depends_on,
        condition=condition,
        auto_run=auto_run,
        revision=1,
        ordinal=0,
    )


def column(key: str, type: str = "text", group_id: UUID | None = None) -> ColumnSpec:  # noqa: A002
    """A column with that key."""
    return ColumnSpec(named(f"column {key}"), key, key, type, {}, False, False, 0, group_id, "result")


def table(*groups: GroupSpec, typed: dict[str, str] | None = None) -> TableSpec:
    """Columns ``name`` and those of ``typed`` by type, then one per group."""
    given = [column(key, type_) for key, type_ in {"name": "text", **(typed or {})}.items()]
    filled = [column(output.column_key, group_id=g.id) for g in groups for output in g.outputs]
    return TableSpec(named("table"), named("workspace"), (*given, *filled), groups)


def cell(name: str, status: str, *, dispatch: UUID | None = EARLIER, **more: Any) -> CellState:
    """The cell of that group."""
    owned = status in {"queued", "running", "paused", "completed", "failed"}
    fields: dict[str, Any] = {
        "id": named(f"cell {name}"),
        "row_id": named("row"),
        "group_id": named(name),
        "status": CellStatus(status),
        "version": 1,
        "execution_id": named("execution") if owned else None,
        "dispatch_id": dispatch,
        "window_id": None,
        "run_id": None,
        "attempt": 1,
        "crashes": 0,
        "cancelled_sequence": 0,
        **more,
    }
    return CellState(**fields)


def row(data: dict[str, Any] | None = None, *cells: CellState, edited: tuple[str, ...] = ()) -> RowState:
    """A row with these cells; ``name`` is filled unless said otherwise."""
    return RowState(
        named("row"),
        {"name": "Ada"} if data is None else data,
        frozenset(edited),
        {c.group_id: c for c in cells},
    )


def request(mode: str, *groups: str, is_manual: bool = True, sequence: int = 10) -> Request:
    """This dispatch's request."""
    return Request(THIS, frozenset(map(named, groups)), Mode(mode), is_manual, sequence)
