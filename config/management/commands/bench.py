"""`manage.py bench`: the measurements of `docs/performance.md`, each beside its comparison in the same run."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

MEASURES = ("p1", "p3", "p4", "p7", "p8", "p9", "p10", "p11", "browser")


class Command(BaseCommand):
    """Starts its own services; touches nothing else."""

    help = "Measure this build against its floor, on throw-away services."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """What, how much, and how to print it."""
        parser.add_argument("measures", nargs="*", help=f"which ones (default: all of {', '.join(MEASURES)})")
        parser.add_argument("--rows", type=int, default=4000, help="rows of P1 (default 4000)")
        parser.add_argument(
            "--big", type=int, default=20000, help="rows of the big run of P4 (default 20000)"
        )
        parser.add_argument(
            "--rounds", type=int, default=3, help="rounds of P1; medians are printed (default 3)"
        )
        parser.add_argument(
            "--table-rows", type=int, default=1_000_000, help="rows of the table that P9 reads"
        )
        parser.add_argument(
            "--import-rows", type=int, default=1_000_000, help="rows of the file that P10 imports"
        )
        parser.add_argument("--triggers", type=int, default=1_000_000, help="triggers of P11")
        parser.add_argument("--million", action="store_true", help="P3: up to a million rows (minutes more)")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Measure and print."""
        from bench import browser, p1, p3, p4, p7, p8, p9, p10, p11
        from bench.report import Figure, as_json, markdown

        wanted = options["measures"] or MEASURES
        work: dict[str, Callable[[], list[Figure]]] = {
            "p1": lambda: p1.figures(options["rows"], options["rounds"]),
            "p3": lambda: p3.figures(million=options["million"]),
            "p4": lambda: p4.figures(options["big"]),
            "p7": lambda: p7.figures(options["rows"]),
            "p8": p8.figures,
            "p10": lambda: p10.figures(options["import_rows"], options["rounds"]),
            "p9": lambda: p9.figures(options["table_rows"]),
            "p11": lambda: p11.figures(options["triggers"]),
            "browser": browser.figures,
        }
        figures = [figure for name in wanted for figure in work[name]()]
        self.stdout.write(json.dumps(as_json(figures), indent=2) if options["json"] else markdown(figures))
