"""`manage.py scheduler_status`: who leads, how the ticks fare, what is due and what runs."""

from __future__ import annotations

import json
import sys
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandParser
from django.db.models import Count
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from scheduler.api.health_serializers import SchedulerStateSerializer
from scheduler.engine.health import HealthStatus
from scheduler.engine.local_times import instant_text
from scheduler.fixed_entries import FIXED_ENTRIES
from scheduler.models import Invocation, Trigger
from scheduler.services.health import health
from scheduler.states import IN_FLIGHT

NEXT: Final = 5
COLOURS: Final = {HealthStatus.OK: "green", HealthStatus.DEGRADED: "yellow", HealthStatus.DOWN: "red"}


class Command(BaseCommand):
    """Reads only, and may be run beside a busy install."""

    help = "Show who leads the scheduler, how it fares, and what comes next. Exits 1 when it is down."

    def add_arguments(self, parser: CommandParser) -> None:
        """For people or for programs."""
        parser.add_argument("--json", action="store_true", help="Answer for programs, on one line.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Look, tell, and exit by the verdict."""
        found = health()
        told = {**SchedulerStateSerializer(found).data, **_around()}
        if options["json"]:
            self.stdout.write(json.dumps(told))
        else:
            _show(found.status, told)
        sys.exit(1 if found.status is HealthStatus.DOWN else 0)


def _around() -> dict[str, Any]:
    """Triggers, invocations in flight, what fires next, and the entries of beat."""
    from django_celery_beat.models import PeriodicTask

    enabled = dict(PeriodicTask.objects.values_list("name", "enabled"))
    triggers = dict(Trigger.objects.values_list("enabled").annotate(n=Count("id")))
    flying = Invocation.objects.filter(status__in=IN_FLIGHT).values_list("status").annotate(n=Count("id"))
    coming = Trigger.objects.filter(enabled=True, next_run_at__isnull=False).order_by("next_run_at", "id")
    return {
        "triggers": {"enabled": triggers.get(True, 0), "disabled": triggers.get(False, 0)},
        "invocations": dict(flying),
        "next": [
            {"trigger": str(pk), "name": name, "workspace": slug, "next_run_at": instant_text(at)}
            for pk, name, slug, at in coming.values_list("id", "name", "workspace__slug", "next_run_at")[
                :NEXT
            ]
        ],
        "entries": {entry.name: _state(is_on=enabled.get(entry.name)) for entry in FIXED_ENTRIES},
    }


def _state(*, is_on: bool | None) -> str:
    return "missing" if is_on is None else "on" if is_on else "off"


def _show(status: HealthStatus, told: dict[str, Any]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[{COLOURS[status]}]{status}[/]  {escape(told['words'] or 'Slots fire as they should.')}")
    facts = Grid(box=None, show_header=False, pad_edge=False)
    for name, value in _facts(told).items():
        facts.add_row(f"[bold]{name}[/]", escape(str(value)))
    console.print(facts)
    coming = Grid("next", "trigger", "workspace", box=None, pad_edge=False)
    for due in told["next"]:
        coming.add_row(due["next_run_at"], escape(due["name"]), escape(due["workspace"]))
    if told["next"]:
        console.print(coming)


def _facts(told: dict[str, Any]) -> dict[str, str]:
    age = told["tick_age_seconds"]
    leads = told["holder"] if told["is_led"] else "nobody"
    entries = [f"{name} {state}" for name, state in told["entries"].items() if state != "on"]
    flying = ", ".join(f"{count} {status}" for status, count in told["invocations"].items())
    return {
        "leader": f"{leads} (epoch {told['epoch']})",
        "last tick": "never" if age is None else f"{age:.1f} s ago, {told['total_ticks']} in all",
        "failures in a row": f"{told['consecutive_failures']} {told['last_tick_error']}".strip(),
        "due now": f"{told['backlog_due']}",
        "late by": f"{told['lateness_seconds']:.1f} s",
        "in flight": flying or "nothing",
        "triggers": f"{told['triggers']['enabled']} enabled, {told['triggers']['disabled']} disabled",
        "beat's entries": ", ".join(entries) or "all on",
    }
