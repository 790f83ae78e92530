"""Bodies that PostgreSQL or JavaScript could not carry are refused, naming the place."""

import io
import json
import re
from typing import Any

import pytest
from pytest_django.fixtures import Settings
from rest_framework.exceptions import ParseError

from workspaces.api.parsers import StrictJSONParser
from workspaces.errors import TooLarge


def parse(body: str | bytes) -> Any:
    return StrictJSONParser().parse(io.BytesIO(body if isinstance(body, bytes) else body.encode()))


@pytest.mark.rule("F23")
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"a": -Infinity}', "-Infinity is not JSON"),
        ('{"a": 1e400}', "1e400 is too large"),
        (f'{{"a": 1{"0" * 5000}}}', "a number that is not allowed"),
        ('{"a": {"b": ["x", "y\\u0000"]}}', "a.b.1: the character U+0000"),
        ('{"a": {"k\\u0000": 1}}', "a: the character U+0000"),
        ('{"a": "\\ud800"}', "a: half of a surrogate pair"),
        ('{"a": 1,}', "line 1, column 9"),
        (b'{"a": "\xe9"}', "not UTF-8: byte 7"),
        ("", "not JSON"),
    ],
)
def test_what_cannot_be_carried_is_refused(body: str | bytes, said: str) -> None:
    with pytest.raises(ParseError, match=re.escape(said)):
        parse(body)


@pytest.mark.rule("F22")
@pytest.mark.parametrize("depth", [65, 5_000, 100_000])
def test_depth_beyond_64_is_refused(depth: int) -> None:
    with pytest.raises(ParseError, match="deeper than 64"):
        parse("[" * depth + "]" * depth)


@pytest.mark.rule("F22")
def test_depth_64_and_whole_surrogate_pairs_pass() -> None:
    body = "[" * 64 + "]" * 64
    assert parse(body) == json.loads(body)
    assert parse('{"a": "\\ud83d\\ude00"}') == {"a": "😀"}
    assert parse('\ufeff{"a": 1.5}') == {"a": 1.5}


def test_a_body_over_the_limit_is_refused_before_it_is_parsed(settings: Settings) -> None:
    settings.RUNSHEET_MAX_JSON_BYTES = 10
    with pytest.raises(TooLarge, match="at most 10 bytes"):
        parse('{"a": "long enough"}')
