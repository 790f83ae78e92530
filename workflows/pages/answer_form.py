"""An approval's form as HTML: how its fields are shown, and the answer that a posted form means (W19, W20)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.http import QueryDict

from workflows.engine.forms import APPROVE, REJECT
from workflows.models import PausePoint

PREFIX: Final = "field."
"""What the names of the form's own fields begin with, so that none of them meets ``decision`` or ``comment``."""

LONGEST_NAME: Final = 200

WORDS: Final[Mapping[str, str]] = {APPROVE: "Approved", REJECT: "Rejected"}

Errors = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class ShownField:
    """One input of the page. ``value`` is what it holds; ``checked`` is that of a boolean."""

    id: str
    name: str
    label: str
    type: str
    required: bool
    options: list[str]
    value: str
    checked: bool
    error: str


@dataclass(frozen=True, slots=True)
class ShownQuestion:
    """A question as the page asks it; ``id`` tells apart the forms of one page."""

    id: str
    message: str
    fields: list[ShownField]
    comment: str
    name: str
    errors: list[str]
    comment_error: str


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """What was decided, by whom, for people. ``state`` picks the pill's colour."""

    word: str
    state: str
    by: str
    at: datetime | None
    comment: str


def question_shown(
    pause: PausePoint, posted: QueryDict | None = None, errors: Errors | None = None
) -> ShownQuestion:
    """The question with what was typed so far, each fault beside its field."""
    found = dict(errors or {})
    fields = list(_fields(pause, posted, found))
    comment_error = " ".join(found.pop("comment", []))
    return ShownQuestion(
        id=str(pause.pk),
        message=str(pause.request.get("message", "")),
        fields=fields,
        comment=posted.get("comment", "") if posted else "",
        name=posted.get("name", "") if posted else "",
        errors=[message for messages in found.values() for message in messages],
        comment_error=comment_error,
    )


def answer_shown(pause: PausePoint) -> ShownAnswer:
    """The first, and only, answer to a question."""
    given = pause.answer if isinstance(pause.answer, dict) else {}
    by = pause.answered_by or {}
    return ShownAnswer(
        word=WORDS.get(str(given.get("decision")), "Answered"),
        state="done" if given.get("decision") == APPROVE else "failed",
        by=str(by.get("name") or "") or ("somebody with the link" if by.get("link") else "somebody"),
        at=pause.answered_at,
        comment=str(given.get("comment") or ""),
    )


def answer_posted(pause: PausePoint, posted: QueryDict) -> dict[str, Any]:
    """The answer that a posted form means. What cannot be read is left as typed, for the check to name."""
    fields = {}
    for field in pause.request.get("fields", ()):
        value = _read(field["type"], posted.get(PREFIX + field["name"]))
        if value is not None:
            fields[field["name"]] = value
    answer: dict[str, Any] = {"decision": posted.get("decision", ""), "fields": fields}
    if comment := _lines(posted.get("comment", "")).strip():
        answer["comment"] = comment
    return answer


def name_posted(typed: object) -> str:
    """The name somebody gave: one line of printable characters, cut at 200."""
    line = " ".join(str(typed or "").split())
    return "".join(character for character in line if character.isprintable())[:LONGEST_NAME]


def _fields(
    pause: PausePoint, posted: QueryDict | None, errors: dict[str, list[str]]
) -> Iterator[ShownField]:
    for place, field in enumerate(pause.request.get("fields", ())):
        name = PREFIX + field["name"]
        default = field.get("default")
        if posted is None:
            value, checked = "" if default is None else str(default), default is True
        else:
            value, checked = posted.get(name, ""), name in posted
        yield ShownField(
            id=f"f{place}-{pause.pk}",
            name=name,
            label=field.get("label") or field["name"].replace("_", " ").capitalize(),
            type=field["type"],
            required=bool(field.get("required")),
            options=[str(option) for option in field.get("options") or ()],
            value=value,
            checked=checked,
            error=" ".join(errors.pop(f"fields.{field['name']}", [])),
        )


def _read(kind: str, typed: str | None) -> Any:
    """The JSON value of one input; None when it was left blank. An unticked box is not sent, and says no."""
    if kind == "boolean":
        return typed is not None
    if typed is None or not typed.strip():
        return None
    if kind == "number":
        return _number(typed.strip())
    return _lines(typed) if kind == "long_text" else typed


def _number(typed: str) -> int | float | str:
    for read in (int, float):
        try:
            number = read(typed)
        except ValueError:  # also what `int` says of thousands of digits
            continue
        if math.isfinite(number):
            return number
    return typed


def _lines(typed: str) -> str:
    """Browsers end the lines of a text area with CR LF."""
    return typed.replace("\r\n", "\n")
