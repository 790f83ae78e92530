"""`manage.py workflow_push`: workflows from YAML files, checked whole, shown as a diff, saved and published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workflows.engine.types import Severity
from workflows.management.named import actor_named, workspace_named
from workflows.management.workflow_folder import files_named, text_of
from workflows.services.refs import name_check
from workflows.services.workflow_files import Change, FileFault, Pushed, push_apply, push_plan
from workspaces.errors import RunsheetError

DONE = {"create": "created", "update": "updated", "none": "unchanged"}


class Command(BaseCommand):
    """Every fault is told with its file and block; with one error nothing at all is saved. Never deletes."""

    help = "Save workflows from YAML files as their drafts, and publish them with --publish REF."

    def add_arguments(self, parser: CommandParser) -> None:
        """What, where to, and how far."""
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="Files, or folders of them.")
        parser.add_argument("--workspace", help="Slug or name. Needed when there is more than one workspace.")
        parser.add_argument("--user", help="Username of the member whose change this is, for the audit log.")
        parser.add_argument("--create", action="store_true", help="Make workflows that are not there yet.")
        parser.add_argument("--dry-run", action="store_true", help="Only check, and show what would change.")
        parser.add_argument("--publish", metavar="REF", help="Publish each of them under this ref too.")
        parser.add_argument("--note", default="", help="Why, kept with the published version.")
        parser.add_argument("--json", action="store_true", help="Answer for programs, on one line.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check everything, show it, then do it."""
        if options["note"] and options["publish"] is None:
            raise CommandError("--note belongs to --publish.")
        workspace = workspace_named(options["workspace"])
        actor = actor_named(options["user"], workspace, "workflow_push")
        files = [(path.as_posix(), text_of(path)) for path in files_named(options["paths"])]
        try:
            if options["publish"] is not None:
                name_check(options["publish"])
            changes, faults = push_plan(workspace=workspace, files=files, create=options["create"])
            self._refuse(faults, as_json=options["json"])
            pushed: list[Pushed] = []
            if not options["dry_run"]:
                pushed = push_apply(
                    workspace=workspace,
                    changes=changes,
                    actor=actor,
                    ref=options["publish"],
                    note=options["note"],
                )
        except RunsheetError as fault:
            raise CommandError(fault.detail) from None
        if options["json"]:
            self.stdout.write(json.dumps(_told(changes, faults, pushed)))
        else:
            self._tell(changes, faults, pushed, options["publish"])

    def _refuse(self, faults: list[FileFault], *, as_json: bool) -> None:
        """Stop when there is an error, with all there is to say."""
        errors = [fault for fault in faults if fault.severity is Severity.ERROR]
        if not errors:
            return
        if as_json:
            self.stdout.write(json.dumps(_told([], faults, [])))
        else:
            for fault in faults:
                self.stderr.write(str(fault))
        raise CommandError(f"{len(errors)} errors; nothing was changed.")

    def _tell(
        self, changes: list[Change], faults: list[FileFault], pushed: list[Pushed], ref: str | None
    ) -> None:
        for fault in faults:
            self.stderr.write(str(fault))
        for change in changes:
            self.stdout.write(change.diff, ending="")
        for done in pushed:
            said = DONE[done.change.action]
            if done.version is not None:
                said += f", {ref} → version {done.version}" + ("" if done.published else " already")
            self.stdout.write(f"{done.workflow.name}: {said}")
        if not pushed:
            for change in changes:
                self.stdout.write(f"{change.text.name}: would be {DONE[change.action]}")


def _told(changes: list[Change], faults: list[FileFault], pushed: list[Pushed]) -> dict[str, Any]:
    """The answer for programs. ``id`` and ``version`` are null where nothing was done."""
    by_file = {done.change.file: done for done in pushed}
    told = []
    for change in changes:
        done = by_file.get(change.file)
        workflow = change.workflow if done is None else done.workflow
        told.append(
            {
                "file": change.file,
                "name": change.text.name,
                "id": None if workflow is None else str(workflow.pk),
                "action": change.action,
                "diff": change.diff,
                "version": None if done is None else done.version,
                "published": done is not None and done.published,
            }
        )
    return {
        "applied": bool(pushed),
        "workflows": told,
        "faults": [fault.as_json() for fault in faults],
    }
