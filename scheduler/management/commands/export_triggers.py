"""`manage.py export_triggers`: a workspace's triggers as JSON, by names instead of ids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from scheduler.services.portable import triggers_export
from workflows.management.named import workspace_named


class Command(BaseCommand):
    """The same triggers always make the same text, so that git shows what has changed."""

    help = "Write the triggers of a workspace as JSON, for import_triggers or for git."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose, and where to."""
        parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="Standard output by default.")
        parser.add_argument("--workspace", help="Slug or name. Needed when there is more than one workspace.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write them."""
        document = triggers_export(workspace_named(options["workspace"]))
        text = json.dumps(document, indent=2, ensure_ascii=False)
        if options["file"] is None:
            self.stdout.write(text)
            return
        options["file"].write_text(f"{text}\n", encoding="utf-8")
        self.stderr.write(f"{len(document['triggers'])} triggers written to {options['file']}.")
