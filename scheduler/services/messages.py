"""What an invocation says to what it starts: its payload, and its message in the one template language (W4, W6).

The message is text. Without a template it is the payload as JSON. What a value contains is never expanded again, so a
payload that looks like a template stays what it is.
"""

from __future__ import annotations

import json
from typing import Any, Final
from zoneinfo import ZoneInfo

from scheduler.models import Invocation, Trigger
from tables.wire import instant
from workflows.engine.canonical import json_fault
from workflows.engine.expressions import ExpressionError, compile_template

LARGEST_MESSAGE_BYTES: Final = 64 * 1024


class MessageInvalid(Exception):
    """The message cannot be made; the words say why, and never hold a value."""


def payload_of(invocation: Invocation) -> dict[str, Any]:
    """The payload this invocation runs over: its own once it has one – a retry's, a rerun's –, else its trigger's."""
    stored = invocation.resolved_payload
    payload: dict[str, Any] = invocation.trigger.payload if stored is None else stored
    return payload


def message_render(invocation: Invocation, payload: dict[str, Any]) -> str:
    """The message of an invocation over its payload. Raises ``MessageInvalid``."""
    template = invocation.trigger.message_template
    if template is None:
        return _checked(_json(payload))
    try:
        made = compile_template(template).render(message_roots(invocation, payload))
    except ExpressionError as error:
        raise MessageInvalid(str(error)) from error
    return _checked(_text(made))


def message_roots(invocation: Invocation, payload: dict[str, Any]) -> dict[str, Any]:
    """What a template may read: ``payload``, ``trigger``, ``scheduled_for``, ``scheduled_for_local``, ``timezone``.

    The two instants are ISO 8601, in UTC and with the offset of the trigger's zone.
    """
    trigger = invocation.trigger
    local = invocation.scheduled_for.astimezone(ZoneInfo(trigger.cron_timezone))
    return {
        "payload": payload,
        "trigger": _trigger(trigger),
        "scheduled_for": instant(invocation.scheduled_for),
        "scheduled_for_local": local.isoformat(timespec="milliseconds"),
        "timezone": trigger.cron_timezone,
    }


def _trigger(trigger: Trigger) -> dict[str, Any]:
    return {
        "id": str(trigger.pk),
        "name": trigger.name,
        "description": trigger.description,
        "ref": trigger.ref,
    }


def _text(value: Any) -> str:
    """A template that is one expression keeps its value's type; a message is text, everything else as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _checked(message: str) -> str:
    """The message, unless it is too large or cannot be stored."""
    if (fault := json_fault(message)) is not None:
        raise MessageInvalid(f"The message cannot be stored: {fault[1]}.")
    size = len(message.encode())
    if size > LARGEST_MESSAGE_BYTES:
        raise MessageInvalid(
            f"The message has {size:,} bytes; at most {LARGEST_MESSAGE_BYTES:,} are allowed."
        )
    return message
