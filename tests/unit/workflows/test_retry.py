"""When a failed block is tried again, and after how long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.engine.policies import NEVER_RETRIED
from workflows.engine.retry import GiveUp, GiveUpReason, RetryAfter, decide_retry, delay_seconds
from workflows.engine.types import DEFAULT_RETRY_ON, Backoff, BlockError, ErrorClass, RetryPolicy

pytestmark = pytest.mark.rule("W16")

EXPONENTIAL = RetryPolicy(6, Backoff.EXPONENTIAL, 1.0, 10.0, 0.2)


def error(error_class: ErrorClass = ErrorClass.UPSTREAM, retry_after: float | None = None) -> BlockError:
    return BlockError(error_class, "x", "x", retry_after_seconds=retry_after)


def test_the_worked_series_of_the_docstring() -> None:
    assert [delay_seconds(EXPONENTIAL, n, 0.5) for n in range(1, 6)] == pytest.approx([0.9, 1.8, 3.6, 7.2, 9])
    plain = RetryPolicy(6, Backoff.EXPONENTIAL, 1.0, 10.0, 0)
    assert [delay_seconds(plain, n, 0.5) for n in range(1, 6)] == [1, 2, 4, 8, 10]
    assert decide_retry(EXPONENTIAL, 6, error(), 0) == GiveUp(GiveUpReason.EXHAUSTED)


def test_a_fixed_delay_does_not_grow_and_needs_no_cap() -> None:
    fixed = RetryPolicy(5, Backoff.FIXED, 120.0, 60.0, 0)
    assert [decide_retry(fixed, n, error(), 0.9) for n in (1, 4)] == [RetryAfter(120)] * 2


def test_no_policy_is_one_attempt() -> None:
    assert decide_retry(None, 1, error(), 0) == GiveUp(GiveUpReason.EXHAUSTED)


@pytest.mark.parametrize("error_class", list(ErrorClass))
def test_only_passing_faults_are_retried_by_default(error_class: ErrorClass) -> None:
    decision = decide_retry(RetryPolicy(), 1, error(error_class), 0)
    assert isinstance(decision, RetryAfter) is (error_class in DEFAULT_RETRY_ON)


def test_cancelled_and_unknown_outcomes_are_never_retried() -> None:
    eager = RetryPolicy(retry_on=frozenset(ErrorClass))
    for error_class in NEVER_RETRIED:
        assert decide_retry(eager, 1, error(error_class), 0) == GiveUp(GiveUpReason.NOT_RETRYABLE)


def test_retry_after_is_a_lower_bound_beyond_cap_and_chance() -> None:
    assert decide_retry(EXPONENTIAL, 1, error(retry_after=300), 0.9) == RetryAfter(300)
    assert decide_retry(EXPONENTIAL, 4, error(retry_after=1), 0) == RetryAfter(8)
    too_long = decide_retry(EXPONENTIAL, 1, error(retry_after=86_401), 0)
    assert too_long == GiveUp(GiveUpReason.RETRY_AFTER_TOO_LONG)


@given(st.integers(1, 10), st.floats(0, 1, exclude_max=True), st.floats(0, 1), st.floats(0, 86_400))
def test_delays_stay_between_nothing_and_the_cap(n: int, rand: float, jitter: float, delay: float) -> None:
    policy = RetryPolicy(10, Backoff.EXPONENTIAL, delay, 60.0, jitter)
    assert 0 <= delay_seconds(policy, n, rand) <= 60
