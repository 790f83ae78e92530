"""What a person may answer to an approval's form (W19, W20)."""

from typing import Any

import pytest

from workflows.engine.forms import answer_errors, form_complete, form_errors

FORM: list[dict[str, Any]] = [
    {"name": "why", "type": "text", "required": True},
    {"name": "note", "type": "long_text"},
    {"name": "seats", "type": "number", "default": 1},
    {"name": "urgent", "type": "boolean"},
    {"name": "team", "type": "select", "options": ["red", "blue"]},
    {"name": "day", "type": "date"},
]


@pytest.mark.rule("W20")
@pytest.mark.parametrize(
    ("given", "places"),
    [
        ({"why": "x"}, []),
        ({"why": "x", "note": None, "seats": 2.5, "urgent": False, "team": "red", "day": "2026-11-21"}, []),
        ({}, ["why"]),
        ({"why": "  "}, ["why"]),
        ({"why": 5}, ["why"]),
        ({"why": "x" * 1_001}, ["why"]),
        ({"why": "a\0b"}, ["why"]),
        ({"why": "x", "note": "x" * 20_001}, ["note"]),
        ({"why": "x", "seats": True}, ["seats"]),
        ({"why": "x", "seats": "2"}, ["seats"]),
        ({"why": "x", "seats": float("nan")}, ["seats"]),
        ({"why": "x", "seats": 10**400}, ["seats"]),
        ({"why": "x", "urgent": "yes"}, ["urgent"]),
        ({"why": "x", "team": "green"}, ["team"]),
        ({"why": "x", "team": ["red"]}, ["team"]),
        ({"why": "x", "day": "21.11.2026"}, ["day"]),
        ({"why": "x", "day": "20261121"}, ["day"]),
        ({"why": "x", "who": "me"}, ["who"]),
    ],
)
def test_each_field_takes_its_own_kind(given: dict[str, Any], places: list[str]) -> None:
    assert list(form_errors(FORM, given)) == places


@pytest.mark.rule("W20")
def test_a_complete_form_has_every_field() -> None:
    assert form_complete(FORM, {"why": "x", "note": " ", "urgent": True}) == {
        "why": "x", "note": None, "seats": 1, "urgent": True, "team": None, "day": None,
    }  # fmt: skip


@pytest.mark.rule("W20")
@pytest.mark.parametrize(
    ("data", "places"),
    [
        ({"decision": "approve", "fields": {"why": "x"}, "comment": "fine"}, []),
        ({"decision": "approve", "fields": {"why": "x"}, "comment": None}, []),
        ({"decision": "reject"}, []),
        ({"decision": "reject", "fields": {"team": "green"}}, ["fields.team"]),
        ({"decision": "approve"}, ["fields.why"]),
        ({"fields": {"why": "x"}}, ["decision"]),
        ({"decision": "approved", "fields": {"why": "x"}}, ["decision"]),
        ({"decision": ["approve"], "fields": {"why": "x"}}, ["decision"]),
        ({"decision": "approve", "fields": ["why"]}, ["fields"]),
        ({"decision": "reject", "comment": 5}, ["comment"]),
        ({"decision": "reject", "comment": "x" * 5_001}, ["comment"]),
        ({"decision": "reject", "by": "me"}, ["by"]),
        ("approve", ["decision"]),
        (None, ["decision"]),
    ],
)
def test_an_answer_is_a_decision_and_what_the_form_asks(data: Any, places: list[str]) -> None:
    assert list(answer_errors(FORM, data)) == places
