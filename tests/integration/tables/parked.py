"""Tables with cells that wait: for a person, for a time, for a limit to pass."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tables.models import Dispatch, Row, RowExecution
from tables.services.accounting import COUNTED
from tables.services.dispatches import dispatch_start
from tables.services.progress import dispatch_json
from tables.states import Mode
from tests.bed.accounts import accounted
from tests.bed.factories import Sheet, chain, probing, setting, sheet_make
from workflows.models import PausePoint, Run
from workflows.services.pauses import pause_answer
from workflows.services.waking import runs_wake

APPROVE: dict[str, Any] = {"decision": "approve", "fields": {}}
REJECT: dict[str, Any] = {"decision": "reject", "fields": {}}
BY: dict[str, Any] = {"name": "Ada"}


def approval(key: str = "ask") -> dict[str, Any]:
    """A block that asks a person, and tells nobody."""
    return {"key": key, "type": "approval", "config": {"message": "Send it?", "notify": False}}


def waiting(key: str = "rest", seconds: float = 3_600) -> dict[str, Any]:
    """A block that waits."""
    return {"key": key, "type": "wait", "config": {"seconds": seconds}}


def after_approval(*blocks: dict[str, Any]) -> dict[str, Any]:
    """Blocks in a row; the way out of an approval is its consent."""
    definition = chain(*blocks)
    asks = {block["key"] for block in blocks if block["type"] == "approval"}
    for edge in definition["edges"]:
        if edge["from"] in asks:
            edge["handle"] = "approved"
    return definition


def parking_table(
    *pausing: dict[str, Any], rows: int = 1, pure: bool = False, auto_run: bool = False
) -> Sheet:
    """Group A draws up ``first``, waits as told (for approval), then fills ``a``; B reads ``a``; C reads the name."""
    sheet = sheet_make()
    sheet.column("name")
    draft = setting("first", "draft {{ row.name }}") if pure else probing("first", "first:{{ row.name }}")
    path = "blocks.first.value" if pure else "blocks.first"
    blocks = after_approval(draft, *(pausing or (approval(),)), setting("say", "sent {{ row.name }}"))
    sheet.group(
        "A", blocks, outputs={"first": path, "a": "result.value"}, depends_on=["name"], auto_run=auto_run
    )
    sheet.group(
        "B",
        chain(probing("call", "B:{{ row.a }}")),
        outputs={"b": "result"},
        depends_on=["a"],
        auto_run=auto_run,
    )
    sheet.group(
        "C", chain(probing("call", "C:{{ row.name }}")), outputs={"c": "result"}, depends_on=["name"],
        auto_run=auto_run,
    )  # fmt: skip
    sheet.fill([{"name": f"n{i}"} for i in range(rows)])
    return sheet


def start(sheet: Sheet, **options: Any) -> UUID:
    """A dispatch over the table."""
    outcome = dispatch_start(table=sheet.table, **{"mode": Mode.ALL, **options})
    assert outcome.dispatch is not None
    return outcome.dispatch.id


def cell(sheet: Sheet, name: str = "A", row: int = 0) -> RowExecution:
    """One cell, fresh."""
    found: RowExecution = sheet.table.cells.get(row_id=sheet.rows[row], group=sheet.groups[name])
    return found


def statuses(sheet: Sheet, row: int = 0) -> dict[str, str]:
    """Statuses of a row's cells by group name."""
    names = {group.id: name for name, group in sheet.groups.items()}
    found = sheet.table.cells.filter(row_id=sheet.rows[row])
    return {names[group]: status for group, status in found.values_list("group_id", "status")}


def data(sheet: Sheet, row: int = 0) -> dict[str, Any]:
    """A row's values."""
    found: dict[str, Any] = Row.objects.get(id=sheet.rows[row]).data
    return found


def run_id(of: RowExecution) -> UUID:
    """Its run."""
    assert of.run_id is not None
    return of.run_id


def question(of: RowExecution) -> PausePoint:
    """What its run asks."""
    return PausePoint.objects.get(run_id=run_id(of), status="open")


def answer(of: RowExecution, decision: dict[str, Any] = APPROVE) -> None:
    """Decide what its run asks."""
    pause_answer(pause_id=question(of).pk, data=decision, by=BY)


def time_passes() -> int:
    """Every wait is over, and the timers are looked at."""
    PausePoint.objects.filter(status="open", wake_at__isnull=False).update(wake_at="2000-01-01T00:00:00Z")
    Run.objects.filter(status__in=["waiting", "paused"], wake_at__isnull=False).update(
        wake_at="2000-01-01T00:00:00Z"
    )
    return runs_wake()


def figures(dispatch_id: UUID) -> dict[str, Any]:
    """What the dispatch says of its cells: headings that hold something, and why others were skipped.

    What is stored and what is shown stand for every cell it walked over, whatever has become of them since.
    """
    dispatch = Dispatch.objects.get(id=dispatch_id)
    shown = dispatch_json(dispatch)["progress"]
    if dispatch.status == "complete":
        targeted = dispatch.rows_seen * len(dispatch.groups)
        assert accounted(dispatch) == targeted, (dispatch.paused, dispatch.skipped)
        under_way = shown["running"] + shown["queued"]
        assert (
            sum(shown[name] for name in COUNTED.values()) + under_way + sum(shown["skipped"].values())
            == targeted
        )
    found = {name: shown[name] for name in (*COUNTED.values(), "running", "queued") if shown[name]}
    return found | ({"skipped": shown["skipped"]} if shown["skipped"] else {})
