"""Filters on text."""

from __future__ import annotations

import re
import unicodedata
from typing import Any
from urllib.parse import quote

from workflows.engine.expressions.errors import EvaluationError
from workflows.engine.expressions.evaluation import Evaluation
from workflows.engine.expressions.filters_lists import pick_each
from workflows.engine.expressions.limits import checked_length, checked_text
from workflows.engine.expressions.methods import call_method, join_texts, replace_text
from workflows.engine.expressions.registry import FILTERS, as_list, as_text
from workflows.engine.expressions.text import to_text

_MAX_SLUG_SOURCE = 4096
_NOT_SLUG = re.compile(r"[^a-z0-9]+")


@FILTERS.add("upper")
def upper(evaluation: Evaluation, value: Any) -> str:
    """In capital letters."""
    return checked_text(as_text(evaluation, value).upper())


@FILTERS.add("lower")
def lower(evaluation: Evaluation, value: Any) -> str:
    """In small letters."""
    return checked_text(as_text(evaluation, value).lower())


@FILTERS.add("title")
def title(evaluation: Evaluation, value: Any) -> str:
    """Each Word Capitalised."""
    return checked_text(as_text(evaluation, value).title())


@FILTERS.add("capitalize")
def capitalize(evaluation: Evaluation, value: Any) -> str:
    """First letter capital, the rest small."""
    return checked_text(as_text(evaluation, value).capitalize())


@FILTERS.add("trim")
def trim(evaluation: Evaluation, value: Any, characters: str | None = None) -> str:
    """Without surrounding whitespace, or without the given characters."""
    return as_text(evaluation, value).strip(characters)


@FILTERS.add("replace")
def replace(evaluation: Evaluation, value: Any, old: str, new: str, limit: int = -1) -> str:
    """Every ``old`` (or the first ``limit``) replaced by ``new``."""
    return replace_text(evaluation, as_text(evaluation, value), old, as_text(evaluation, new), limit)


@FILTERS.add("split")
def split(evaluation: Evaluation, value: Any, separator: str | None = None) -> list[str]:
    """Parts between separators (whitespace by default)."""
    return list(call_method(evaluation, as_text(evaluation, value), "split", separator))


@FILTERS.add("join")
def join(evaluation: Evaluation, value: Any, separator: str = "", attribute: str | None = None) -> str:
    """Items as one text, with a separator between them."""
    items = as_list(evaluation, value)
    return join_texts(evaluation, separator, pick_each(evaluation, items, attribute))


@FILTERS.add("truncate")
def truncate(evaluation: Evaluation, value: Any, length: int = 255, end: str = "…") -> str:
    """At most ``length`` characters, ``end`` included when something was cut off."""
    text = as_text(evaluation, value)
    if len(text) <= length:
        return text
    return text[: max(0, length - len(end))] + end[:length]


@FILTERS.add("wordcount")
def wordcount(evaluation: Evaluation, value: Any) -> int:
    """How many words the text holds."""
    text = as_text(evaluation, value)
    checked_length(len(text))
    return len(text.split())


@FILTERS.add("slugify")
def slugify(evaluation: Evaluation, value: Any, separator: str = "-") -> str:
    """``"Žluťoučký kůň 3"`` becomes ``"zlutoucky-kun-3"``."""
    text = to_text(evaluation, value)
    if len(text) > _MAX_SLUG_SOURCE:
        raise EvaluationError("text_too_long", f"slugify takes at most {_MAX_SLUG_SOURCE} characters")
    evaluation.spend(len(text))
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return separator.join(part for part in _NOT_SLUG.split(plain) if part)


@FILTERS.add("urlencode")
def urlencode(evaluation: Evaluation, value: Any) -> str:
    """Safe as one part of a URL's path or query."""
    text = to_text(evaluation, value)
    checked_length(len(text))
    evaluation.spend(len(text) >> 2)
    return checked_text(quote(text, safe="", errors="strict"))


@FILTERS.add("string")
def string(evaluation: Evaluation, value: Any) -> str:
    """The value as text; lists and objects as JSON."""
    return to_text(evaluation, value)
