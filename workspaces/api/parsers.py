"""JSON bodies, strictly: what PostgreSQL or JavaScript could not carry is refused at the door (F22, F23)."""

import codecs
import json
import math
from collections.abc import Iterator, Mapping
from typing import IO, Any, Final

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from workspaces.errors import TooLarge

DEEPEST: Final = 64


class StrictJSONParser(BaseParser):
    """Accepts UTF-8 JSON without NaN or Infinity, NUL characters, lone surrogates or over 64 levels."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The parsed body. Raises `ParseError` naming the place, or `TooLarge`."""
        largest: int = settings.RUNSHEET_MAX_JSON_BYTES
        body = stream.read(largest + 1)
        if len(body) > largest:
            raise TooLarge(f"A JSON body may have at most {largest:,} bytes.", max_bytes=largest)
        value = _loads(body)
        for fault in _faults(value):
            raise ParseError(fault)
        return value


def _loads(body: bytes) -> Any:
    try:
        return json.loads(
            body.removeprefix(codecs.BOM_UTF8).decode(),
            parse_constant=_no_constant,
            parse_float=_finite_float,
        )
    except UnicodeDecodeError as fault:
        raise ParseError(f"The body is not UTF-8: byte {fault.start}.") from fault
    except json.JSONDecodeError as fault:
        raise ParseError(
            f"The body is not JSON: {fault.msg} at line {fault.lineno}, column {fault.colno}."
        ) from fault
    except RecursionError as fault:
        raise ParseError(f"The body is nested deeper than {DEEPEST} levels.") from fault
    except ValueError as fault:  # an integer of thousands of digits
        raise ParseError(f"The body holds a number that is not allowed: {fault}") from fault


def _no_constant(name: str) -> Any:
    raise ParseError(f"{name} is not JSON. Use null or a string.")


def _finite_float(written: str) -> float:
    number = float(written)
    if math.isinf(number):
        raise ParseError(f"The number {written[:40]} is too large.")
    return number


def _faults(value: Any) -> Iterator[str]:
    """Sentences about what must not pass. Iterative: the depth is the attacker's choice."""
    waiting: list[tuple[Any, int, str]] = [(value, 1, "")]
    while waiting:
        item, depth, place = waiting.pop()
        if isinstance(item, str):
            yield from _text_faults(item, place)
        elif isinstance(item, dict | list):
            if depth > DEEPEST:
                yield f"The body is nested deeper than {DEEPEST} levels."
            for key, inner in item.items() if isinstance(item, dict) else enumerate(item):
                if isinstance(key, str):
                    yield from _text_faults(key, place)
                if isinstance(inner, str | dict | list):
                    waiting.append((inner, depth + 1, f"{place}.{key}" if place else str(key)))


def _text_faults(text: str, place: str) -> Iterator[str]:
    if "\x00" in text:
        yield f"{place or 'The body'}: the character U+0000 is not allowed."
    elif not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        yield f"{place or 'The body'}: half of a surrogate pair is not allowed."
