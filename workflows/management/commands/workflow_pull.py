"""`manage.py workflow_pull`: workflows as YAML files, for git."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workflows.errors import WorkflowError
from workflows.management.named import workspace_named
from workflows.management.workflow_folder import WorkflowFolder
from workflows.models import Workflow
from workflows.selectors import ref_named, workflows_of
from workflows.services.refs import DRAFT
from workflows.services.workflow_files import workflow_text


class Command(BaseCommand):
    """Writes one file per workflow, over the one that names it already. Nothing is deleted, here or there."""

    help = "Write workflows as YAML, one file each (--to FOLDER) or one document each on standard output."

    def add_arguments(self, parser: CommandParser) -> None:
        """What, and where to."""
        parser.add_argument("workflows", nargs="*", metavar="WORKFLOW", help="Names; all when none is given.")
        parser.add_argument("--workspace", help="Slug or name. Needed when there is more than one workspace.")
        parser.add_argument("--to", type=Path, metavar="FOLDER", help="Made if need be. Default: print.")
        parser.add_argument("--ref", default=DRAFT, help="Which definition (default: the draft).")
        parser.add_argument("--json", action="store_true", help="Answer for programs, on one line.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, then write."""
        workspace = workspace_named(options["workspace"])
        found = list(workflows_of(workspace.pk).order_by("name"))
        wanted: list[str] = options["workflows"]
        if unknown := sorted(set(wanted) - {workflow.name for workflow in found}):
            known = ", ".join(workflow.name for workflow in found[:20]) or "none yet"
            raise CommandError(f"There is no workflow “{unknown[0]}”. There are: {known}.")
        texts = {
            workflow: _text(workflow, options["ref"])
            for workflow in found
            if not wanted or workflow.name in wanted
        }
        if options["to"] is None:
            self._print(texts, as_json=options["json"])
        else:
            self._write(texts, options["to"], as_json=options["json"])

    def _print(self, texts: dict[Workflow, str], *, as_json: bool) -> None:
        if as_json:
            told = [
                {"id": str(workflow.pk), "name": workflow.name, "yaml": text}
                for workflow, text in texts.items()
            ]
            self.stdout.write(json.dumps({"workflows": told}))
            return
        self.stdout.write("---\n".join(texts.values()), ending="")

    def _write(self, texts: dict[Workflow, str], to: Path, *, as_json: bool) -> None:
        told = []
        try:
            to.mkdir(parents=True, exist_ok=True)
            folder = WorkflowFolder(to)
            for workflow, text in texts.items():
                path = folder.path_for(workflow.name)
                changed = not path.exists() or path.read_bytes() != text.encode()
                if changed:
                    path.write_bytes(text.encode())
                told.append(
                    {
                        "id": str(workflow.pk),
                        "name": workflow.name,
                        "file": path.as_posix(),
                        "changed": changed,
                    }
                )
        except OSError as fault:
            raise CommandError(f"{fault.filename}: {fault.strerror}") from None
        if as_json:
            self.stdout.write(json.dumps({"workflows": told}))
            return
        for line in told:
            self.stdout.write(f"{'written' if line['changed'] else 'same   '}  {line['file']}")


def _text(workflow: Workflow, ref: str) -> str:
    if ref == DRAFT:
        return workflow_text(workflow)
    try:
        version = ref_named(workflow, ref).version
    except WorkflowError:
        raise CommandError(f"The workflow “{workflow.name}” has no ref {ref!r}.") from None
    return workflow_text(workflow, definition=version.definition, of=f"version {version.number} ({ref})")
