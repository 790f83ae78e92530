"""Every filter, test and method of the whitelist."""

from typing import Any

import pytest

from workflows.engine.expressions import FILTERS, TESTS, ExpressionError, compile_expression
from workflows.engine.expressions.methods import METHOD_NAMES

pytestmark = pytest.mark.rule("W4")

ROOTS: dict[str, Any] = {
    "row": {
        "name": "Ada Lovelace",
        "people": [{"n": "b", "age": 3, "x": {"y": 1}}, {"n": "a", "age": 1}, {"n": "b", "age": 2}],
        "null": None,
        "at": "2026-03-29T00:30:00Z",
    }
}

CASES: list[tuple[str, Any]] = [
    ("(-3) | abs", 3),
    ("'ab cd' | capitalize", "Ab cd"),
    ("[1, 2] | count", 2),
    ("row.zip | d(7)", 7),
    ("'2026-01-31' | date_add(days=1)", "2026-02-01"),
    ("'2026-01-31' | date_add(hours=1)", "2026-01-31T01:00:00+00:00"),
    ("row.at | date_add(weeks=1, minutes=-30)", "2026-04-05T00:00:00+00:00"),
    ("'2026-02-01' | date_diff('2026-01-31', 'hours')", 24),
    ("row.at | date_format('%d.%m.%Y %H:%M', 'Europe/Prague')", "29.03.2026 01:30"),
    ("0 | date_format", "1970-01-01"),
    ("'' | default('x', true)", "x"),
    ("0 | default('x')", 0),
    ("'abc' | first ~ ('abc' | last)", "ac"),
    ("'2.50' | float", 2.5),
    ("'x' | float(none)", None),
    ("row.zip | float(0)", 0),
    ("'{\"a\": [1, 2.5, null]}' | fromjson", {"a": [1, 2.5, None]}),
    ("' 12 ' | int", 12),
    ("'12.9' | int", 12),
    ("'x' | int(0)", 0),
    ("{'a': 1} | items", [["a", 1]]),
    ("[1, none, 'x', true] | join('-')", "1--x-true"),
    ("row.people | join('', attribute='n')", "bab"),
    ("[1, 2] | last", 2),
    ("row.name | length", 12),
    ("{'a': 1, 'b': 2} | list", ["a", "b"]),
    ("'ab' | list", ["a", "b"]),
    ("'ÁB' | lower", "áb"),
    ("row.people | map(attribute='age') | list", [3, 1, 2]),
    ("row.people | map(attribute='x.y', default=0)", [1, 0, 0]),
    ("[[1, 2]] | map(attribute='0')", [1]),
    ("['a', 'b'] | map('upper')", ["A", "B"]),
    ("row.people | map(attribute='age') | max", 3),
    ("row.people | max(attribute='age')", {"n": "b", "age": 3, "x": {"y": 1}}),
    ("[3, 1] | min", 1),
    ("[1, 2, 3] | reject('odd')", [2]),
    ("[0, 1, '', 'x'] | reject", [0, ""]),
    ("row.people | rejectattr('x', 'defined') | map(attribute='age')", [1, 2]),
    ("'aXbX' | replace('X', '-', 1)", "a-bX"),
    ("[1, 2] | reverse", [2, 1]),
    ("'ab' | reverse", "ba"),
    ("2.5 | round", 3),
    ("(-2.5) | round", -3),
    ("2.675 | round(2)", 2.68),
    ("1234 | round(-2)", 1200),
    ("2.1 | round(0, 'ceil')", 3),
    ("1e300 | round(2)", 1e300),
    ("[0, 1, '', 'x'] | select", [1, "x"]),
    ("[1, 5, 9] | select('gt', 4)", [5, 9]),
    ("row.people | selectattr('age', 'in', [1, 2]) | map(attribute='n')", ["a", "b"]),
    ("'Žluťoučký  kůň, 3!' | slugify", "zlutoucky-kun-3"),
    ("[2, 10, 1] | sort(reverse=true)", [10, 2, 1]),
    ("row.people | sort(attribute='n') | map(attribute='age')", [1, 3, 2]),
    ("'a,b' | split(',')", ["a", "b"]),
    ("[1, {'a': none}] | string", '[1,{"a":null}]'),
    ("row.people | sum(attribute='age')", 6),
    ("'1970-01-02' | timestamp", 86_400),
    ("'ab cd' | title", "Ab Cd"),
    ("row.at | to_timezone('America/New_York')", "2026-03-28T20:30:00-04:00"),
    ("{'b': 1, 'a': 'é'} | tojson", '{"b":1,"a":"é"}'),
    ("[1] | tojson(1)", "[\n 1\n]"),
    ("'  x ' | trim", "x"),
    ("'abcdef' | truncate(4)", "abc…"),
    ("'abc' | truncate(4)", "abc"),
    ("[1, '1', 1, true] | unique", [1, "1", True]),
    ("row.people | unique(attribute='n') | length", 2),
    ("'áb' | upper", "ÁB"),
    ("'a b/c?é' | urlencode", "a%20b%2Fc%3F%C3%A9"),
    ("'a b  c' | wordcount", 3),
    ("true is boolean and 1 is not boolean", True),
    ("row.name is defined", True),
    ("9 is divisibleby 3", True),
    ("[] is empty and '' is empty and row.null is empty and 0 is not empty", True),
    ("1 is eq 1 and 1 is equalto 1 and 1 is ne 2", True),
    ("2 is even and 1 is odd", True),
    ("false is false and true is true", True),
    ("1.5 is float and 1 is integer and 1.5 is number", True),
    ("2 is ge 2 and 2 is gt 1 and 2 is greaterthan 1", True),
    ("1 is in [1] and 'a' is in 'cat'", True),
    ("[] is iterable and [] is sequence and {} is mapping", True),
    ("1 is le 1 and 1 is lt 2 and 1 is lessthan 2", True),
    ("'a' is lower and 'A' is upper", True),
    ("none is none", True),
    ("'x' is string and row.zip is undefined", True),
    ("'a b'.capitalize() ~ 'ß'.casefold()", "A bss"),
    ("'x'.center(3) ~ 'x'.ljust(2) ~ 'x'.rjust(2) ~ '7'.zfill(3)", " x x  x007"),
    ("'banana'.count('an') + [1, 1].count(1)", 4),
    ("'abc'.endswith(['x', 'c']) and 'abc'.startswith('a')", True),
    ("'abc'.find('c') - 'abca'.rfind('a')", -1),
    ("{'a': 1}.get('a') + {}.get('b', 2)", 3),
    ("['a', 'b'].index('b')", 1),
    ("['a'].index('z')", -1),
    ("'1'.isdigit() and 'a'.isalpha() and 'a1'.isalnum() and ' '.isspace()", True),
    ("'1'.isdecimal() and '½'.isnumeric() and 'a'.isascii()", True),
    ("'a'.islower() and 'A'.isupper() and 'A b'.istitle() is false", True),
    ("{'a': 1}.items()", [["a", 1]]),
    ("'-'.join(['a', 1])", "a-1"),
    ("{'a': 1}.keys() + {'a': 1}.values()", ["a", 1]),
    ("' a '.lstrip() ~ ' a '.rstrip() ~ '-a-'.strip('-')", "a  aa"),
    ("'A'.lower() ~ 'a'.upper() ~ 'aB'.swapcase() ~ 'a b'.title()", "aAAbA B"),
    ("'a=b=c'.partition('=') + 'a=b=c'.rpartition('=')", ["a", "=", "b=c", "a=b", "=", "c"]),
    ("'prefix'.removeprefix('pre') ~ 'suffix'.removesuffix('fix')", "fixsuf"),
    ("'aa'.replace('a', 'b', 1)", "ba"),
    (
        "'a b c'.split() + 'a,b,c'.rsplit(',', 1) + 'x\\ny'.splitlines()",
        ["a", "b", "c", "a,b", "c", "x", "y"],
    ),
]


@pytest.mark.parametrize(("source", "value"), CASES, ids=[source[:50] for source, _ in CASES])
def test_a_function_does_what_it_says(source: str, value: Any) -> None:
    result = compile_expression(source).render(ROOTS)
    assert result == value
    assert type(result) is type(value) or isinstance(value, int | float)


def test_every_function_has_a_case() -> None:
    text = " ".join(source for source, _ in CASES)
    unshown = [name for name in FILTERS.functions if f"| {name}" not in text]
    unshown += [
        name
        for name in TESTS.functions
        if name.isalpha() and not (f"is {name}" in text or f"is not {name}" in text)
    ]
    unshown += [name for name in METHOD_NAMES if f".{name}(" not in text]
    assert unshown == []


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("'x' | int", "bad_operand"),
        ("row.null | float", "bad_operand"),
        ("row.zip | int", "missing_path"),
        ("'x' | abs", "bad_operand"),
        ("1 | upper", "bad_operand"),
        ("[1, 'a'] | sort", "bad_operand"),
        ("[{}, {}] | max", "bad_argument"),
        ("1 | join", "bad_operand"),
        ("[1] | map(attribute='x')", "missing_path"),
        ("[1] | map('nope')", "unknown_filter"),
        ("[1] | select('nope')", "unknown_test"),
        ("[1] | map(attribute='x', nope=1)", "bad_argument"),
        ("1 | nope", "unknown_filter"),
        ("1 is nope", "unknown_test"),
        ("1.5.upper()", "unknown_method"),
        ("'a'.get('x')", "unknown_method"),
        ("'a'.split('')", "bad_argument"),
        ("'a' | upper(1)", "bad_argument"),
        ("1 | items", "bad_operand"),
        ("1 | first", "bad_operand"),
        ("'yesterday' | date_format", "bad_operand"),
        ("row.at | date_format('%s')", "bad_argument"),
        ("row.at | date_diff(row.at, 'years')", "bad_argument"),
        ("row.at | to_timezone('Mars/Olympus')", "bad_argument"),
        ("1 | round(2, 'up')", "bad_argument"),
        ("[1] | tojson(9)", "bad_argument"),
        ("1 in 2", "bad_operand"),
        ("1 in 'a'", "bad_operand"),
        ("1 < 'a'", "bad_operand"),
        ("1[0:1]", "bad_operand"),
        ("[1]['a':]", "bad_operand"),
        ("-'a'", "bad_operand"),
        ("{1: 2}", "not_allowed"),
        ("1 +", "syntax"),
        ("1 2", "syntax"),
        ("", "syntax"),
    ],
)
def test_misuse_is_named(source: str, code: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(source).render(ROOTS)
    assert caught.value.code == code
