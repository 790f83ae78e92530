"""The form that an approval asks a person to fill in, and the one check of every answer to it (W19, W20).

A form is a list of fields as JSON::

    {"name": "amount", "label": "How much?", "type": "number", "required": true, "default": 100}
    {"name": "team", "type": "select", "options": ["red", "blue"]}

Types: ``text`` and ``long_text`` (text), ``number``, ``boolean``, ``select`` (one of ``options``), ``date``
(``2026-11-21``). An answer is ``{"decision": "approve" | "reject", "fields": {…}, "comment": "…"}``. The API, the
answer page and the block itself all check by these functions, so none of them lets through what another refuses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from workflows.engine.canonical import json_fault

APPROVE: Final = "approve"
REJECT: Final = "reject"
DECISIONS: Final = (APPROVE, REJECT)

MOST_FIELDS: Final = 50
MOST_CHARACTERS: Final[Mapping[str, int]] = {"text": 1_000, "long_text": 20_000}
"""Characters that a field of each kind of text takes."""

MOST_COMMENT_CHARACTERS: Final = 5_000

Fields = Sequence[Mapping[str, Any]]

_ANSWER_KEYS: Final = ("decision", "fields", "comment")


def answer_errors(fields: Fields, data: Any) -> dict[str, str]:
    """What is wrong with an answer, by place (``decision``, ``comment``, ``fields.amount``); empty when nothing is.

    Whoever rejects need not fill in what is required; what is given must fit all the same.
    """
    if not isinstance(data, Mapping):
        return {"decision": "Send an object with a decision."}
    errors = {str(key): "An answer has no such part." for key in data if key not in _ANSWER_KEYS}
    decision, comment, given = data.get("decision"), data.get("comment"), data.get("fields")
    if decision not in DECISIONS:
        errors["decision"] = f"Decide by one of: {', '.join(DECISIONS)}."
    if comment is not None and not isinstance(comment, str):
        errors["comment"] = "The comment must be text."
    elif comment is not None and (fault := _text_fault(comment, MOST_COMMENT_CHARACTERS)):
        errors["comment"] = fault
    if given is not None and not isinstance(given, Mapping):
        return {**errors, "fields": "Send an object of fields."}
    found = form_errors(fields, given or {}, required=decision != REJECT)
    return {**errors, **{f"fields.{name}": fault for name, fault in found.items()}}


def form_errors(fields: Fields, given: Mapping[str, Any], *, required: bool = True) -> dict[str, str]:
    """What is wrong with ``given`` by field name, in whole sentences; empty when nothing is.

    Without ``required``, required fields may be left out.
    """
    known = ", ".join(str(field["name"]) for field in fields) or "none"
    names = {field["name"] for field in fields}
    errors = {
        str(name): f"The form has no such field. It knows: {known}." for name in given if name not in names
    }
    for field in fields:
        value = given.get(field["name"], field.get("default"))
        if _is_blank(value):
            if required and field.get("required"):
                errors[field["name"]] = "This field is required."
        elif fault := _fault(field, value):
            errors[field["name"]] = fault
    return errors


def form_complete(fields: Fields, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every field of the form with its value: as given, else its default, else null. ``given`` has no errors."""
    complete = {field["name"]: given.get(field["name"], field.get("default")) for field in fields}
    return {name: None if _is_blank(value) else value for name, value in complete.items()}


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _fault(field: Mapping[str, Any], value: Any) -> str | None:
    kind = field["type"]
    if kind == "number":
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return None if is_number and json_fault(value) is None else "This field takes a number."
    if kind == "boolean":
        return None if isinstance(value, bool) else "This field takes true or false."
    if not isinstance(value, str):
        return "This field takes text."
    if kind == "select":
        options = list(field.get("options") or ())
        return None if value in options else f"Choose one of: {', '.join(map(str, options))}."
    if kind == "date":
        return None if _is_date(value) else "This field takes a date such as 2026-11-21."
    return _text_fault(value, MOST_CHARACTERS[kind])


def _text_fault(text: str, most: int) -> str | None:
    if len(text) > most:
        return f"At most {most:,} characters; this has {len(text):,}."
    return "This text holds characters that cannot be stored." if json_fault(text) else None


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
