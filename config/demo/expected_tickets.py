"""The truth about the tickets table: what a person who read the tickets says, and the model asked without Runsheet."""

from __future__ import annotations

from typing import Final

from config.demo.tickets import APPROVED, AUTOMATIC, REJECTED
from config.demo.truth import Row, Truth, Values
from config.local_llm import mind

_READ: Final = {
    "T-2041": ("refund", "A-10431", 249.95, "negative"),
    "T-2042": ("billing", "A-10398", 89, "neutral"),
    "T-2043": ("technical", None, None, "negative"),
    "T-2044": ("other", None, None, "positive"),
    "T-2045": ("billing", None, 19.99, "negative"),
    "T-2046": ("refund", "B-20417", 1180.25, "neutral"),
    "T-2047": ("refund", "A-10377", 12.5, "negative"),
    "T-2048": ("technical", None, None, "neutral"),
    "T-2049": ("other", "A-10402", None, "positive"),
    "T-2050": ("refund", "A-10419", 64.5, "positive"),
    "T-2051": ("billing", "B-20388", 312, "neutral"),
    "T-2052": ("technical", None, None, "negative"),
}
"""Category, order, amount and sentiment of each ticket, as read by a person."""

ASKED: Final = frozenset({"T-2041", "T-2046"})
"""The refunds that are not for a workflow to decide."""

_TASK: Final = "You write for the support team. Draft a friendly reply to the customer's ticket."


class OneOf:
    """Equals any of these."""

    def __init__(self, *values: str) -> None:
        self.values = values

    def __eq__(self, other: object) -> bool:
        return other in self.values

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return " or ".join(self.values)


def answered(row: Row) -> Values:
    """A ticket that is dealt with."""
    by_person = row["ticket"] in ASKED
    return {**_read(row), "decision": OneOf(APPROVED, REJECTED) if by_person else AUTOMATIC}


def waiting(row: Row) -> Values | None:
    """A ticket that a person has to decide: all is there but the decision."""
    return {**_read(row), "decision": None} if row["ticket"] in ASKED else None


def gone(row: Row) -> str:
    """Why a row cannot be judged."""
    return "" if row.get("ticket") in _READ else "not one of the demo's"


def _read(row: Row) -> Values:
    category, order, amount, sentiment = _READ[row["ticket"]]
    asked = f"Category: {category}\nSubject: {row['subject']}\n\n{row['message']}"
    turns = [{"role": "system", "content": _TASK}, {"role": "user", "content": asked}]
    return {
        "category": category,
        "order": order,
        "amount": amount,
        "sentiment": sentiment,
        "draft_reply": mind.answer_to({"messages": turns}),
    }


TRUTH: Final = Truth(
    against="the tickets read by a person, and the model asked directly",
    values={"Answer ticket": answered},
    waiting={"Answer ticket": waiting},
    gone=gone,
)
