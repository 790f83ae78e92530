"""Triggers as JSON, by names instead of ids: out of one install, into another or into git (`scheduler.md` section 7).

::

    {"format": "runsheet.triggers", "version": 1, "triggers": [
        {"id": "…", "name": "Nightly audit", "table": "Companies", "target_options": {"groups": ["Audit"], …},
         "cron_expression": "0 2 * * *", "cron_timezone": "Europe/Berlin", "run_as": "ada", …}]}

What belongs to an install stays there: what has run, what is due, who made it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.utils.dateparse import parse_datetime

from scheduler.engine.local_times import instant_text
from scheduler.errors import TriggerInvalid, words
from scheduler.models import Trigger
from scheduler.services.fields import INSTANTS, PLAIN
from scheduler.services.importing import Skip, Wanted
from scheduler.services.named_targets import target_fields, target_names, uuid_read
from workspaces.errors import RunsheetError
from workspaces.models import Membership, Workspace

FORMAT: Final = "runsheet.triggers"
VERSION: Final = 1

KNOWN: Final = {*PLAIN, *INSTANTS, "id", "enabled", "workflow", "table", "ref", "target_options", "run_as"}


def triggers_export(workspace: Workspace) -> dict[str, Any]:
    """All triggers of the workspace, by name. The same triggers always make the same text."""
    found = Trigger.objects.of_workspace(workspace.pk).select_related("workflow", "table", "run_as_user")
    return {
        "format": FORMAT,
        "version": VERSION,
        "triggers": [_written(trigger) for trigger in found.order_by("name", "id")],
    }


def triggers_read(workspace: Workspace, document: Any) -> list[Wanted | Skip]:
    """What a document holds, its names looked up in the workspace. Raises ``TriggerInvalid`` if it is none at all."""
    if not isinstance(document, Mapping) or document.get("format") != FORMAT:
        raise TriggerInvalid(f"This is no export of triggers: its format is not “{FORMAT}”.")
    if document.get("version") != VERSION:
        raise TriggerInvalid(f"This export has version {document.get('version')!r}; {VERSION} can be read.")
    entries = document.get("triggers")
    if not isinstance(entries, list):
        raise TriggerInvalid("This export has no list of triggers.")
    members = dict(
        Membership.objects.filter(workspace=workspace, user__is_active=True).values_list(
            "user__username", "user_id"
        )
    )
    return [_read(workspace, entry, members, place) for place, entry in enumerate(entries, start=1)]


def _written(trigger: Trigger) -> dict[str, Any]:
    person = trigger.run_as_user
    return {
        "id": str(trigger.pk),
        **{field: getattr(trigger, field) for field in PLAIN},
        **{field: instant_text(getattr(trigger, field)) for field in INSTANTS},
        **target_names(trigger),
        "run_as": None if person is None else person.get_username(),
        "enabled": trigger.enabled,
    }


def _read(workspace: Workspace, entry: Any, members: Mapping[str, UUID], place: int) -> Wanted | Skip:
    source = str(entry.get("name", "")) if isinstance(entry, Mapping) else ""
    source = source or f"#{place}"
    try:
        if not isinstance(entry, Mapping):
            raise TriggerInvalid("This is no object.")
        return _wanted(workspace, entry, members, source)
    except RunsheetError as fault:
        return Skip(source, fault.code, words(fault))


def _wanted(
    workspace: Workspace, entry: Mapping[str, Any], members: Mapping[str, UUID], source: str
) -> Wanted:
    _known_only(entry.keys())
    trigger_id = uuid_read(entry.get("id"))
    if trigger_id is None:
        raise TriggerInvalid(errors={"id": ["Give the id it had where it comes from."]})
    named = ("workflow", "ref") if entry.get("workflow") is not None else ("table", "target_options")
    fields = {field: entry[field] for field in PLAIN if field in entry}
    fields |= {field: _parsed(field, entry[field]) for field in INSTANTS if field in entry}
    fields |= target_fields(workspace, {name: entry[name] for name in named if name in entry})
    notes: tuple[str, ...] = ()
    person = entry.get("run_as")
    if isinstance(person, str) and person in members:
        fields["run_as_user"] = members[person]
    elif person is not None:
        notes = (f"{person} is no member here; it runs as the person who imports it.",)
    return Wanted(
        source,
        f"runsheet:{workspace.pk}:{trigger_id}",
        fields,
        {"enabled": entry.get("enabled", True)},
        notes,
        trigger_id,
    )


def _known_only(names: Iterable[str]) -> None:
    if unknown := sorted(set(names) - KNOWN):
        raise TriggerInvalid(errors={name: ["Unknown field."] for name in unknown})


def _parsed(field: str, text: Any) -> datetime | None:
    """An instant with its offset, or none."""
    if text is None:
        return None
    try:
        at = parse_datetime(text) if isinstance(text, str) else None
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise TriggerInvalid(errors={field: ["Give an instant with its offset, like 2026-11-20T02:00:00Z."]})
    return at
