"""`manage.py import_csv FILE --table NAME`: a CSV, TSV or XLSX file into a new or an existing table, here and now."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from tables.engine.csv_rows import DELIMITERS
from tables.models import Job, Table
from tables.selectors import tables_of
from tables.services.import_files import Reading
from tables.services.import_modes import ImportMode
from tables.services.import_run import import_run
from tables.services.imports import Handling, import_preview, import_start
from tables.services.schema import table_create
from tables.states import JobStatus
from workspaces.actors import Actor
from workspaces.errors import RunsheetError
from workspaces.models import Workspace


class Command(BaseCommand):
    """Imports in this process, without a worker."""

    help = (
        "Import a CSV, TSV or XLSX file. Headers find columns of their name; the others become new columns."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """What it takes."""
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--table", help="Name of the table; made when there is none. Default: the file's name."
        )
        parser.add_argument("--workspace", help="Slug or name. Needed when there is more than one workspace.")
        parser.add_argument("--delimiter", choices=DELIMITERS)
        parser.add_argument("--encoding")
        parser.add_argument("--sheet", help="Of a workbook; default: the first one.")
        parser.add_argument("--has-header", action=argparse.BooleanOptionalAction, default=True)
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="HEADER=COLUMN",
            help="Where a header goes: a column's name or key, or nothing to skip it. May be repeated.",
        )
        parser.add_argument(
            "--mode",
            choices=[mode.value for mode in ImportMode],
            default=ImportMode.APPEND.value,
            help="append (default), replace the table's rows, or upsert by --key.",
        )
        parser.add_argument("--key", help="The column by which upsert finds rows.")
        parser.add_argument(
            "--blanks",
            choices=["keep", "clear"],
            default="keep",
            help="What an empty value does in an upsert.",
        )
        parser.add_argument("--strict", action="store_true", help="Exit non-zero when rows were refused.")
        parser.add_argument("--json", action="store_true", help="Answer for programs.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import and tell what came of it; exits non-zero when the job fails."""
        file: Path = options["file"]
        actor = Actor.system("import_csv")
        try:
            table = self._table(options["workspace"], options["table"] or file.stem, actor)
            job = self._import(table, file, actor, options)
        except RunsheetError as fault:
            raise CommandError(_words(fault)) from None
        except OSError as fault:
            raise CommandError(f"{file}: {fault.strerror}") from None
        self._tell(job, as_json=options["json"])
        refused = job.progress.get("rows_rejected", 0)
        if options["strict"] and refused:
            raise CommandError(f"{refused:,} rows were refused.")

    def _table(self, workspace: str | None, name: str, actor: Actor) -> Table:
        spaces = Workspace.objects.filter(slug=workspace) if workspace else Workspace.objects.all()
        found = list(spaces[:2]) or list(Workspace.objects.filter(name=workspace)[:2])
        if len(found) != 1:
            known = ", ".join(Workspace.objects.values_list("slug", flat=True)[:20]) or "none yet"
            raise CommandError(f"Name one workspace with --workspace. There are: {known}.")
        table = tables_of(found[0].pk).filter(name=name).first()
        return table or table_create(workspace=found[0], name=name, actor=actor)

    def _import(self, table: Table, file: Path, actor: Actor, options: dict[str, Any]) -> Job:
        reading = Reading(options["encoding"], options["delimiter"], options["has_header"], options["sheet"])
        with file.open("rb") as opened:
            upload = UploadedFile(file=opened, name=file.name, size=file.stat().st_size)
            mapping = import_preview(table=table, upload=upload, reading=reading)["mapping"]
            job = import_start(
                table=table,
                upload=upload,
                reading=reading,
                mapping={**mapping, **_mapped(options["map"])},
                handling=Handling(ImportMode(options["mode"]), options["key"], options["blanks"]),
                actor=actor,
                send=False,
            )
        _follow(job, Console(stderr=True, quiet=options["json"]))
        job.refresh_from_db()
        return job

    def _tell(self, job: Job, *, as_json: bool) -> None:
        told = {
            "table": str(job.table_id),
            "job": str(job.pk),
            "status": job.status,
            "rows": job.progress.get("rows_done", 0),
            "rejected": job.progress.get("rows_rejected", 0),
            "updated": job.progress.get("rows_updated", 0),
            "deleted": job.progress.get("rows_deleted", 0),
            "rejects": job.rejects.name or None,
            "error": job.error,
        }
        if as_json:
            print(json.dumps(told))
        else:
            print(f"{told['rows']:,} rows imported, {told['rejected']:,} refused.")
            if told["rejected"]:
                print(f"The refused rows, with line and reason: {job.rejects.path}")
        if job.status != JobStatus.COMPLETED:
            raise CommandError((job.error or {}).get("message", f"The import is {job.status}."))


def _mapped(given: list[str]) -> dict[str, str | None]:
    """``["Name=person", "Note="]`` → ``{"Name": "person", "Note": None}``."""
    pairs = (each.rpartition("=") for each in given)
    wrong = [each for each in given if "=" not in each]
    if wrong:
        raise CommandError(f"--map {wrong[0]}: write HEADER=COLUMN.")
    return {header: column or None for header, _, column in pairs}


def _follow(job: Job, console: Console) -> None:
    """Run the job under a bar of bytes. On something that is no terminal nothing moves."""
    bar = Progress(
        TextColumn("importing"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        console=console,
    )
    with bar:
        task = bar.add_task("import", total=job.progress["bytes_total"], rows=0)
        import_run(
            job.pk,
            tell=lambda progress: bar.update(
                task, completed=progress.get("bytes_done", 0), rows=progress.get("rows_done", 0)
            ),
        )


def _words(fault: RunsheetError) -> str:
    """What is wrong and where."""
    where = next(iter((fault.errors or {}).items()), None)
    return f"{where[0]}: {where[1][0]}" if where else fault.detail
