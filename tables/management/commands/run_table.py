"""`manage.py run_table TABLE`: run a table's workflow groups and watch; non-zero when a cell failed."""

from __future__ import annotations

import json
import sys
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from rich.console import Console

from tables.engine.coercion import parse_json
from tables.errors import ValueInvalid
from tables.management.dispatch_progress import dispatch_follow
from tables.models import Dispatch, RowExecution, Table, WorkflowGroup
from tables.selectors import workers_live
from tables.services.dispatches import DispatchOutcome, dispatch_start
from tables.services.dry_run import dispatch_plan
from tables.services.progress import dispatch_json
from tables.services.stopping import dispatch_stop
from tables.states import CellStatus, DispatchStatus, Mode
from workspaces.actors import Actor
from workspaces.errors import RunsheetError
from workspaces.models import Workspace
from workspaces.services.audit import audit_record

FEW_FAILURES = 5
INTERRUPTED = 130


class Command(BaseCommand):
    """Starts a dispatch and follows it to its end. The cells run in the workers; Ctrl-C stops the dispatch."""

    help = "Run a table's workflow groups to their end. Exits 1 when a cell failed or the run was stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        """What to run."""
        parser.add_argument("table", help="Name or id of the table.")
        parser.add_argument(
            "--workspace", help="Slug or name. Needed when several workspaces have such a table."
        )
        parser.add_argument(
            "--group", action="append", dest="groups", metavar="NAME", help="Workflow group; may be repeated."
        )
        parser.add_argument("--mode", choices=[mode.value for mode in Mode], default=Mode.INCOMPLETE.value)
        parser.add_argument("--limit", type=int, help="Hand over at most so many rows.")
        parser.add_argument(
            "--filter", help='Rows to run, as JSON: {"column": "country", "op": "eq", "value": "DE"}.'
        )
        parser.add_argument("--dry-run", action="store_true", help="Only tell what would run.")
        parser.add_argument("--json", action="store_true", help="Answer for programs, on one line.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Start, follow, tell; the exit code says how it went."""
        if options["limit"] is not None and options["limit"] < 1:
            raise CommandError("--limit: Give the number of rows, 1 or more.")
        table = _table(options["table"], options["workspace"])
        wanted = {
            "table": table,
            "groups": _groups(table, options["groups"]),
            "mode": Mode(options["mode"]),
            "limit": options["limit"],
            "filter": _filter(options["filter"]),
        }
        try:
            if options["dry_run"]:
                self.stdout.write(json.dumps(dispatch_plan(**wanted)))
                return
            outcome = _start(wanted)
        except RunsheetError as fault:
            raise CommandError(fault.detail) from None
        if outcome.dispatch is None:
            self.stdout.write(json.dumps({"dispatch": None, "skipped": outcome.skipped}))
            return
        sys.exit(self._follow(outcome.dispatch, as_json=options["json"]))

    def _follow(self, dispatch: Dispatch, *, as_json: bool) -> int:
        console = Console(stderr=as_json, highlight=False, soft_wrap=True)
        if not workers_live(dispatch.table.workspace_id):
            console.print(
                "No worker is running, so nothing starts until one does (`manage.py dev`).", style="yellow"
            )
        interrupted = False
        try:
            ended = dispatch_follow(lambda: _read(dispatch.pk), console, dispatch.table.name)
        except KeyboardInterrupt:
            dispatch_stop(dispatch)
            ended, interrupted = _read(dispatch.pk), True
        if as_json:
            self.stdout.write(json.dumps(ended))
        else:
            _tell(console, ended)
        if interrupted:
            return INTERRUPTED
        return int(ended["status"] != DispatchStatus.COMPLETE or ended["progress"]["failed"] > 0)


@transaction.atomic
def _start(wanted: dict[str, Any]) -> DispatchOutcome:
    """Start it, and say in the audit log that a command did."""
    outcome = dispatch_start(**wanted)
    if outcome.dispatch is not None:
        audit_record(
            workspace_id=wanted["table"].workspace_id,
            actor=Actor.system("run_table"),
            action="dispatch.started",
            target=outcome.dispatch,
            after={
                "table": str(wanted["table"].pk),
                "mode": wanted["mode"],
                "groups": len(outcome.dispatch.groups),
            },
        )
    return outcome


def _read(dispatch_id: UUID) -> dict[str, Any]:
    return dispatch_json(Dispatch.objects.get(pk=dispatch_id))


def _tell(console: Console, ended: dict[str, Any]) -> None:
    """How it ended, the first failures, and why cells were skipped."""
    progress = ended["progress"]
    counts = ", ".join(f"{progress[name]:,} {name}" for name in ("completed", "failed", "cancelled"))
    console.print(f"{ended['status']}: {progress['rows_handed_over']:,} rows, cells {counts}.")
    for reason, count in sorted(progress["skipped"].items()):
        console.print(f"{count:,} skipped: {reason}", style="dim")
    failed = RowExecution.objects.filter(dispatch_id=ended["id"], status=CellStatus.FAILED).select_related(
        "group"
    )
    for cell in failed.order_by("finished_at")[:FEW_FAILURES]:
        message = (cell.error or {}).get("message", "")
        console.print(
            f"Failed: row {cell.row_id} · {cell.group.name}: {message}", style="yellow", markup=False
        )


def _table(named: str, workspace: str | None) -> Table:
    """The one living table of that name or id."""
    found = Table.objects.filter(archived_at=None).select_related("workspace")
    if workspace is not None:
        spaces = Workspace.objects.filter(slug=workspace) | Workspace.objects.filter(name=workspace)
        found = found.filter(workspace__in=spaces)
    identity = _uuid(named)
    matching = list(found.filter(name=named) if identity is None else found.filter(pk=identity))
    if len(matching) == 1:
        return matching[0]
    if matching:
        spaces_of = ", ".join(sorted(table.workspace.slug for table in matching))
        raise CommandError(
            f"Several workspaces have a table “{named}”: {spaces_of}. Name one with --workspace."
        )
    known = ", ".join(found.order_by("name").values_list("name", flat=True)[:20]) or "none yet"
    raise CommandError(f"There is no table “{named}”. There are: {known}.")


def _groups(table: Table, names: list[str] | None) -> list[UUID] | None:
    if names is None:
        return None
    known = dict(WorkflowGroup.objects.filter(table=table).values_list("name", "pk"))
    if unknown := [name for name in names if name not in known]:
        raise CommandError(
            f"There is no workflow group “{unknown[0]}”. There are: {', '.join(known) or 'none'}."
        )
    return [known[name] for name in names]


def _filter(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return parse_json(text)
    except ValueInvalid as fault:
        raise CommandError(f"--filter: {fault.detail}") from None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
