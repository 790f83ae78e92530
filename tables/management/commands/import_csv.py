"""`manage.py import_csv FILE --table NAME`: a CSV or TSV file into a new or an existing table, here and now."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tables.engine.csv_rows import DELIMITERS
from tables.models import Job, Table
from tables.selectors import tables_of
from tables.services.import_run import import_run
from tables.services.imports import Reading, import_preview, import_start
from tables.services.schema import table_create
from tables.states import JobStatus
from workspaces.actors import Actor
from workspaces.errors import RunsheetError
from workspaces.models import Workspace


class Command(BaseCommand):
    """Imports in this process, without a worker."""

    help = "Import a CSV or TSV file. Headers find columns of their name; the others become new columns."

    def add_arguments(self, parser: CommandParser) -> None:
        """What it takes."""
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--table", help="Name of the table; made when there is none. Default: the file's name."
        )
        parser.add_argument("--workspace", help="Slug or name. Needed when there is more than one workspace.")
        parser.add_argument("--delimiter", choices=DELIMITERS)
        parser.add_argument("--encoding")
        parser.add_argument("--has-header", action=argparse.BooleanOptionalAction, default=True)
        parser.add_argument("--json", action="store_true", help="Answer for programs.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import and tell what came of it; exits non-zero when the job fails."""
        file: Path = options["file"]
        reading = Reading(options["encoding"], options["delimiter"], options["has_header"])
        actor = Actor.system("import_csv")
        try:
            table = self._table(options["workspace"], options["table"] or file.stem, actor)
            job = self._import(table, file, reading, actor)
        except RunsheetError as fault:
            raise CommandError(fault.detail) from None
        except OSError as fault:
            raise CommandError(f"{file}: {fault.strerror}") from None
        self._tell(job, as_json=options["json"])

    def _table(self, workspace: str | None, name: str, actor: Actor) -> Table:
        spaces = Workspace.objects.filter(slug=workspace) if workspace else Workspace.objects.all()
        found = list(spaces[:2]) or list(Workspace.objects.filter(name=workspace)[:2])
        if len(found) != 1:
            known = ", ".join(Workspace.objects.values_list("slug", flat=True)[:20]) or "none yet"
            raise CommandError(f"Name one workspace with --workspace. There are: {known}.")
        table = tables_of(found[0].pk).filter(name=name).first()
        return table or table_create(workspace=found[0], name=name, actor=actor)

    def _import(self, table: Table, file: Path, reading: Reading, actor: Actor) -> Job:
        with file.open("rb") as opened:
            upload = UploadedFile(file=opened, name=file.name, size=file.stat().st_size)
            mapping = import_preview(table=table, upload=upload, reading=reading)["mapping"]
            job = import_start(
                table=table, upload=upload, reading=reading, mapping=mapping, actor=actor, send=False
            )
        import_run(job.pk)
        job.refresh_from_db()
        return job

    def _tell(self, job: Job, *, as_json: bool) -> None:
        told = {
            "table": str(job.table_id),
            "job": str(job.pk),
            "status": job.status,
            "rows": job.progress.get("rows_done", 0),
            "rejected": job.progress.get("rows_rejected", 0),
            "rejects": job.rejects.name or None,
            "error": job.error,
        }
        if as_json:
            print(json.dumps(told))
        else:
            print(f"{told['rows']:,} rows imported, {told['rejected']:,} refused.")
        if job.status != JobStatus.COMPLETED:
            raise CommandError((job.error or {}).get("message", f"The import is {job.status}."))
