r"""Regular expressions as people write them in JSON schemas, read into a tree (`patterns` runs it).

A subset of ECMA-262: alternatives, groups, classes, ``* + ? {n,m}`` (lazy or not: only whether there is a match is
asked), ``^ $``, ``\d \w \s`` and their opposites, ``\p{Lu}``, escapes. Look-around, back-references and ``\b`` are
refused: they cannot be run in linear time, or are not worth it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn

MOST_CHARACTERS: Final = 1_000
MOST_NESTING: Final = 50
MOST_REPEATS: Final = 1_000

Test = Callable[[str], bool]
"""Whether one character fits."""


class PatternInvalid(ValueError):
    """This pattern cannot be used; the message says where and why."""


@dataclass(frozen=True, slots=True)
class One:
    """One character that passes a test."""

    test: Test


@dataclass(frozen=True, slots=True)
class Edge:
    """The very beginning of the text, or its very end."""

    at_start: bool


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other; none is the empty text."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Any of several."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """``least`` to ``most`` times; a ``most`` of None is any number of times."""

    part: Node
    least: int
    most: int | None


Node = One | Edge | Sequence | Choice | Repeat


def parse_pattern(source: str) -> Node:
    """The tree of a pattern. Raises `PatternInvalid`."""
    if len(source) > MOST_CHARACTERS:
        raise PatternInvalid(f"patterns have at most {MOST_CHARACTERS:,} characters")
    parser = _Parser(source)
    tree = parser.choice(0)
    if parser.place < len(source):
        parser.fail("a ) closes nothing")
    return tree


def _digit(character: str) -> bool:
    return "0" <= character <= "9"


def _word(character: str) -> bool:
    return character == "_" or (character.isascii() and character.isalnum())


def _space(character: str) -> bool:
    return character.isspace() or character == "\ufeff"


def _not(test: Test) -> Test:
    return lambda character: not test(character)


_CLASSES: Final[dict[str, Test]] = {
    "d": _digit,
    "D": _not(_digit),
    "w": _word,
    "W": _not(_word),
    "s": _space,
    "S": _not(_space),
}
_CONTROLS: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "0": "\0"}
_LINE_ENDS: Final = "\n\r\u2028\u2029"


class _Parser:
    """Recursive descent over the source; ``place`` is the index of the next character."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.place = 0

    def fail(self, why: str) -> NoReturn:
        raise PatternInvalid(f"character {self.place + 1}: {why}")

    def peek(self) -> str:
        return self.source[self.place : self.place + 1]

    def take(self, text: str) -> bool:
        found = self.source.startswith(text, self.place)
        self.place += len(text) if found else 0
        return found

    def next(self) -> str:
        if self.place >= len(self.source):
            self.fail("the pattern ends too early")
        self.place += 1
        return self.source[self.place - 1]

    def choice(self, depth: int) -> Node:
        if depth > MOST_NESTING:
            self.fail("groups are nested too deeply")
        parts = [self.sequence(depth)]
        while self.take("|"):
            parts.append(self.sequence(depth))
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def sequence(self, depth: int) -> Node:
        parts: list[Node] = []
        while self.peek() not in {"", "|", ")"}:
            parts.append(self.repeated(self.atom(depth)))
        return Sequence(tuple(parts))

    def repeated(self, part: Node) -> Node:
        bounds: tuple[int, int | None] | None = None
        if self.peek() in {"*", "+", "?"}:
            bounds = {"*": (0, None), "+": (1, None), "?": (0, 1)}[self.next()]
        elif self.take("{"):
            bounds = self.bounds()
        if bounds is None:
            return part
        self.take("?")
        if self.peek() in {"*", "+", "?", "{"}:
            self.fail("there is nothing to repeat")
        return Repeat(part, *bounds)

    def bounds(self) -> tuple[int, int | None]:
        least = self.number()
        most: int | None = least
        if self.take(","):
            most = None if self.peek() == "}" else self.number()
        if not self.take("}"):
            self.fail("a repetition is written {2}, {2,} or {2,5}")
        if most is not None and most < least:
            self.fail("the bounds of a repetition are the wrong way round")
        return least, most

    def number(self) -> int:
        begin = self.place
        while _digit(self.peek() or "x"):
            self.place += 1
        digits = self.source[begin : self.place]
        if not digits or len(digits) > 4 or int(digits) > MOST_REPEATS:
            self.fail(f"a repetition is counted by a number up to {MOST_REPEATS:,}")
        return int(digits)

    def atom(self, depth: int) -> Node:
        character = self.next()
        if character == "(":
            return self.group(depth)
        if character == "[":
            return One(self.character_class())
        if character == "\\":
            return One(self.escape())
        if character in "^$":
            return Edge(at_start=character == "^")
        if character == ".":
            return One(lambda one: one not in _LINE_ENDS)
        if character in "*+?{":
            self.fail("there is nothing to repeat")
        return One(character.__eq__)

    def group(self, depth: int) -> Node:
        if self.take("?") and not self.take(":"):
            if not self.take("<") or self.peek() in {"=", "!", ""}:
                self.fail("looking ahead or behind is not supported")
            while self.next() != ">":
                continue
        inner = self.choice(depth + 1)
        if not self.take(")"):
            self.fail("a group is not closed")
        return inner

    def escape(self) -> Test:
        character = self.next()
        if character in _CLASSES:
            return _CLASSES[character]
        if character in "pP" and self.take("{"):
            return self.category(wanted=character == "p")
        return self.escaped(character).__eq__

    def escaped(self, character: str) -> str:
        """The one character that an escape stands for."""
        if character in _CONTROLS:
            return _CONTROLS[character]
        if character in "xu":
            return self.code_point(2 if character == "x" else 4)
        if character.isalnum():
            self.fail(f"\\{character} is not supported")
        return character

    def code_point(self, length: int) -> str:
        if length == 4 and self.take("{"):
            digits = self.source[self.place :].partition("}")[0]
            self.place += len(digits) + 1
        else:
            digits = self.source[self.place : self.place + length]
            self.place += length
        try:
            return chr(int(digits[:8], 16))
        except (ValueError, OverflowError):
            self.fail("a character's number is written in hexadecimal digits")

    def category(self, *, wanted: bool) -> Test:
        name, closed, _ = self.source[self.place :].partition("}")
        if not closed or not 1 <= len(name) <= 2 or name[0] not in "LMNPSZC":
            self.fail("only general categories are supported, such as \\p{L} or \\p{Lu}")
        self.place += len(name) + 1
        return lambda one: unicodedata.category(one).startswith(name) is wanted

    def character_class(self) -> Test:
        negated = self.take("^")
        tests: list[Test] = []
        while not self.take("]"):
            tests.append(self.class_item())
        return lambda one: any(test(one) for test in tests) is not negated

    def class_item(self) -> Test:
        first = self.class_character()
        if not isinstance(first, str):
            return first
        if self.peek() == "-" and self.source[self.place + 1 : self.place + 2] not in {"]", ""}:
            self.place += 1
            last = self.class_character()
            if not isinstance(last, str) or last < first:
                self.fail("a range of characters goes from a lower one to a higher one")
            return lambda one: first <= one <= last
        return first.__eq__

    def class_character(self) -> str | Test:
        character = self.next()
        if character != "\\":
            return character
        escaped = self.next()
        if escaped in _CLASSES:
            return _CLASSES[escaped]
        if escaped in "pP" and self.take("{"):
            return self.category(wanted=escaped == "p")
        return "\b" if escaped == "b" else self.escaped(escaped)
