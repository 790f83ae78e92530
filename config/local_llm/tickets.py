"""What the words of a support ticket mean, by rules a person can follow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

CUES: Final[Mapping[str, tuple[str, ...]]] = {
    "refund": ("refund", "money back", "reimburse", "send it back", "returned", "chargeback"),
    "billing": ("invoice", "charged", "payment", "credit card", "billed", "subscription", "receipt", "vat", "bill"),
    "technical": (
        "error", "crash", "bug", "does not work", "doesn't work", "not working", "cannot log in", "can't log in",
        "login", "password", "broken", "timeout", "fails", "slow", "not load", "freezes",
    ),
    "shipping": ("delivery", "shipped", "parcel", "tracking", "arrived", "courier"),
    "positive": ("thank", "great", "love", "happy", "perfect", "excellent", "helpful", "wonderful"),
    "negative": (
        "angry", "terrible", "unacceptable", "disappointed", "worst", "frustrat", "annoyed", "twice", "still",
        "ridiculous", "useless", "broken",
    ),
    "urgent": ("urgent", "immediately", "asap", "right now", "today"),
}  # fmt: skip
"""Phrases that speak for a label of that name."""

LEFT_OVER: Final = ("other", "neutral", "none", "misc", "general", "unknown", "normal")
"""Labels that are meant for what fits no other."""

ORDER: Final = re.compile(
    r"\b(?:[A-Z]{1,4}-\d{3,10}|(?i:order|invoice|ticket)\s*(?i:number|no\.?)?\s*[:#]?\s*#?(\d{3,12}))\b"
)
_SUM: Final = r"(\d[\d,]*(?:\.\d{1,2})?)"
MONEY: Final = re.compile(
    rf"(?:[$€£]|\b(?:USD|EUR|GBP))\s?{_SUM}|\b{_SUM}\s?(?:[$€£]|(?:USD|EUR|GBP|dollars|euros)\b)"
)
EMAIL: Final = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")
DATE: Final = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
PHONE: Final = re.compile(r"\+\d[\d ()-]{6,}\d")
URL: Final = re.compile(r"\bhttps?://[^\s<>\"]+")
NUMBER: Final = re.compile(r"(?<![\w.,-])-?\d+(?:\.\d+)?(?![\w-]|[.,]\d)")
SUBJECT: Final = re.compile(r"^\s*subject:\s*(.+)$", re.IGNORECASE | re.MULTILINE)
SIGNED: Final = re.compile(
    r"(?:^|\n)\s*(?:best|regards|kind regards|thanks|cheers|yours)[,.!]?\s*\n\s*([A-Z][\w'-]+)", re.IGNORECASE
)

_SENTENCES: Final[Mapping[str, str]] = {
    "refund": "We have started your refund; it reaches your account within five working days.",
    "billing": "We are checking the charge and will send you a corrected invoice if it is wrong.",
    "technical": "Our engineers are looking into it; please try once more after signing out and in again.",
    "shipping": "We have asked the courier where your parcel is and will tell you today.",
}


def chosen(labels: Iterable[str], text: str, described: Mapping[str, str]) -> tuple[str | None, float]:
    """The label that most speaks for, the first of equals, and how sure that is; None when nothing speaks for any."""
    scores = {label: _score(label, text.lower(), described.get(label, "")) for label in labels}
    best = max(scores, key=lambda label: scores[label], default=None)
    if best is None or scores[best] == 0:
        return next((label for label in scores if label.lower() in LEFT_OVER), None), 0.5
    return best, min(0.99, round(0.6 + 0.1 * scores[best], 2))


def order_number(text: str) -> str | None:
    """``A-1007``, or the digits after the word order."""
    found = ORDER.search(text)
    return None if found is None else found[1] or found[0]


def amount(text: str) -> float | None:
    """The first sum of money."""
    found = MONEY.search(text)
    return None if found is None else float((found[1] or found[2]).replace(",", ""))


def subject(text: str) -> str:
    """The subject line, else the first sentence."""
    found = SUBJECT.search(text)
    return found[1].strip() if found else first_sentence(text)


def first_sentence(text: str) -> str:
    """Up to the first full stop or line's end."""
    return re.split(r"(?<=[.!?])\s|\n", text.strip(), maxsplit=1)[0][:200]


def drafted(text: str) -> str:
    """A polite reply to a ticket."""
    topic, _ = chosen(_SENTENCES, text, {})
    order, money, name = order_number(text), amount(text), SIGNED.search(text)
    about = f"about order {order}" if order else f'about "{subject(text)}"'
    lines = [
        f"Hello{' ' + name[1] if name else ''},",
        f"Thank you for writing {about}.",
        _SENTENCES.get(topic or "", "We have read your message and will come back to you within a day."),
    ]
    if money is not None:
        lines.insert(2, f"You mention {money:.2f}; we have noted the amount.")
    return "\n\n".join([lines[0], " ".join(lines[1:]), "Kind regards,\nThe support team"])


def _score(label: str, text: str, description: str) -> int:
    words = [word for word in re.split(r"[\W_]+", label.lower()) if word]
    cues = [cue for word in words for cue in CUES.get(word, ())]
    told = [word for word in re.findall(r"[a-z]{4,}", description.lower()) if word not in _EMPTY_WORDS]
    return (
        3 * sum(_stands(word, text) for word in words if word not in LEFT_OVER)
        + 2 * sum(_stands(cue, text) for cue in cues)
        + sum(_stands(word, text) for word in told)
    )


def _stands(phrase: str, text: str) -> bool:
    return re.search(rf"\b{re.escape(phrase)}", text) is not None


_EMPTY_WORDS: Final = frozenset(
    (
        "about with that this from they their what when which does have wants something anything somebody customer"
    ).split()
)
