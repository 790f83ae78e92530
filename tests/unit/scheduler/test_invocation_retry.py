"""When a failed invocation is tried again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.engine.retry import RETRYABLE_CODES, is_retryable, retry_delay_seconds
from tests.bed.properties import cases


@pytest.mark.rule("backoff_first_delay_is_base")
def test_the_first_wait_is_the_base_and_each_doubles() -> None:
    assert [retry_delay_seconds(k, 60, 0) for k in range(1, 8)] == [60, 120, 240, 480, 960, 1920, 3600]
    assert [retry_delay_seconds(k, 60, 1) for k in (1, 7)] == pytest.approx([78, 4680])


@pytest.mark.rule("cap_3600", "jitter_bounds")
@given(st.integers(1, 1000), st.integers(10, 3600), st.floats(0, 1))
@cases(300)
def test_waits_stay_between_the_base_and_the_cap(k: int, base: int, unit: float) -> None:
    delay = retry_delay_seconds(k, base, unit)
    assert base <= delay <= 3600 * 1.3
    assert delay >= min(base * 2 ** (k - 1), 3600)
    assert delay <= retry_delay_seconds(k + 1, base, unit)


@pytest.mark.rule("non_retryable_no_retry")
@pytest.mark.parametrize(
    "code", ["run_as_forbidden", "ref_unresolvable", "template_error", "target_archived", "validation", ""]
)
def test_what_only_a_person_can_mend_is_not_tried_again(code: str) -> None:
    assert not is_retryable(code)


def test_what_may_pass_is() -> None:
    assert all(is_retryable(code) for code in RETRYABLE_CODES)
    assert {"timeout", "worker_lost", "child_failed", "unavailable"} <= RETRYABLE_CODES
