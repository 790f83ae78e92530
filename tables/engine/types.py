"""The plain values that table decisions are made of. All frozen; ids are ``UUID``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tables.engine.group_policy import NO_LIMITS, GroupLimits, GroupRetry
from tables.states import CellStatus, Mode


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """One column as decisions see it. ``key`` is the storage key in a row's data."""

    id: UUID
    key: str
    name: str
    type: str
    options: Mapping[str, Any]
    required: bool
    unique: bool
    ordinal: int
    group_id: UUID | None
    output_path: str


@dataclass(frozen=True, slots=True)
class Output:
    """``path`` under ``result`` or ``blocks.<key>`` fills the column with ``column_key``."""

    path: str
    column_key: str

    @property
    def block(self) -> str | None:
        """The block whose output it is, or ``None``: it is of the run's result."""
        root, _, rest = self.path.partition(".")
        return rest.partition(".")[0] if root == "blocks" else None


@dataclass(frozen=True, slots=True)
class GroupSpec:
    """One workflow group: what it reads, what it fills, when it may run.

    ``depends_on`` holds column keys, ``inputs`` is ``{name: {"column": key} | {"expression"} | {"value"}}``.
    ``auto_run`` says whether automatic starts may run it. ``readable`` are the keys its expressions may read: those of
    the table's columns (``None``: whatever the row holds).
    """

    id: UUID
    name: str
    workflow_id: UUID
    ref: str
    inputs: Mapping[str, Any]
    outputs: tuple[Output, ...]
    depends_on: tuple[str, ...]
    condition: str
    auto_run: bool
    revision: int
    ordinal: int
    timeout_seconds: float | None = None
    mean_cell_ms: float | None = None
    readable: frozenset[str] | None = None
    retry: GroupRetry | None = None
    limits: GroupLimits = NO_LIMITS

    @property
    def output_keys(self) -> tuple[str, ...]:
        """Keys of the columns it fills."""
        return tuple(output.column_key for output in self.outputs)


@dataclass(frozen=True, slots=True)
class CellState:
    """One cell as loaded: what ``classify_cell`` and the claims compare against.

    ``requested`` is the action number of the dispatch it is of, 0 when that is not known.
    """

    id: UUID
    row_id: UUID
    group_id: UUID
    status: CellStatus
    version: int
    execution_id: UUID | None
    dispatch_id: UUID | None
    window_id: UUID | None
    run_id: UUID | None
    attempt: int
    crashes: int
    cancelled_sequence: int
    requested: int = 0

    @property
    def is_pre_stamp(self) -> bool:
        """Handed over and owned by nobody: whoever holds the row may claim it."""
        return self.status is CellStatus.PENDING and self.execution_id is None

    @property
    def goes_on(self) -> bool:
        """Handed over again after it was parked or failed: its run goes on under the execution it has (T32)."""
        return self.status is CellStatus.PENDING and self.execution_id is not None


@dataclass(frozen=True, slots=True)
class RowState:
    """One row with its cells by group id."""

    id: UUID
    data: Mapping[str, Any]
    edited: frozenset[str]
    cells: Mapping[UUID, CellState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """What a dispatch asks of a cell. ``sequence`` is the table's action number of the request (T25).

    ``stopped`` are groups it goes on without, which do not follow by themselves either (T24). ``over_budget`` says that
    the workspace may begin no more cells today (S18). ``follows``: the cell reads what was just filled on this
    request's behalf, which concerns it even if a later request has finished it since. ``continues`` are the dispatches
    that it takes up where they were cut off: what they completed stays as it is, and is told as completed.
    """

    dispatch_id: UUID
    groups: frozenset[UUID]
    mode: Mode
    is_manual: bool
    sequence: int
    stopped: frozenset[UUID] = frozenset()
    over_budget: bool = False
    follows: bool = False
    continues: frozenset[UUID] = frozenset()

    def left_done(self, cell: CellState) -> bool:
        """Whether a dispatch that this one takes up completed the cell."""
        return cell.dispatch_id in self.continues and cell.status is CellStatus.COMPLETED


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A table's schema at one instant: columns in the table's order, groups in the order they may run (T8)."""

    table_id: UUID
    workspace_id: UUID
    columns: tuple[ColumnSpec, ...]
    groups: tuple[GroupSpec, ...]

    def column(self, key: str) -> ColumnSpec | None:
        """The column with this storage key."""
        return next((column for column in self.columns if column.key == key), None)

    def group(self, group_id: UUID) -> GroupSpec | None:
        """The workflow group with this id."""
        return next((group for group in self.groups if group.id == group_id), None)
