"""`manage.py import_periodic_tasks`: the entries of an existing Celery beat as triggers, a dry run by default."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from scheduler.errors import words
from scheduler.management.importing import arguments_add, document_read, exit_code, importer, outcomes_tell
from scheduler.services.periodic_tasks import Selection, periodic_tasks_import, targets_read
from workspaces.errors import RunsheetError


class Command(BaseCommand):
    """Reads django-celery-beat's tables in this database. Never deletes anything of them."""

    help = "Make triggers of the periodic tasks of Celery beat. Tells what it would do; --apply does it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which, what for, and how far."""
        arguments_add(parser)
        parser.add_argument(
            "--task", default="*", metavar="PATTERN", help="Only tasks of such a name (shop.*)."
        )
        parser.add_argument(
            "--map",
            type=Path,
            metavar="FILE",
            help='What starts instead, as JSON: {"shop.report": {"workflow": "Report", "ref": "live"}, '
            '"shop.*": {"table": "Orders", "target_options": {"groups": ["Check"]}}}.',
        )
        parser.add_argument(
            "--disable-source", action="store_true", help="With --apply: switch off what was brought in."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, bring in, tell; the exit code says whether something was skipped that must not be."""
        if options["disable_source"] and not options["apply"]:
            raise CommandError("--disable-source belongs to --apply.")
        workspace, actor, role = importer(options, "import_periodic_tasks")
        written = {} if options["map"] is None else document_read(options["map"], "--map")
        try:
            selection = Selection(
                targets_read(workspace, written), options["task"], disable_source=options["disable_source"]
            )
            outcomes = periodic_tasks_import(
                workspace=workspace, actor=actor, role=role, selection=selection, apply=options["apply"]
            )
        except RunsheetError as fault:
            raise CommandError(f"--map: {words(fault)}") from None
        outcomes_tell(outcomes, self.stdout, applied=options["apply"], as_json=options["json"])
        sys.exit(exit_code(outcomes, strict=options["strict"]))
