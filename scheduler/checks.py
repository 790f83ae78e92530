"""`manage.py check --database default`: whether beat is still asked to drive the scheduler and its repairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.apps import AppConfig
from django.core import checks
from django.core.checks import CheckMessage, Tags, register
from django.db import connections

from scheduler.fixed_entries import FIXED_ENTRIES

MISSING: Final = "runsheet.W010"
DISABLED: Final = "runsheet.W011"


@register(Tags.database)
def entries_are_on(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **options: Any
) -> list[CheckMessage]:
    """Each fixed entry is there and enabled: without the tick no trigger fires, without the others work stays lost."""
    from django_celery_beat.models import PeriodicTask

    found: list[CheckMessage] = []
    for using in databases or ():
        if PeriodicTask._meta.db_table not in connections[using].introspection.table_names():
            continue
        enabled = dict(PeriodicTask.objects.using(using).values_list("name", "enabled"))
        found += [message for entry in FIXED_ENTRIES if (message := _said(entry.name, enabled))]
    return found


def _said(name: str, enabled: dict[str, bool]) -> CheckMessage | None:
    if name not in enabled:
        return checks.Warning(
            f"The periodic entry {name} is missing.", hint="`manage.py migrate` puts it back.", id=MISSING
        )
    if not enabled[name]:
        return checks.Warning(
            f"The periodic entry {name} is disabled.",
            hint="Enable it under Periodic tasks in the admin, unless somebody meant it.",
            id=DISABLED,
        )
    return None
