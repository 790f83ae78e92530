"""`manage.py doctor`: is this install well?"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console
from rich.markup import escape

from config.doctor import State, examine

COLOURS: Final[dict[State, str]] = {"ok": "green", "warning": "yellow", "fault": "red"}


class Command(BaseCommand):
    """Looks at everything the install needs, and says in plain words how each is."""

    help = "Check what this install needs, from Python to the workers. Exits 1 on a fault."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """For people or for programs."""
        parser.add_argument("--json", action="store_true", help="Answer for programs.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Look, tell, and exit by the worst finding."""
        console = Console(highlight=False, soft_wrap=True)
        found = []
        for finding in examine():
            found.append(finding)
            if not options["json"]:
                mark = f"[{COLOURS[finding.state]}]{finding.state:7}[/]"
                console.print(f"{mark}  [bold]{finding.name}[/]: {escape(finding.words)}")
        well = all(finding.state != "fault" for finding in found)
        if options["json"]:
            self.stdout.write(json.dumps({"well": well, "findings": [asdict(finding) for finding in found]}))
        sys.exit(0 if well else 1)
