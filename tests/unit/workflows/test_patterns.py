"""Patterns match as Python's do, and take linear time (S7)."""

import random
import re
import time

import pytest

from workflows.engine.pattern_syntax import PatternInvalid
from workflows.engine.patterns import compile_pattern

ATOMS = ["a", "b", "c", "[ab]", "[^a]", "[a-b]", ".", r"\w", r"\d", "^", "$", "(?:)"]
REPEATS = ["*", "+", "?", "{2}", "{1,3}", "{0,}", "*?"]


def pattern(chance: random.Random, depth: int = 0) -> str:
    kind = chance.randrange(7) if depth < 4 else 0
    if kind < 3:
        return chance.choice(ATOMS)
    parts = [pattern(chance, depth + 1) for _ in range(2)]
    if kind == 3:
        return f"(?:{parts[0]}|{parts[1]})"
    return f"({parts[0]}){chance.choice(REPEATS)}" if kind == 4 else "".join(parts)


@pytest.mark.rule("S7")
def test_random_patterns_find_what_python_finds() -> None:
    chance = random.Random(20261121)
    for _ in range(2_000):
        source = pattern(chance)
        slow = re.compile(source.replace("$", r"\Z"))
        for _ in range(5):
            text = "".join(chance.choice("abc1\n") for _ in range(chance.randrange(8)))
            found = compile_pattern(source).found_in(text)
            assert found is bool(slow.search(text)), (source, text)


@pytest.mark.parametrize(
    ("source", "yes", "no"),
    [
        (r"^[^@\s]+@[^@\s]+\.[a-z]{2,}$", "ada@example.org", "ada@example"),
        (r"^\d{4}-\d{2}$", "2026-11", "2026-1"),
        (r"^(?<year>\d+)$", "12", "x"),
        (r"^\p{Lu}\p{L}*$", "Émile", "émile"),
        (r"^\u0041\x42\u{43}\t$", "ABC\t", "abc\t"),
        (r"^[\w.-]+$", "a-b.c", "a b"),
        (r"^[^\P{L}]$", "ß", "1"),
        (r"\$\.\/", "a$./", "a$.x"),
        ("", "anything", None),
        ("^$", "", "x"),
    ],
)
def test_what_schemas_are_written_with_is_understood(source: str, yes: str, no: str | None) -> None:
    assert compile_pattern(source).found_in(yes)
    assert no is None or not compile_pattern(source).found_in(no)


def test_an_empty_class_fits_nothing_as_ecma_has_it() -> None:
    assert not compile_pattern("[]]").found_in("]")


@pytest.mark.rule("S7")
@pytest.mark.parametrize("source", ["(a+)+$", "(a|a)*b", r"^(\w+\s?)*$", "(.*)*x", "(a?){50}a{50}b"])
def test_patterns_that_keep_others_busy_for_years_take_no_time(source: str) -> None:
    began = time.thread_time()
    assert not compile_pattern(source).found_in("a" * 50_000 + "!")
    assert time.thread_time() - began < 1


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("a(b", "not closed"),
        ("a)", "closes nothing"),
        ("[a", "too early"),
        ("a\\", "too early"),
        ("*a", "nothing to repeat"),
        ("a**", "nothing to repeat"),
        ("a{2,1}", "wrong way round"),
        ("a{x}", "a number up to"),
        ("a{1001}", "a number up to"),
        ("[b-a]", "lower one"),
        ("(?=a)", "looking ahead or behind"),
        ("(?<!a)b", "looking ahead or behind"),
        (r"(a)\1", r"\1 is not supported"),
        (r"\bword", r"\b is not supported"),
        (r"\p{Greek}", "general categories"),
        (r"\uZZZZ", "hexadecimal"),
        ("((a{100}){100}){100}", "too large"),
        ("(" * 60 + ")" * 60, "too deeply"),
        ("a" * 1_001, "at most 1,000 characters"),
    ],
)
def test_what_is_not_supported_says_so(source: str, why: str) -> None:
    with pytest.raises(PatternInvalid, match=re.escape(why)):
        compile_pattern(source)


def test_a_look_may_end_a_search() -> None:
    def look() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        compile_pattern("b").found_in("a" * 1_000, look)
