"""Whether a pattern is found in a text, in time linear in the text, whatever the pattern (trust.md 7).

Python's own ``re`` tries one way after the other; ``(a+)+$`` keeps it busy for years, with no way to stop it. Here all
ways are followed at once (Thompson's construction): a set of states per character, and sets seen before are looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final

from workflows.engine.pattern_syntax import (
    Choice,
    Edge,
    Node,
    One,
    PatternInvalid,
    Repeat,
    Sequence,
    Test,
    parse_pattern,
)

MOST_STATES: Final = 4_000
MOST_REMEMBERED: Final = 20_000
"""Steps that a pattern keeps in mind; then it forgets and learns anew."""

CHARACTERS_BETWEEN_LOOKS: Final = 256
_FOUND: Final = 0

States = frozenset[int]


class Pattern:
    """A compiled pattern. ``found_in`` may be called by several threads: what they learn is only ever added."""

    def __init__(self, tree: Node) -> None:
        self._tests: list[Test | None] = [None]
        self._edges: list[bool | None] = [None]
        self._after: list[list[int]] = [[]]
        self._entry = self._add(tree, _FOUND)
        self._steps: dict[tuple[States, str], States] = {}

    def found_in(self, text: str, look: Callable[[], None] = lambda: None) -> bool:
        """Whether the pattern fits anywhere in ``text``; ``look`` is called now and then, and may raise."""
        states = self._reach([self._entry], at_start=True)
        for place, character in enumerate(text):
            if _FOUND in states:
                return True
            if place % CHARACTERS_BETWEEN_LOOKS == 0:
                look()
            states = self._step(states, character)
        return _FOUND in self._reach(states, at_start=not text, at_end=True)

    def _step(self, states: States, character: str) -> States:
        known = self._steps.get((states, character))
        if known is None:
            passed = [self._after[state][0] for state in states if self._passes(state, character)]
            known = self._reach([*passed, self._entry])
            if len(self._steps) >= MOST_REMEMBERED:
                self._steps = {}
            self._steps[states, character] = known
        return known

    def _passes(self, state: int, character: str) -> bool:
        test = self._tests[state]
        return test is not None and test(character)

    def _reach(self, states: Iterable[int], *, at_start: bool = False, at_end: bool = False) -> States:
        """The states that wait for a character or the end, reached from ``states`` without taking one."""
        waiting: set[int] = set()
        seen: set[int] = set()
        stack = list(states)
        while stack:
            state = stack.pop()
            if state in seen:
                continue
            seen.add(state)
            edge = self._edges[state]
            if state == _FOUND or self._tests[state] is not None:
                waiting.add(state)
            elif edge is None or (at_start if edge else at_end):
                stack += self._after[state]
            elif not edge:
                waiting.add(state)
        return frozenset(waiting)

    def _add(self, node: Node, after: int) -> int:
        """States for ``node``, which lead to ``after``; the first of them."""
        if isinstance(node, One):
            return self._state([after], test=node.test)
        if isinstance(node, Edge):
            return self._state([after], edge=node.at_start)
        if isinstance(node, Sequence):
            for part in reversed(node.parts):
                after = self._add(part, after)
            return after
        if isinstance(node, Choice):
            return self._state([self._add(part, after) for part in node.parts])
        return self._add_repeat(node, after)

    def _add_repeat(self, node: Repeat, after: int) -> int:
        entry = after
        if node.most is None:
            entry = self._state([])
            self._after[entry] = [self._add(node.part, entry), after]
        else:
            for _ in range(node.most - node.least):
                entry = self._state([self._add(node.part, entry), after])
        for _ in range(node.least):
            entry = self._add(node.part, entry)
        return entry

    def _state(self, after: list[int], *, test: Test | None = None, edge: bool | None = None) -> int:
        if len(self._tests) >= MOST_STATES:
            raise PatternInvalid("the pattern is too large; repeat less")
        self._tests.append(test)
        self._edges.append(edge)
        self._after.append(after)
        return len(self._tests) - 1


@lru_cache(maxsize=256)
def compile_pattern(source: str) -> Pattern:
    """The pattern of ``source``, compiled once. Raises `PatternInvalid`."""
    return Pattern(parse_pattern(source))
