"""`manage.py import_triggers FILE`: triggers from an export, a dry run by default."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from scheduler.management.importing import arguments_add, document_read, exit_code, importer, outcomes_tell
from scheduler.services.importing import triggers_bring_in
from scheduler.services.portable import triggers_read
from workspaces.errors import RunsheetError


class Command(BaseCommand):
    """Workflows, tables and people are found by their names. Never deletes, and never switches one on or off again."""

    help = "Make or update triggers from an export. Tells what it would do; --apply does it."

    def add_arguments(self, parser: CommandParser) -> None:
        """What, where to, and how far."""
        parser.add_argument("file", type=Path, metavar="FILE", help="What export_triggers wrote.")
        arguments_add(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, bring in, tell; the exit code says whether something was skipped that must not be."""
        workspace, actor, role = importer(options, "import_triggers")
        try:
            items = triggers_read(workspace, document_read(options["file"], "FILE"))
        except RunsheetError as fault:
            raise CommandError(fault.detail) from None
        outcomes = triggers_bring_in(
            workspace=workspace, actor=actor, role=role, items=items, apply=options["apply"]
        )
        outcomes_tell(outcomes, self.stdout, applied=options["apply"], as_json=options["json"])
        sys.exit(exit_code(outcomes, strict=options["strict"]))
