"""What a trigger's table run asks for: `{groups?, filter?, mode, limit?, fail_above_percent}` (`scheduler.md` 1)."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from scheduler.errors import TriggerInvalid
from tables.engine.filters import compile_filter
from tables.engine.types import TableSpec
from tables.errors import FilterInvalid
from tables.selectors import table_spec
from tables.states import Mode

OPTIONS: Final = ("groups", "filter", "mode", "limit", "fail_above_percent")
FAIL_ABOVE_PERCENT: Final = 100
"""By default a table run fails only if every cell did."""

MOST_GROUPS: Final = 1_000
LARGEST_LIMIT: Final = 2**31 - 1

Faults = dict[str, list[str]]


def options_clean(table_id: UUID | None, given: Any) -> dict[str, Any]:
    """The options as they are stored, checked against the table; those of a workflow are empty.

    ``groups`` are the ids of the table's workflow groups (absent: all), ``mode`` and ``fail_above_percent`` are always
    there. Raises ``TriggerInvalid`` with every fault, by its place (`target_options.filter.all[1].value`).
    """
    if not isinstance(given, Mapping):
        raise TriggerInvalid(errors={"target_options": ["These are an object."]})
    known = OPTIONS if table_id is not None else ()
    faults: Faults = {
        f"target_options.{name}": [_unknown(str(name), known)] for name in given if name not in known
    }
    clean = {} if table_id is None else _options(table_spec(table_id), given, faults)
    if faults:
        raise TriggerInvalid(errors=faults)
    return clean


def _options(spec: TableSpec, given: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    clean: dict[str, Any] = {}
    if given.get("groups") is not None:
        clean["groups"] = _groups(spec, given["groups"], faults)
    if given.get("filter"):
        clean["filter"] = _filter(spec, given["filter"], faults)
    mode = given.get("mode", Mode.INCOMPLETE.value)
    if mode not in list(Mode):
        faults["target_options.mode"] = [f"Give one of {', '.join(Mode)}."]
    clean["mode"] = mode
    if given.get("limit") is not None:
        clean["limit"] = _whole("limit", given["limit"], 1, LARGEST_LIMIT, faults)
    percent = given.get("fail_above_percent", FAIL_ABOVE_PERCENT)
    clean["fail_above_percent"] = _whole("fail_above_percent", percent, 0, 100, faults)
    return clean


def _groups(spec: TableSpec, given: Any, faults: Faults) -> list[str]:
    known = {str(group.id) for group in spec.groups}
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_GROUPS:
        faults["target_options.groups"] = ["Give the ids of workflow groups, or leave this out for all."]
        return []
    wanted = list(dict.fromkeys(str(each) for each in given))
    if unknown := [group for group in wanted if group not in known]:
        faults["target_options.groups"] = [f"This table has no workflow group {unknown[0][:64]}."]
    return wanted


def _filter(spec: TableSpec, given: Any, faults: Faults) -> Any:
    try:
        compile_filter(given, spec.columns)
    except FilterInvalid as fault:
        places = fault.errors or {"filter": [fault.detail]}
        faults.update({f"target_options.{place}": told for place, told in places.items()})
    return given


def _whole(name: str, value: Any, smallest: int, largest: int, faults: Faults) -> Any:
    if isinstance(value, bool) or not isinstance(value, int) or not smallest <= value <= largest:
        faults[f"target_options.{name}"] = [f"Give a whole number from {smallest:,} to {largest:,}."]
    return value


def _unknown(name: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"Unknown field. Did you mean {near[0]}?" if near else "Unknown field."
