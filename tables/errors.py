"""Facts that tables report, each with a stable code; kinds and their HTTP status come from ``workspaces``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workspaces.errors import Conflict, Invalid, NotFound, TooLarge, Unavailable
from workspaces.errors import IdempotencyMismatch as IdempotencyMismatch  # noqa: PLC0414  handed on

if TYPE_CHECKING:
    from tables.engine.dependencies import SchemaFault


class TableNotFound(NotFound):
    """There is no such table in this workspace."""

    code = "table_not_found"


class ColumnNotFound(NotFound):
    """This table has no such column."""

    code = "column_not_found"


class GroupNotFound(NotFound):
    """This table has no such workflow group."""

    code = "group_not_found"


class RowNotFound(NotFound):
    """This table has no such row."""

    code = "row_not_found"


class CellNotFound(NotFound):
    """This table has no such cell."""

    code = "cell_not_found"


class NameTaken(Conflict):
    """That name is already used here. Choose another."""

    code = "name_taken"


class ColumnHoldsValues(Conflict):
    """Rows hold values that do not allow this change of their column."""

    code = "column_holds_values"


class TableLocked(Conflict):
    """This table is locked against that kind of change. An admin can lift the lock in its settings."""

    code = "table_locked"


class LimitReached(Invalid):
    """This would exceed a limit of this installation."""

    code = "limit_reached"


class ValueInvalid(Invalid):
    """This value does not fit its column."""

    code = "value_invalid"


class RowTooLarge(Invalid):
    """This row would hold more than the limit."""

    code = "row_too_large"


class FilterInvalid(Invalid):
    """This filter is not valid."""

    code = "filter_invalid"


class SortInvalid(Invalid):
    """This sort order is not valid."""

    code = "sort_invalid"


class ScopeInvalid(Invalid):
    """The rows this request names are not valid."""

    code = "scope_invalid"


class CursorInvalid(Invalid):
    """This cursor does not belong to this list. Start again without `after`."""

    code = "cursor_invalid"


class UploadInvalid(Invalid):
    """This file cannot be read as CSV or TSV."""

    code = "upload_invalid"


class UploadTooLarge(TooLarge):
    """This file is larger than the limit."""

    code = "upload_too_large"


class NoMatchingColumn(Invalid):
    """No header of the file is mapped to a column. Map at least one, or let a new column be made."""

    code = "no_matching_column"


class RowsMoved(Conflict):
    """The selection has another number of rows by now than the person saw. Nothing was done."""

    code = "rows_moved"


class JobActive(Conflict):
    """Another job is writing to this table. Wait for it to end, or cancel it."""

    code = "job_active"


class DispatchNotHeld(Conflict):
    """Only a run that stopped itself because its cells failed can go on; this one did not, or goes on already."""

    code = "dispatch_not_held"


class CellFinished(Conflict):
    """This cell's attempt has already finished."""

    code = "cell_finished"


class LocksUnavailable(Unavailable):
    """Row locks cannot be taken now because Redis does not answer (T16)."""

    code = "locks_unavailable"


class SchemaInvalid(Invalid):
    """This change would break a rule of workflow groups (T1)."""

    code = "schema_invalid"

    def __init__(self, faults: Sequence[SchemaFault]) -> None:
        """``faults`` is not empty; the first one's code becomes the answer's code."""
        errors: dict[str, list[str]] = {}
        for fault in faults:
            errors.setdefault(fault.field, []).append(fault.message)
        super().__init__(faults[0].message, errors=errors)
        self.code = faults[0].code  # type: ignore[misc]  # one error, as many codes as rules


class CellChanged(Conflict):
    """Somebody else changed this cell at this very moment. Look at it again."""

    code = "cell_changed"


class PolicyInvalid(Invalid):
    """This retry policy, or these limits, of a workflow group are not valid."""

    code = "policy_invalid"


class SearchTooSlow(Unavailable):
    """So many rows cannot be searched in this order in time. Search in the table's own order, or filter first."""

    code = "search_too_slow"


class ExportTooLarge(Invalid):
    """A file of this format cannot hold this table."""

    code = "export_too_large"


class ExportBusy(Unavailable):
    """This server writes as many exports as it may at once. Try again when one of them has ended."""

    code = "export_busy"


class SchemaChanged(Conflict):
    """The columns of this table changed at this very moment. Look at them again, and send it once more."""

    code = "schema_changed"
