"""`manage.py verify_invariants`: do the invariants hold? Reads only, and may be run beside a busy install."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.table import Table as Grid

from tables.models import Table
from tables.services.verifying import OUTSIDE, TIMEOUT_SECONDS, Finding, invariants_verify

VIOLATED, UNDECIDED = 1, 2
WORDS = {"holds": "[green]holds[/]", "violated": "[red]violated[/]", "unknown": "[yellow]not known[/]"}


class Command(BaseCommand):
    """One line per check; the ids of what breaks it below."""

    help = (
        "Check that no cell is lost, none has two owners, and nothing runs after its Stop (I1 to I10 of trust.md). "
        "Reads only. Exits 1 when something is violated, 2 when a check took too long to tell."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """What to look at, and how long."""
        parser.add_argument("--json", action="store_true", help="Answer for programs, on one line.")
        parser.add_argument("--table", metavar="ID", help="Only what concerns this table.")
        parser.add_argument(
            "--timeout",
            type=float,
            default=TIMEOUT_SECONDS,
            metavar="SECONDS",
            help=f"The longest one query may take ({TIMEOUT_SECONDS:g}).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Look, tell; the exit code says how it stands."""
        if options["timeout"] <= 0:
            raise CommandError("--timeout: Give a number of seconds above 0.")
        findings = invariants_verify(table_id=_table(options["table"]), timeout_seconds=options["timeout"])
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(findings)))
        else:
            _show(findings)
        sys.exit(_exit_code(findings))


def _table(given: str | None) -> UUID | None:
    if given is None:
        return None
    try:
        found = UUID(given)
    except ValueError:
        raise CommandError(f"--table: {given} is not a table's id.") from None
    if not Table.objects.filter(id=found).exists():
        raise CommandError(f"--table: There is no table {given}.")
    return found


def _exit_code(findings: Sequence[Finding]) -> int:
    verdicts = {finding.verdict for finding in findings}
    return VIOLATED if "violated" in verdicts else UNDECIDED if "unknown" in verdicts else 0


def _as_json(findings: Sequence[Finding]) -> dict[str, Any]:
    return {
        "holds": _exit_code(findings) == 0,
        "checks": [finding.as_json() for finding in findings],
        "outside": OUTSIDE,
    }


def _show(findings: Sequence[Finding]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    grid = Grid("", "check", "", "violations", box=None, pad_edge=False)
    for finding in findings:
        words = WORDS[finding.verdict]
        grid.add_row(
            finding.invariant, finding.name, words, str(finding.violations) if finding.violations else ""
        )
    console.print(grid)
    for finding in findings:
        if finding.violations:
            console.print(
                f"\n{finding.invariant} {finding.name}: {finding.says} {finding.violations} in all:"
            )
            for shown in finding.ids:
                console.print(f"    {shown}", markup=False)
    for invariant, why in OUTSIDE.items():
        console.print(f"[dim]{invariant} {why}[/]")
