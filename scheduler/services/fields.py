"""What a trigger's own fields may hold, each limit with a field error (`scheduler.md` section 1).

What they refer to – a target, a ref, a person – is judged in `targets.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from scheduler.errors import TriggerInvalid
from scheduler.states import CatchupPolicy, OverlapPolicy
from workflows.engine.canonical import canonical_json, json_fault
from workflows.engine.expressions import ExpressionError, compile_template

LONGEST_NAME: Final = 256
LONGEST_DESCRIPTION: Final = 10_000
LARGEST_PAYLOAD_BYTES: Final = 64 * 1024
DEEPEST_PAYLOAD: Final = 20
LARGEST_TEMPLATE_BYTES: Final = 4_096
DEFAULT_TIMEOUT_SECONDS: Final = 780

RANGES: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {
        "jitter_seconds": (0, 3_600),
        "catchup_window_seconds": (10, 31_536_000),
        "catchup_limit": (1, 1_000),
        "max_retries": (0, 10),
        "retry_delay_seconds": (10, 3_600),
        "timeout_seconds": (30, 86_400),
        "pause_on_failures": (1, 100),
    }
)
"""The smallest and the largest value of each whole number, both allowed."""

PLAIN: Final = (
    "name",
    "description",
    "cron_expression",
    "cron_timezone",
    "jitter_seconds",
    "payload",
    "message_template",
    "overlap_policy",
    "catchup_policy",
    "catchup_window_seconds",
    "catchup_limit",
    "max_retries",
    "retry_delay_seconds",
    "timeout_seconds",
    "pause_on_failures",
)
"""Fields whose value is its own text, in a request and in a file."""
INSTANTS: Final = ("run_at", "start_at", "end_at")
"""Moments."""

NULLABLE: Final = frozenset({"timeout_seconds", "pause_on_failures"})
"""Whole numbers that may be null: no timeout, never paused."""

TEMPLATE_ROOTS: Final = frozenset({"payload", "trigger", "scheduled_for", "scheduled_for_local", "timezone"})
"""What a message template may read (W4)."""

SCHEDULE_FIELDS: Final = frozenset({"cron_expression", "cron_timezone", "run_at", "start_at", "end_at"})
"""A change of one of these values is a change of the schedule: it raises the revision."""

TARGET_FIELDS: Final = frozenset({"target_kind", "workflow", "table", "ref", "target_options"})
PERSON_FIELDS: Final = frozenset({"run_as_user"})


class _Fault(Exception):
    """What is wrong with one field, in words."""


def fields_clean(given: Mapping[str, Any]) -> dict[str, Any]:
    """Those of ``given`` that concern neither schedule, target nor person, as they are stored.

    Raises ``TriggerInvalid`` with every fault, unknown fields included.
    """
    clean: dict[str, Any] = {}
    faults: dict[str, list[str]] = {}
    elsewhere = SCHEDULE_FIELDS | TARGET_FIELDS | PERSON_FIELDS
    for field, value in given.items():
        if field in elsewhere:
            continue
        check = _CHECKS.get(field)
        if check is None:
            faults[field] = ["Unknown field."]
            continue
        try:
            clean[field] = check(value)
        except _Fault as fault:
            faults[field] = [str(fault)]
    if faults:
        raise TriggerInvalid(errors=faults)
    return clean


def _name(value: Any) -> str:
    name = value.strip() if isinstance(value, str) else ""
    if not name:
        raise _Fault("Give the trigger a name.")
    if len(name) > LONGEST_NAME:
        raise _Fault(f"A name has at most {LONGEST_NAME} characters.")
    if (fault := json_fault(name)) is not None:
        raise _Fault(f"This cannot be stored: {fault[1]}.")
    return name


def _description(value: Any) -> str:
    text = _text(value) or ""
    if len(text) > LONGEST_DESCRIPTION:
        raise _Fault(f"A description has at most {LONGEST_DESCRIPTION:,} characters.")
    return text


def _payload(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Fault("A payload is an object.")
    if (fault := json_fault(value)) is not None:
        raise _Fault(f"This cannot be stored: {fault[1]}.")
    if _depth_beyond(value, DEEPEST_PAYLOAD):
        raise _Fault(f"A payload is nested at most {DEEPEST_PAYLOAD} levels deep.")
    if len(canonical_json(value).encode()) > LARGEST_PAYLOAD_BYTES:
        raise _Fault(f"A payload has at most {LARGEST_PAYLOAD_BYTES:,} bytes of JSON.")
    return value


def _template(value: Any) -> str | None:
    """Empty means none, so that a form that was emptied takes the template away."""
    text = _text(value)
    if not text:
        return None
    if len(text.encode()) > LARGEST_TEMPLATE_BYTES:
        raise _Fault(f"A message template has at most {LARGEST_TEMPLATE_BYTES:,} bytes.")
    try:
        template = compile_template(text)
    except ExpressionError as fault:
        raise _Fault(f"This is no valid template: {fault}") from fault
    foreign = sorted({path[0] for path in template.references if path[0] not in TEMPLATE_ROOTS}, key=str)
    if foreign:
        raise _Fault(f"A trigger has no “{foreign[0]}”. It knows {', '.join(sorted(TEMPLATE_ROOTS))}.")
    return text


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise _Fault("This is a text.")
    if (fault := json_fault(value)) is not None:
        raise _Fault(f"This cannot be stored: {fault[1]}.")
    return value


def _whole(field: str) -> Callable[[Any], int | None]:
    smallest, largest = RANGES[field]

    def check(value: Any) -> int | None:
        if value is None and field in NULLABLE:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not smallest <= value <= largest:
            raise _Fault(f"Give a whole number from {smallest:,} to {largest:,}.")
        return value

    return check


def _one_of(words: type[OverlapPolicy | CatchupPolicy]) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value not in list(words):
            raise _Fault(f"Give one of {', '.join(words)}.")
        return str(value)

    return check


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Fault("This is either true or false.")
    return value


def _depth_beyond(value: Any, levels: int) -> bool:
    """Whether objects and lists are nested deeper than so many levels, the outermost being the first."""
    level = [value]
    for _ in range(levels):
        nested = [item for item in level if isinstance(item, dict | list)]
        level = [each for item in nested for each in (item.values() if isinstance(item, dict) else item)]
        if not level:
            return False
    return any(isinstance(item, dict | list) for item in level)


_CHECKS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "name": _name,
    "description": _description,
    "enabled": _switch,
    "payload": _payload,
    "message_template": _template,
    "overlap_policy": _one_of(OverlapPolicy),
    "catchup_policy": _one_of(CatchupPolicy),
    **{field: _whole(field) for field in RANGES},
}
