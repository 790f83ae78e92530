"""The local model's rules: what it finds in a ticket, how it fills a schema, that it always says the same."""

from __future__ import annotations

import math
from operator import mul
from typing import Any

import pytest

from config.local_llm import mind, tickets
from config.local_llm.faults import fault_wished
from config.local_llm.schemas import Filler
from workflows.blocks.json_schema import check_schema, schema_errors

TICKET = (
    "Subject: Refund\n\nOrder A-1007 cost $1,249.90. Write to ada@example.org by 2026-11-21.\n\nRegards,\nAda"
)


@pytest.mark.parametrize(
    ("text", "order", "amount"),
    [
        (TICKET, "A-1007", 1249.9),
        ("order #88123, 20 EUR", "88123", 20.0),
        ("Order number: 5512. It was 7 dollars", "5512", 7.0),
        ("nothing of the kind in 2026", None, None),
    ],
    ids=range(4),
)
def test_numbers_are_found(text: str, order: str | None, amount: float | None) -> None:
    assert (tickets.order_number(text), tickets.amount(text)) == (order, amount)


def test_a_label_is_chosen_by_its_words_and_its_description() -> None:
    assert tickets.chosen(["a", "b"], "the parcel is late", {"b": "a parcel or letter"})[0] == "b"
    assert tickets.chosen(["billing", "other"], "hello", {})[0] == "other"
    assert tickets.chosen(["billing", "refund"], "hello", {})[0] is None


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "order_number": {"type": ["string", "null"]},
        "email": {"type": "string", "format": "email"},
        "due_date": {"type": "string", "format": "date"},
        "amount": {"type": "number"},
        "count": {"type": "integer", "minimum": 3},
        "urgent": {"type": "boolean"},
        "phone": {"type": ["string", "null"]},
        "tags": {"type": "array", "items": {"type": "string"}, "minItems": 2},
        "kind": {"const": "ticket"},
        "inner": {"$ref": "#/$defs/inner"},
        "either": {"anyOf": [{"type": "null"}, {"type": "string", "minLength": 400, "maxLength": 500}]},
    },
    "required": ["order_number", "email", "inner"],
    "$defs": {"inner": {"type": "object", "properties": {"again": {"$ref": "#/$defs/inner"}}}},
}


def test_a_filled_schema_is_kept_to() -> None:
    check_schema(SCHEMA)
    filled = Filler(SCHEMA, TICKET, {}).fill(SCHEMA)
    assert schema_errors(SCHEMA, filled, 2.0) == []
    assert (filled["order_number"], filled["email"], filled["due_date"], filled["amount"]) == (
        "A-1007",
        "ada@example.org",
        "2026-11-21",
        1249.9,
    )
    assert filled["phone"] is None


def test_a_reply_names_who_wrote_and_what_about() -> None:
    reply = mind.answer_to({"messages": [{"role": "user", "content": f"Draft a reply to:\n{TICKET}"}]})
    assert reply.startswith("Hello Ada,")
    assert "A-1007" in reply
    assert "".join(mind.pieces_of(reply)) == reply


def test_vectors_are_of_length_one_and_near_for_common_words() -> None:
    late, later, other = (mind.vector_of(text) for text in ("late refund", "refund late please", "blue sky"))
    assert math.isclose(sum(value * value for value in late), 1, abs_tol=1e-4)
    assert sum(map(mul, late, later)) > sum(map(mul, late, other))
    assert len(mind.vector_of("", 8)) == 8


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"x-fault": "429 retry_after=2"}, {"model": "m"}),
        ({}, {"model": "fault-429,retry_after=2"}),
        ({}, {"model": "m", "messages": [{"content": "please [[429 retry_after=2]] now"}]}),
    ],
    ids=["header", "model", "marker"],
)
def test_faults_are_asked_for_in_three_ways(headers: dict[str, str], body: dict[str, Any]) -> None:
    fault = fault_wished(headers, body)
    assert (fault.kind, fault.status, fault.number("retry_after", 0)) == ("429", 429, 2)
    assert fault_wished({}, {"model": "m"}).status == 200
