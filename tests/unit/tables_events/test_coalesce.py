"""What sockets are told of a batch of events."""

import pytest

from tables.events import MOST_IDS, rows_event
from tables.live.coalesce import coalesce, thinned
from workspaces.ids import uuid7
from workspaces.live.log import Event
from workspaces.live.rate import Rate


def cell(row: str, version: int, status: str | None = "running", **more: object) -> Event:
    return {"kind": "cell", "row": row, "group": "g", "status": status, "version": version, **more}


@pytest.mark.rule("T34")
def test_the_last_state_of_a_cell_wins() -> None:
    assert coalesce([cell("a", 1), cell("b", 2), cell("a", 3, "completed")]) == [
        cell("a", 3, "completed"),
        cell("b", 2),
    ]


@pytest.mark.rule("T35")
def test_an_older_version_that_comes_later_does_not_win() -> None:
    assert coalesce([cell("a", 3, "completed"), cell("a", 1)]) == [cell("a", 3, "completed")]


@pytest.mark.rule("T19", "T34")
def test_values_streamed_early_survive_the_status_that_follows() -> None:
    early, late = cell("a", 1, data={"x": 1, "y": 1}), cell("a", 2, "completed", data={"y": 2})
    assert coalesce([early, late]) == [cell("a", 2, "completed", data={"x": 1, "y": 2})]


@pytest.mark.rule("T35")
def test_a_cleared_cell_is_an_event_like_any_other() -> None:
    assert coalesce([cell("a", 1, "completed"), cell("a", 2, None)]) == [cell("a", 2, None)]


@pytest.mark.rule("T34")
def test_row_lists_are_united_and_the_newest_dispatch_stays() -> None:
    events: list[Event] = [
        {"kind": "rows", "inserted": ["a"]},
        {"kind": "dispatch", "id": "d", "status": "pending"},
        {"kind": "rows", "inserted": ["b", "a"], "deleted": ["c"]},
        {"kind": "dispatch", "id": "d", "status": "complete"},
        {"kind": "schema"},
        {"kind": "schema"},
    ]
    assert coalesce(events) == [
        {"kind": "rows", "inserted": ["a", "b"], "deleted": ["c"]},
        {"kind": "dispatch", "id": "d", "status": "complete"},
        {"kind": "schema"},
    ]


def test_dense_news_shrinks_to_row_ids() -> None:
    events: list[Event] = [
        cell("a", 1),
        cell("b", 2),
        cell("a", 3),
        {"kind": "rows", "deleted": ["c"]},
        {"kind": "schema"},
    ]
    assert thinned(events) == [{"kind": "rows", "changed": ["a", "b"], "deleted": ["c"]}, {"kind": "schema"}]


@pytest.mark.rule("T33", "T34")
def test_no_list_of_rows_is_longer_than_a_thousand() -> None:
    ids = [uuid7() for _ in range(MOST_IDS + 1)]
    more: Event = {"kind": "rows", "more": True}
    assert rows_event(changed=ids) == rows_event(inserted=ids, deleted=ids[:1]) == more
    halves: list[Event] = [rows_event(changed=ids[:600]), rows_event(changed=ids[600:])]
    assert coalesce(halves) == [more]
    assert coalesce([more, rows_event(deleted=ids[:1])]) == [more]
    assert thinned([cell(str(row), 1) for row in ids]) == [more]
    assert len(rows_event(changed=ids[:MOST_IDS])["changed"]) == MOST_IDS


def test_the_rate_forgets_what_is_older_than_a_second() -> None:
    rate = Rate()
    assert [rate.add(10, 0.0), rate.add(10, 0.5), rate.add(10, 1.0)] == [10, 20, 20]
