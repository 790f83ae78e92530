"""The queue of one socket, and what may stand in a frame."""

import json

import pytest

from tables.events import _event_text
from workspaces.ids import uuid7
from workspaces.live.frames import QUEUED_FRAMES, Subscription
from workspaces.live.log import seq_make, seq_split
from workspaces.live.publishing import MAX_EVENT_CHARS


@pytest.mark.rule("T34")
async def test_a_slow_socket_is_told_pruned_instead_of_everything_it_has_not_read() -> None:
    subscription = Subscription()
    for number in range(QUEUED_FRAMES + 1):
        subscription.put(f"frame {number}", f"e.{number}-0")
    assert json.loads(await subscription.next()) == {"type": "pruned", "seq": f"e.{QUEUED_FRAMES}-0"}
    subscription.put("after", "e.99-0")
    assert await subscription.next() == "after"


@pytest.mark.rule("T33")
async def test_what_opens_a_subscription_comes_before_what_was_queued_meanwhile() -> None:
    subscription = Subscription()
    subscription.put("live", "e.1-0")
    subscription.open("hello", "replay")
    assert [await subscription.next() for _ in range(3)] == ["hello", "replay", "live"]


@pytest.mark.parametrize(
    "seq", ["", "x", "e", "e.", "e.1", "e.1-", "e.-1", "e.1-x", ".1-0", "e.1-0-0", "e.+-(", "e.1-0 0"]
)
def test_a_seq_that_is_not_ours_is_no_place(seq: str) -> None:
    assert seq_split(seq) is None


def test_a_seq_reads_back() -> None:
    assert seq_split(seq_make("ab12", "17-3")) == ("ab12", "17-3")


@pytest.mark.rule("T33")
def test_a_dispatch_over_two_thousand_rows_is_told_with_the_size_of_its_scope() -> None:
    ids = [str(uuid7()) for _ in range(1_000)]
    event = {"kind": "dispatch", "id": "d", "status": "pending", "scope": {"rows": ids, "exclude_rows": ids}}
    told = json.loads(_event_text(event))
    assert (told["kind"], told["status"]) == ("dispatch", "pending")
    assert [set(part) for part in told["scope"].values()] == [{"chars"}, {"chars"}]
    few = {**event, "scope": {"rows": ids}}
    assert json.loads(_event_text(few)) == few


@pytest.mark.parametrize("value", ["x" * MAX_EVENT_CHARS, float("nan"), float("inf")])
def test_an_event_too_long_or_not_json_asks_for_the_row_instead(value: object) -> None:
    event = {"kind": "cell", "row": "a", "group": "g", "version": 1, "data": {"k": value}}
    assert json.loads(_event_text(event)) == {"kind": "rows", "changed": ["a"]}
