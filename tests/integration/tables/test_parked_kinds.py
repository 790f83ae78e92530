"""How a cell calls what its run waits for (T23, T32)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tables.services.accounting import skipped_take
from tables.services.showing import parked_as
from workflows.services.ledger import RunEnd
from workflows.states import RunStatus

SOON = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.mark.rule("T23", "T32")
@pytest.mark.parametrize(
    ("status", "kinds", "wake_at", "shown"),
    [
        ("paused", ["approval"], None, ("paused", "approval")),
        ("paused", ["backoff", "approval"], SOON, ("paused", "approval")),
        ("waiting", ["timer"], SOON, ("paused", "timer")),
        ("waiting", ["run"], None, ("paused", "run")),
        ("waiting", ["timer", "rate_limited"], SOON, ("paused", "timer")),
        ("waiting", ["backoff"], SOON, ("queued", "backoff")),
        ("waiting", ["backoff", "rate_limited"], SOON, ("queued", "rate_limited")),
        ("needs_decision", ["decision", "approval"], None, ("paused", "needs_decision")),
    ],
    ids=range(8),
)
def test_what_a_run_waits_for_decides_how_its_cell_stands(
    status: str, kinds: list[str], wake_at: datetime | None, shown: tuple[str, str]
) -> None:
    end = RunEnd(RunStatus(status), wake_at=wake_at, waits=[{"kind": kind} for kind in kinds])
    assert parked_as(end) == shown


@pytest.mark.rule("T13")
def test_dependants_that_ran_after_all_are_taken_out_of_those_that_waited_first() -> None:
    skipped = {"condition_false": 2, "deps_unmet": 3}
    skipped_take(skipped, 2)
    assert skipped == {"condition_false": 2, "deps_unmet": 1}
    skipped_take(skipped, 2)
    assert skipped == {"condition_false": 1}
