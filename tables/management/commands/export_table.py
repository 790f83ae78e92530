"""`manage.py export_table TABLE`: a table, or what a view shows of it, into a CSV, XLSX or JSON lines file."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tables.api.exports import export_asked
from tables.api.listing import listing_make
from tables.engine.coercion import parse_json
from tables.errors import ValueInvalid
from tables.models import Table, View
from tables.selectors import table_spec, views_of
from tables.services.export_formats import ExportFormat
from tables.services.exporting import Export, ExportStream, export_stream
from workspaces.errors import RunsheetError


class Command(BaseCommand):
    """Writes the file here and now; standard output takes it when no file is named."""

    help = "Export a table as CSV, XLSX or JSON lines."

    def add_arguments(self, parser: CommandParser) -> None:
        """What it takes."""
        parser.add_argument("table", help="Name or id of the table.")
        parser.add_argument(
            "--workspace", help="Slug or name. Needed when several workspaces have such a table."
        )
        parser.add_argument(
            "--format",
            choices=[each.value for each in ExportFormat],
            help="Default: by the file's name, or csv.",
        )
        parser.add_argument("--output", type=Path, help="The file. Default: standard output.")
        parser.add_argument("--view", help="Name or id of a saved view: its filter, sort and columns.")
        parser.add_argument("--filter", help='As JSON: {"column": "country", "op": "eq", "value": "DE"}.')
        parser.add_argument("--sort", help="name,-score")
        parser.add_argument(
            "--status-columns", action="store_true", help="Status and error of each group too."
        )
        parser.add_argument(
            "--formulas",
            choices=["neutralise", "keep"],
            default="neutralise",
            help="Whether texts that a spreadsheet would run get an apostrophe before them (default).",
        )
        parser.add_argument(
            "--bom", action="store_true", help="Begin a CSV with a byte order mark, for Excel."
        )
        parser.add_argument("--json", action="store_true", help="Answer for programs; needs --output.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Export, and tell where to."""
        output: Path | None = options["output"]
        if options["json"] and output is None:
            raise CommandError("--json needs --output: standard output takes the file.")
        table = _table(options["table"], options["workspace"])
        try:
            export = _export(table, options)
            size = _write(export_stream(export, ExportStream), output)
        except RunsheetError as fault:
            raise CommandError(fault.detail) from None
        except OSError as fault:
            raise CommandError(f"{output or 'standard output'}: {fault.strerror or fault}") from None
        if output is None:
            return
        told = {"table": str(table.pk), "file": str(output), "format": export.format.value, "bytes": size}
        self.stdout.write(json.dumps(told) if options["json"] else f"{size:,} bytes written to {output}.")


def _export(table: Table, options: dict[str, Any]) -> Export:
    suffix = options["output"].suffix[1:].lower() if options["output"] else ""
    known = {each.value for each in ExportFormat}
    asked: dict[str, Any] = {
        "format": options["format"] or (suffix if suffix in known else ExportFormat.CSV.value),
        **{name: options[name] for name in ("formulas", "bom", "status_columns")},
    }
    if options["filter"] is not None:
        try:
            asked["filter"] = parse_json(options["filter"])
        except ValueInvalid as fault:
            raise CommandError(f"--filter: {fault.detail}") from None
    if options["sort"]:
        asked["sort"] = [part for part in options["sort"].split(",") if part]
    view = _view(table, options["view"])
    return export_asked(table, listing_make(table_spec(table.pk), view, asked), view, asked)


def _write(stream: ExportStream, output: Path | None) -> int:
    """Into a file beside its place, which it takes when it is whole."""
    if output is None:
        return sum(sys.stdout.buffer.write(block) for block in stream)
    part = output.with_name(f"{output.name}.part")
    with contextlib.closing(stream):
        try:
            with part.open("wb") as file:
                size = sum(file.write(block) for block in stream)
            part.replace(output)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    return size


def _table(named: str, workspace: str | None) -> Table:
    """The one living table of that name or id."""
    found = Table.objects.filter(archived_at=None)
    if workspace is not None:
        found = found.filter(workspace__slug=workspace) | found.filter(workspace__name=workspace)
    identity = _uuid(named)
    matching = list(found.filter(name=named)[:2] if identity is None else found.filter(pk=identity))
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise CommandError(f"Several workspaces have a table “{named}”. Name one with --workspace.")
    known = ", ".join(found.order_by("name").values_list("name", flat=True)[:20]) or "none yet"
    raise CommandError(f"There is no table “{named}”. There are: {known}.")


def _view(table: Table, named: str | None) -> View | None:
    if named is None:
        return None
    identity = _uuid(named)
    views = views_of(table)
    view = (views.filter(name=named) if identity is None else views.filter(pk=identity)).first()
    if view is None:
        known = ", ".join(views.order_by("name").values_list("name", flat=True)[:20]) or "none yet"
        raise CommandError(f"There is no view “{named}”. There are: {known}.")
    return view


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
