"""The entries of an existing Celery beat as triggers (`scheduler.md` section 7). Nothing of them is ever deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, Final

from django.db import transaction
from django_celery_beat.models import PeriodicTask, PeriodicTasks

from scheduler.engine.intervals import interval_cron
from scheduler.engine.next_run import Schedule, next_slot
from scheduler.engine.years import year_fault
from scheduler.errors import TriggerInvalid
from scheduler.fixed_entries import FIXED_ENTRIES
from scheduler.selectors import database_now
from scheduler.services.celery_crontabs import CrontabRefused, crontab_expression
from scheduler.services.fields import PLAIN
from scheduler.services.importing import Action, Outcome, Skip, Wanted, triggers_bring_in
from scheduler.services.named_targets import target_fields
from workspaces.actors import Actor
from workspaces.models import Workspace
from workspaces.states import Role

NOT_THEIRS: Final = frozenset({"celery.backend_cleanup", *(entry.task for entry in FIXED_ENTRIES)})
"""Tasks that are Celery's own housekeeping, or ours."""

Targets = Mapping[str, Mapping[str, Any]]
"""By the name of a task or a pattern of names: fields of the trigger that takes its place, its target among them."""

MAPPED: Final = frozenset(
    {"workflow", "ref", "table", "target_options", *PLAIN} - {"cron_expression", "cron_timezone"}
)
"""What a map may say of a trigger; when it fires, and whether it is on, its entry says."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries are meant, what they are to start here, and what happens to them afterwards."""

    targets: Targets
    pattern: str = "*"
    disable_source: bool = False


def targets_read(workspace: Workspace, document: Any) -> Targets:
    """A map of tasks, as it was written, with names looked up. Raises ``TriggerInvalid``, naming each place."""
    if not isinstance(document, Mapping) or not all(isinstance(each, Mapping) for each in document.values()):
        raise TriggerInvalid("A map is an object: the name of a task, or a pattern, and an object for each.")
    targets, faults = {}, {}
    for name, given in document.items():
        try:
            if unknown := sorted(set(given) - MAPPED):
                raise TriggerInvalid(errors={field: ["Unknown field."] for field in unknown})
            targets[name] = target_fields(workspace, given)
        except TriggerInvalid as fault:
            faults.update({f"{name}.{field}": told for field, told in (fault.errors or {}).items()})
    if faults:
        raise TriggerInvalid(errors=faults)
    return targets


def periodic_tasks_import(
    *, workspace: Workspace, actor: Actor, role: Role, selection: Selection, apply: bool
) -> list[Outcome]:
    """Bring the selected entries in, in the order of their names; see `importing`.

    With ``disable_source`` those that were brought in are switched off in the same transaction, and beat is told.
    """
    now = database_now()
    rows = list(_rows(selection.pattern))
    with transaction.atomic():
        outcomes = triggers_bring_in(
            workspace=workspace,
            actor=actor,
            role=role,
            items=[_item(row, selection.targets, now) for row in rows],
            apply=apply,
        )
        if apply and selection.disable_source:
            taken = [
                row.pk for row, done in zip(rows, outcomes, strict=True) if done.action is not Action.SKIP
            ]
            _disable(taken)
    return outcomes


def _rows(pattern: str) -> Iterator[Any]:
    rows = PeriodicTask.objects.select_related("crontab", "interval", "clocked", "solar").order_by("name")
    for row in rows.exclude(task__in=NOT_THEIRS):
        if fnmatchcase(row.task, pattern):
            yield row


def _disable(ids: list[int]) -> None:
    """Switch entries off. An update sends no signals, so beat is told by hand that something changed."""
    if PeriodicTask.objects.filter(pk__in=ids, enabled=True).update(enabled=False):
        PeriodicTasks.update_changed()


def _item(row: Any, targets: Targets, now: datetime) -> Wanted | Skip:
    target = targets.get(row.task)
    if target is None:
        target = next((found for name, found in targets.items() if fnmatchcase(row.task, name)), None)
    if target is None:
        return Skip(row.name, "no_target", f"The map names no workflow or table for {row.task}.")
    if row.expires is not None and row.expires <= now:
        return Skip(row.name, "expired", f"This entry expired at {row.expires.isoformat()}.")
    if row.one_off and row.clocked is None and row.total_run_count:
        return Skip(row.name, "one_off_done", "This entry was to run once, and has.")
    try:
        schedule, notes = _schedule(row, now)
        fields = {
            "name": row.name,
            "description": row.description,
            "payload": _payload(row),
            "start_at": row.start_time,
            "end_at": row.expires,
            **schedule,
        }
    except CrontabRefused as refused:
        return Skip(row.name, refused.reason, refused.words)
    at_birth: dict[str, Any] = {"enabled": row.enabled}
    if row.one_off and row.clocked is None:
        # Its one slot was chosen from a repeated schedule; the next import must not choose another.
        at_birth.update({name: fields.pop(name) for name in schedule})
    return Wanted(row.name, f"celery-beat:{row.name}", {**fields, **target}, at_birth, notes)


def _schedule(row: Any, now: datetime) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The fields that say when, and what a person should know about them. Raises ``CrontabRefused``."""
    for at in (row.start_time, row.expires):
        if (fault := year_fault(at)) is not None:
            raise CrontabRefused("year_refused", fault)
    if row.clocked is not None:
        if row.clocked.clocked_time <= now - timedelta(seconds=60):
            raise CrontabRefused("clocked_passed", "Its instant has passed.")
        return {"cron_expression": None, "run_at": row.clocked.clocked_time}, ()
    notes: tuple[str, ...] = ()
    if row.crontab is not None:
        expression, zone = crontab_expression(row.crontab, now), str(row.crontab.timezone)
    elif row.interval is not None:
        every = timedelta(**{row.interval.period: row.interval.every})
        found = interval_cron(every)
        if found is None:
            words = f"No cron expression fires {row.interval}."
            raise CrontabRefused("interval_not_expressible", words)
        expression, zone, notes = found, "UTC", ("It now keeps step with the clock in UTC.",)
    else:
        raise CrontabRefused("solar_not_supported", "Triggers know no times of the sun.")
    if not row.one_off:
        return {"cron_expression": expression, "cron_timezone": zone, "run_at": None}, notes
    once = next_slot(Schedule(expression, zone, None, row.start_time, row.expires), now, now)
    if once is None:
        raise CrontabRefused("expired", "No slot is left before it expires.")
    return {"cron_expression": None, "cron_timezone": zone, "run_at": once}, (
        "It runs once, at its next slot.",
    )


def _payload(row: Any) -> dict[str, Any]:
    """The arguments, under the names Celery gives them; none make an empty payload. Raises ``CrontabRefused``."""
    try:
        args, kwargs = json.loads(row.args or "[]"), json.loads(row.kwargs or "{}")
    except ValueError as unread:
        raise CrontabRefused("arguments_unreadable", f"Its arguments are no JSON: {unread}") from unread
    return {"args": args, "kwargs": kwargs} if args or kwargs else {}
