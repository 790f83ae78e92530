"""When cell after cell of a group fails."""

from __future__ import annotations

import pytest

from tables.engine.storms import failing_after, storm


@pytest.mark.parametrize(
    ("before", "failed", "completed", "after"),
    [
        ({}, {}, set(), {}),
        ({}, {"a": 3}, set(), {"a": 3}),
        ({"a": 3}, {"a": 2, "b": 1}, set(), {"a": 5, "b": 1}),
        ({"a": 3}, {}, set(), {"a": 3}),  # a window of which nothing ended so
        ({"a": 3, "b": 9}, {"a": 2}, {"a"}, {"b": 9}),  # in any order within a window
        ({"a": 3}, {"b": 1}, {"a", "b"}, {}),
    ],
)
def test_a_completed_cell_breaks_the_row_of_failures(
    before: dict[str, int], failed: dict[str, int], completed: set[str], after: dict[str, int]
) -> None:
    assert failing_after(before, failed, completed) == after


@pytest.mark.parametrize(
    ("failing", "most", "group"),
    [
        ({}, 5, None),
        ({"a": 4}, 5, None),
        ({"a": 5}, 5, "a"),
        ({"a": 5, "b": 7}, 5, "b"),
        ({"a": 5_000}, 0, None),
    ],
)
def test_the_group_that_failed_most_is_named(failing: dict[str, int], most: int, group: str | None) -> None:
    assert storm(failing, most) == group
