"""JSON schemas (draft 2020-12) that come from users: checked when saved, and evaluated within bounds.

``$ref`` leads to the schema's own ``$defs`` only: nothing is ever fetched, and nothing is taken for a schema that was
not checked as one. Patterns run in linear time (`engine.patterns`). Every keyword that is evaluated counts, for
references can make a small schema mean a huge one.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from datetime import time as time_of_day
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from typing import Any, Final
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, FormatChecker, SchemaError, ValidationError
from jsonschema.validators import extend
from referencing import Registry

from workflows.engine.canonical import canonical_json
from workflows.engine.pattern_syntax import PatternInvalid
from workflows.engine.patterns import compile_pattern

MOST_ERRORS: Final = 50
MOST_MESSAGE_CHARACTERS: Final = 300
MOST_SCHEMA_CHARACTERS: Final = 100_000
LOOK_EVERY: Final = 64
"""Keywords between two looks at the clock."""

_REFUSED: Final = frozenset(
    {"unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "$recursiveRef", "$id"}
)
"""Keywords whose evaluation cannot be bounded from here, or that make other places out of references."""

_LITERAL: Final = frozenset({"const", "enum", "default", "examples", "dependentRequired"})
"""What stands under these is a value, not a schema."""

_NAMED: Final = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
"""What stands under these has names of the user's own for keys."""

_REFERENCE: Final = re.compile(r"#|#/(\$defs|definitions)/([A-Za-z0-9_.-]+)")
_DIALECT: Final = re.compile(r"https?://json-schema\.org/draft/2020-12/schema#?")

Keyword = Callable[[Any, Any, Any, Mapping[str, Any]], Iterator[ValidationError] | None]


class SchemaInvalid(ValueError):
    """This schema cannot be used; the message says where and why."""


class TooLong(Exception):
    """The time for this validation is over."""


@dataclass(slots=True)
class _Budget:
    """``ends`` is an instant of ``time.monotonic()``."""

    ends: float
    spent: int = 0

    def spend(self) -> None:
        self.spent += 1
        if self.spent % LOOK_EVERY == 0:
            self.look()

    def look(self) -> None:
        if time.monotonic() > self.ends:
            raise TooLong


_budget: ContextVar[_Budget] = ContextVar("json_schema_budget")


def check_schema(schema: Any) -> None:
    """Raise `SchemaInvalid` unless ``schema`` can be validated by."""
    text = canonical_json(schema)
    if len(text) > MOST_SCHEMA_CHARACTERS:
        raise SchemaInvalid(f"a schema has at most {MOST_SCHEMA_CHARACTERS:,} characters")
    _check_text(text)


@lru_cache(maxsize=256)
def _check_text(text: str) -> None:
    """As `check_schema`, once per schema: a config is built anew for every run."""
    schema = json.loads(text)
    try:
        Draft202012Validator.check_schema(schema, format_checker=FormatChecker(formats=()))
    except SchemaError as error:
        raise SchemaInvalid(f"{error.json_path}: {_shortened(error.message)}") from None
    for place, keyword, value in _keywords(schema):
        _check_keyword(schema, place, keyword, value)


def schema_errors(schema: Mapping[str, Any], value: Any, seconds: float) -> list[dict[str, str]]:
    """What is wrong with ``value``: at most 50 of ``{path, message}``, in the order of the schema.

    ``schema`` has passed `check_schema`. Raises `TooLong` after ``seconds``, `SchemaInvalid` when references in it
    never end.
    """
    budget = _budget.set(_Budget(time.monotonic() + seconds))
    try:
        plain = {
            name: part for name, part in schema.items() if name != "$schema"
        }  # it would choose the validator
        validator = _Validator(plain, registry=Registry(), format_checker=_FORMAT_CHECKER)
        found = islice(validator.iter_errors(value), MOST_ERRORS)
        return [{"path": error.json_path, "message": _shortened(error.message)} for error in found]
    except RecursionError:
        raise SchemaInvalid("references of the schema lead round in a circle") from None
    finally:
        _budget.reset(budget)


def _keywords(schema: Any) -> Iterator[tuple[str, str, Any]]:
    """Every keyword of a schema and the schemas in it: the place of its schema, its name, its value."""
    stack: list[tuple[str, Any, bool]] = [("$", schema, False)]
    while stack:
        place, part, named = stack.pop()
        if isinstance(part, list):
            stack += [(f"{place}[{index}]", item, False) for index, item in enumerate(part)]
        elif isinstance(part, dict):
            for name, inner in part.items():
                if not named:
                    yield place, name, inner
                if named or name not in _LITERAL:
                    stack.append((f"{place}.{name}", inner, not named and name in _NAMED))


def _check_keyword(schema: Any, place: str, keyword: str, value: Any) -> None:
    if keyword in _REFUSED:
        raise SchemaInvalid(f"{place}: {keyword} is not supported")
    if keyword == "$schema" and not (place == "$" and _DIALECT.fullmatch(str(value))):
        raise SchemaInvalid(f"{place}.$schema: only draft 2020-12 is supported, for the whole schema")
    if keyword == "$ref":
        _check_reference(schema, f"{place}.$ref", str(value))
    patterns = value if keyword == "patternProperties" else [value] if keyword == "pattern" else []
    for pattern in patterns:
        try:
            compile_pattern(str(pattern))
        except PatternInvalid as error:
            raise SchemaInvalid(f"{place}.{keyword}: {str(pattern)[:100]!r}: {error}") from None


def _check_reference(schema: Any, place: str, reference: str) -> None:
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise SchemaInvalid(f"{place}: write # or #/$defs/<name>; nothing else is followed")
    if match[1] is not None and match[2] not in schema.get(match[1], {}):
        raise SchemaInvalid(f"{place}: {reference[:200]!r} leads nowhere")


def _counted(keyword: Keyword) -> Keyword:
    def check(
        validator: Any, wanted: Any, instance: Any, schema: Mapping[str, Any]
    ) -> Iterator[ValidationError]:
        _budget.get().spend()
        yield from keyword(validator, wanted, instance, schema) or ()

    return check


def _pattern(
    validator: Any, wanted: str, instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not compile_pattern(wanted).found_in(instance, _budget.get().look):
        yield ValidationError(f"{instance[:200]!r} does not match {wanted!r}")


def _pattern_properties(
    validator: Any, wanted: Mapping[str, Any], instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for pattern, inner in wanted.items():
            compiled, look = compile_pattern(pattern), _budget.get().look
            for name, value in instance.items():
                if compiled.found_in(name, look):
                    yield from validator.descend(value, inner, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, wanted: Any, instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    patterns = [compile_pattern(pattern) for pattern in schema.get("patternProperties", ())]
    known, look = schema.get("properties", {}), _budget.get().look
    for name, value in instance.items():
        if name not in known and not any(pattern.found_in(name, look) for pattern in patterns):
            if wanted is False:
                yield ValidationError(f"{name[:200]!r} is not expected here")
            else:
                yield from validator.descend(value, wanted, path=name)


def _unique_items(
    validator: Any, wanted: Any, instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if wanted and isinstance(instance, list) and len({_identity(item) for item in instance}) < len(instance):
        yield ValidationError("the items are not all different")


def _identity(value: Any) -> str:
    """One text per JSON value; 1 and 1.0 are the same number, at any depth."""
    return canonical_json(_whole(value))


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return {name: _whole(item) for name, item in value.items()} if isinstance(value, dict) else value


def _multiple_of(
    validator: Any, wanted: float, instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    is_number = isinstance(instance, int | float) and not isinstance(instance, bool)
    if is_number and (Fraction(repr(instance)) / Fraction(repr(wanted))).denominator != 1:  # 0.3 is 3 x 0.1
        yield ValidationError(f"{instance!r} is not a multiple of {wanted!r}")


def _is_date(value: object) -> bool:
    return not isinstance(value, str) or date.fromisoformat(value).isoformat() == value


def _is_time(value: object) -> bool:
    return not isinstance(value, str) or time_of_day.fromisoformat(value).tzinfo is not None


def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or (bool(urlsplit(value).scheme) and " " not in value)


def _shortened(message: str) -> str:
    most = MOST_MESSAGE_CHARACTERS
    return message if len(message) <= most else f"{message[: most - 1]}…"


_FORMAT_CHECKER: Final = FormatChecker(formats=("email", "uuid", "ipv4", "ipv6"))
for _name, _test in {"date": _is_date, "time": _is_time, "date-time": _is_moment, "uri": _is_uri}.items():
    _FORMAT_CHECKER.checks(_name, raises=ValueError)(_test)

_OURS: Final[Mapping[str, Keyword]] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
    "multipleOf": _multiple_of,
}
_Validator: Final = extend(
    Draft202012Validator,
    {name: _counted(check) for name, check in {**Draft202012Validator.VALIDATORS, **_OURS}.items()},
)
