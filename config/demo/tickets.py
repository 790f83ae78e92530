"""The demo's second table as data: support tickets that a model answers; two of them wait for a person.

The model is the local one (`surroundings.py`), offered under the name `demo`: nothing leaves the machine.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Final

from config.demo.definitions import Definition, block, edges, start
from config.demo.sheet import Column, Group, Sheet, choices

PROVIDER: Final = "demo"
CATEGORIES: Final = ("refund", "billing", "technical", "other")
SENTIMENTS: Final = ("positive", "neutral", "negative")
AUTOMATIC, APPROVED, REJECTED = DECISIONS = ("automatic", "approved", "rejected")
ASK_ABOVE: Final = 100
"""Refunds of more than this are a person's to decide."""

APPROVER: Final = "refunds@example.com"
WRITTEN: Final = Path(__file__).with_name("tickets.csv")

_TICKET: Final = "Subject: {{ input.subject }}\n\n{{ input.message }}"


def _ask(key: str, type_: str, **config: Any) -> dict[str, Any]:
    return block(key, type_, provider=PROVIDER, **config)


ANSWER_TICKET: Final[Definition] = {
    "blocks": [
        start(customer="text", subject="text!", message="text!"),
        _ask(
            "category",
            "classify",
            text=_TICKET,
            labels=[
                {"label": "refund", "description": "money back for something that was bought"},
                {"label": "billing", "description": "invoices, receipts and charges"},
                {"label": "technical", "description": "the product does not work as it should"},
                {"label": "other"},
            ],
        ),
        _ask(
            "facts",
            "extract",
            text=_TICKET,
            fields={
                "order_number": {"description": "the number of the order that it is about"},
                "amount": {"type": "number", "description": "the sum of money in question, in dollars"},
                "sentiment": {"choices": [*SENTIMENTS], "required": True},
            },
        ),
        _ask(
            "draft",
            "llm",
            system="You write for the support team. Draft a friendly reply to the customer's ticket.",
            prompt="Category: {{ blocks.category.label }}\n" + _TICKET,
        ),
        block(
            "costly",
            "condition",
            when=f"blocks.category.label == 'refund' and (blocks.facts.json.amount or 0) > {ASK_ABOVE}",
        ),
        block(
            "ask",
            "approval",
            message="Refund ${{ blocks.facts.json.amount }} for order {{ blocks.facts.json.order_number }}"
            " to {{ input.customer }}?",
            fields=[{"name": "note", "label": "Note for the books", "type": "text"}],
            assignees=[APPROVER],
        ),
        block(
            "answer",
            "respond",
            value={
                "category": "{{ blocks.category.label }}",
                "order": "{{ blocks.facts.json.order_number }}",
                "amount": "{{ blocks.facts.json.amount }}",
                "sentiment": "{{ blocks.facts.json.sentiment }}",
                "reply": "{{ blocks.draft.text }}",
                "decision": "{{ 'automatic' if not blocks.costly.result"
                " else 'approved' if blocks.ask.approved else 'rejected' }}",
                "note": "{{ blocks.ask.fields.note }}",
            },
        ),
    ],
    "edges": edges(
        "start → category → draft → costly",
        "start → facts → draft",
        "costly:true → ask",
        "ask:approved → answer",
        "ask:rejected → answer",
        "costly:false → answer",
    ),
}

TICKET: Final = Column("ticket", "Ticket", "text", 90)
CUSTOMER: Final = Column("customer", "Customer", "email", 190)
SUBJECT: Final = Column("subject", "Subject", "text", 220)
MESSAGE: Final = Column("message", "Message", "text", 280, options={"long": True})

ANSWERING: Final = Group(
    "Answer ticket",
    "Sorts a ticket, finds what it is about and drafts the reply; refunds of more than $100 wait for a person.",
    ANSWER_TICKET,
    (
        Column("category", "Category", "select", 100, "blocks.category.label", choices(*CATEGORIES)),
        Column("order", "Order", "text", 90, "blocks.facts.json.order_number"),
        Column("amount", "Amount", "currency", 100, "blocks.facts.json.amount", {"currency": "USD"}),
        Column("sentiment", "Sentiment", "select", 100, "blocks.facts.json.sentiment", choices(*SENTIMENTS)),
        Column("draft_reply", "Draft reply", "text", 360, "blocks.draft.text", {"long": True}),
        Column("decision", "Decision", "select", 150, "result.decision", choices(*DECISIONS)),
    ),
    inputs={"customer": "customer", "subject": "subject", "message": "message"},
    depends_on=("subject", "message"),
)
"""All columns but the last are filled by single blocks: they appear while the run goes on, or waits."""


def _records() -> list[tuple[str, ...]]:
    with WRITTEN.open(newline="") as written:
        _, *records = csv.reader(written)
    return [tuple(record) for record in records]


TICKETS: Final = Sheet(
    name="Support tickets",
    about="What customers wrote, sorted and answered by a model that runs on this machine.",
    things="tickets",
    filename=WRITTEN.name,
    typed=(TICKET, CUSTOMER, SUBJECT, MESSAGE),
    identity=(TICKET,),
    groups=(ANSWERING,),
    records=_records,
)
