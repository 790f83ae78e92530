"""What a stop is about: groups that a request would still run, and scopes that name the same rows (T24)."""

from __future__ import annotations

from typing import Any

import pytest

from tables.engine.cascade import Cascade, next_cell
from tables.engine.stopping import groups_reached, is_same_scope
from tables.engine.types import Request
from tables.states import Mode
from tests.unit.tables.specs import THIS, WINDOW, cell, group, named, row, table

A, B, C, D = (
    group("A", "name"),
    group("B", "a", auto_run=True),
    group("C", "b", auto_run=True),
    group("D", "a"),
)
CHAIN = table(A, B, C, D)


@pytest.mark.rule("T24", "T20")
@pytest.mark.parametrize(
    ("asked", "without", "reached"),
    [
        ("A", "", "ABC"),
        ("A", "B", "A"),
        ("AB", "A", "BC"),
        ("D", "", "D"),
        ("ABCD", "ABCD", ""),
        ("", "", ""),
    ],
)
def test_a_request_reaches_what_follows_by_itself_from_what_it_still_asks_for(
    asked: str, without: str, reached: str
) -> None:
    found = groups_reached(CHAIN, [named(name) for name in asked], [named(name) for name in without])
    assert found == {named(name) for name in reached}


@pytest.mark.rule("T24")
def test_a_group_that_was_stopped_does_not_follow_by_itself() -> None:
    done = row({"name": "Ada", "a": "x"}, cell("A", "completed", dispatch=THIS))

    def follows(stopped: frozenset[Any]) -> bool:
        request = Request(THIS, frozenset({A.id}), Mode.ALL, True, 5, stopped)
        return next_cell(CHAIN, done, Cascade(request, WINDOW, frozenset({A.id}))) is not None

    assert follows(frozenset())
    assert not follows(frozenset({B.id}))


@pytest.mark.rule("T24")
@pytest.mark.parametrize(
    ("scope", "other", "same"),
    [
        ({}, {}, True),
        ({}, {"filter": None, "exclude_rows": []}, True),
        ({}, {"rows": []}, False),
        ({"rows": ["a", "b"]}, {"rows": ["b", "a"]}, True),
        ({"rows": ["a", "b"]}, {"rows": ["a"]}, False),
        ({"rows": ["a"]}, {"rows": ["a"], "exclude_rows": ["b"]}, False),
        ({"rows": {"from": "a", "to": "b"}}, {"rows": {"from": "a", "to": "b"}}, True),
        ({"rows": {"from": "a", "to": "b"}}, {"rows": {"from": "a", "to": "c"}}, False),
        ({"filter": {"column": "n", "op": "eq", "value": 1}}, {"filter": {"column": "n", "op": "eq"}}, False),
    ],
)
def test_scopes_are_the_same_when_they_name_the_same_rows_in_the_same_words(
    scope: dict[str, Any], other: dict[str, Any], same: bool
) -> None:
    assert is_same_scope(scope, other) is same
    assert is_same_scope(other, scope) is same
