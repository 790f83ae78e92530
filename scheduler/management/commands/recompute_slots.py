"""`manage.py recompute_slots`: the next slots after a change of time zones, a dry run by default."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from scheduler.services.recomputing import Moved, slots_recompute


class Command(BaseCommand):
    """Beat has it done once a day; after an upgrade of `tzdata` one need not wait for that."""

    help = "Work out the next slot of every trigger afresh. Tells what would move; --apply moves it."

    def add_arguments(self, parser: CommandParser) -> None:
        """How far, and for whom."""
        parser.add_argument("--apply", action="store_true", help="Do it; otherwise it is only told.")
        parser.add_argument("--json", action="store_true", help="Answer for programs, on one line.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Look, move, tell."""
        moved = slots_recompute(apply=options["apply"])
        if options["json"]:
            told = {"applied": options["apply"], "moved": [_as_json(each) for each in moved]}
            self.stdout.write(json.dumps(told))
            return
        for each in moved:
            after = "off" if each.after is None else f"{each.after:%Y-%m-%d %H:%M:%SZ}"
            self.stdout.write(
                f"{each.before:%Y-%m-%d %H:%M:%SZ} → {after}  {each.name} {each.error}".rstrip()
            )
        further = "" if options["apply"] or not moved else " Nothing was changed; --apply does it."
        self.stdout.write(f"{len(moved)} triggers move.{further}")


def _as_json(moved: Moved) -> dict[str, Any]:
    return {
        "trigger": str(moved.trigger_id),
        "name": moved.name,
        "before": moved.before.isoformat(),
        "after": None if moved.after is None else moved.after.isoformat(),
        "error": moved.error,
    }
