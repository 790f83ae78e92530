"""How cells and rows look to clients: the one serialiser that REST and live events share (`api.md`).

Optional members are left out when they hold nothing, so that a page of two hundred rows stays small.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from tables.engine.overlay import Foretold
from tables.states import CellStatus

CELL_FIELDS: Final = (
    "row_id",
    "group_id",
    "status",
    "version",
    "execution_id",
    "dispatch_id",
    "run_id",
    "attempt",
    "group_revision",
    "error",
    "reason",
    "running_blocks",
    "wake_at",
    "waits_for",
    "started_at",
    "finished_at",
)
"""Columns of ``tables_rowexecution`` that ``cell_json`` reads: what a query or a RETURNING should name."""


def instant(moment: datetime | str | None) -> str | None:
    """ISO 8601 in UTC with ``Z`` and milliseconds; None stays None, and what ``instant_sql`` gave is ready."""
    if moment is None or isinstance(moment, str):
        return moment
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant_sql(column: str) -> str:
    """The same from PostgreSQL: a page has thousands, and to read and write each would be half the work."""
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""


def cell_json(cell: Mapping[str, Any], *, group_revision: int | None = None) -> dict[str, Any]:
    """One cell: ``{status, version, execution_id, attempt, started_at, finished_at, …}`` (`api.md`).

    ``cell`` maps ``CELL_FIELDS``. Optional members: ``run``, ``dispatch``, ``error``, ``reason``,
    ``running_blocks``, ``wake_at``, ``waits_for`` (``[{step_key, kind, until, reason, pause}]``); ``stopped``, the
    number of the last stop here, which dispatches of a smaller ``sequence`` heed (T25); ``outdated`` when a
    completed cell ran an earlier revision of its group than ``group_revision`` (T29; None: the revision it just ran is
    the present one).
    """
    shown: dict[str, Any] = {
        "status": str(cell["status"]),
        "version": cell["version"],
        "execution_id": _identifier(cell["execution_id"]),
        "attempt": cell["attempt"],
        "started_at": instant(cell["started_at"]),
        "finished_at": instant(cell["finished_at"]),
    }
    for name, field, show in _OPTIONAL:
        if value := cell.get(field):
            shown[name] = show(value)
    if is_outdated(cell, group_revision):
        shown["outdated"] = True
    return shown


def foretold_json(told: Foretold, *, beside_record: bool = False) -> dict[str, Any]:
    """What a dispatch is still to do about a cell (T36), as a cell of its own or beside the record there is.

    ``{status: "queued" or null, reason?, waits_for?: [column keys], dispatch?}``. As a cell of its own it has version
    0, so that every event about the cell is newer (T35).
    """
    shown: dict[str, Any] = {"status": None if told.status is None else str(told.status)}
    if not beside_record:
        shown |= {"version": 0, "execution_id": None, "attempt": 0, "started_at": None, "finished_at": None}
    optional = {
        "reason": None if told.status is not None else told.reason.value,
        "waits_for": list(told.columns),
        "dispatch": _identifier(told.dispatch_id),
    }
    shown.update({name: value for name, value in optional.items() if value})
    return shown


def is_outdated(cell: Mapping[str, Any], group_revision: int | None) -> bool:
    """Whether a completed cell came of an earlier revision of its group (T29)."""
    return (
        group_revision is not None
        and cell["status"] == CellStatus.COMPLETED
        and cell.get("group_revision", group_revision) < group_revision
    )


def _as_it_is(value: Any) -> Any:
    return value


_OPTIONAL: Final[tuple[tuple[str, str, Callable[[Any], Any]], ...]] = (
    ("run", "run_id", str),
    ("dispatch", "dispatch_id", str),
    ("error", "error", _as_it_is),
    ("reason", "reason", _as_it_is),
    ("running_blocks", "running_blocks", _as_it_is),
    ("wake_at", "wake_at", instant),
    ("waits_for", "waits_for", _as_it_is),
    ("stopped", "cancelled_sequence", _as_it_is),
)
"""What is left out of a cell that has none: its member, the field, how it is shown."""


def _identifier(value: Any) -> str | None:
    return str(value) if value is not None else None
