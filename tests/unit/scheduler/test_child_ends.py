"""What the end of a run or a dispatch makes of its invocation: each line of the table once."""

from __future__ import annotations

from typing import Any

import pytest

from scheduler.engine.child_ends import CANCELLED, COMPLETED, CellCounts, ChildEnd, dispatch_end, run_end
from scheduler.engine.retry import is_retryable
from scheduler.states import InvocationStatus


def test_a_run_that_completed_or_was_cancelled_says_it_all() -> None:
    assert run_end("completed", None) == COMPLETED
    assert run_end("cancelled", {"code": "cancelled", "class": "cancelled"}) == CANCELLED


@pytest.mark.rule("non_retryable_no_retry")
@pytest.mark.parametrize("stays", ["validation", "reference", "unknown_outcome"])
def test_a_fault_that_stays_keeps_its_code_and_is_not_tried_again(stays: str) -> None:
    end = run_end("failed", {"code": "bad_value", "class": stays, "message": "No such customer."})
    assert end == ChildEnd(InvocationStatus.FAILED, "bad_value", "No such customer.")
    assert not is_retryable(end.code)


@pytest.mark.parametrize("passes", ["timeout", "rate_limited", "upstream", "internal"])
def test_a_fault_that_may_pass_is_tried_again(passes: str) -> None:
    end = run_end("failed", {"code": "http_502", "class": passes, "message": "Bad gateway."})
    assert end == ChildEnd(InvocationStatus.FAILED, "child_failed", "Bad gateway. (http_502)")
    assert is_retryable(end.code)


def test_a_run_that_failed_without_words_gets_some() -> None:
    assert run_end("failed", None) == ChildEnd(InvocationStatus.FAILED, "child_failed", "The run failed.")


@pytest.mark.parametrize(
    ("counts", "percent", "fails"),
    [
        (CellCounts(completed=3, failed=0), 100, False),
        (CellCounts(completed=0, failed=0), 100, False),
        (CellCounts(completed=0, failed=0), 0, False),
        (CellCounts(completed=1, failed=99), 100, False),
        (CellCounts(completed=0, failed=3), 100, True),
        (CellCounts(completed=0, failed=1, paused=9), 100, False),
        (CellCounts(completed=0, failed=1, cancelled=1), 100, False),
        (CellCounts(completed=3, failed=1), 25, False),
        (CellCounts(completed=2, failed=1), 25, True),
        (CellCounts(completed=999, failed=1), 0, True),
    ],
)
def test_a_dispatch_fails_by_its_cells(counts: CellCounts, percent: float, fails: bool) -> None:
    end = dispatch_end("complete", counts, None, percent)
    if not fails:
        assert end == COMPLETED
        return
    words = f"{counts.failed:,} of {counts.attempted:,} cells failed."
    assert end == ChildEnd(InvocationStatus.FAILED, "child_failed", words)


@pytest.mark.parametrize(
    ("status", "error", "end"),
    [
        ("cancelled", None, CANCELLED),
        (
            "failed",
            {"code": "filter_invalid", "message": "There is no column “x”."},
            ChildEnd(InvocationStatus.FAILED, "child_failed", "There is no column “x”."),
        ),
        (
            "failed",
            None,
            ChildEnd(InvocationStatus.FAILED, "child_failed", "The dispatch could not go on."),
        ),
    ],
)
def test_a_dispatch_that_did_not_complete(status: str, error: Any, end: ChildEnd) -> None:
    assert dispatch_end(status, CellCounts(completed=5, failed=0), error, 100) == end
