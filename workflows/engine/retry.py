"""Whether a failed block is tried again, and after how long (W16).

The delay after attempt *n* (1 is the first) is::

    fixed         delay_seconds
    exponential   delay_seconds × 2^(n-1), at most cap_seconds

then shortened by chance: ``delay × (1 − jitter × rand)`` with ``rand`` in [0, 1).
A provider's ``Retry-After`` is a lower bound that neither cap nor chance shortens.

Worked series, exponential, 1 s, cap 10 s, six attempts:

    =========  ===  ===  ===  ===  ====  ========
    after n     1    2    3    4    5     6
    jitter 0    1    2    4    8    10    give up
    0.2, ½      0.9  1.8  3.6  7.2  9     give up
    =========  ===  ===  ===  ===  ====  ========
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from workflows.engine.policies import NEVER_RETRIED
from workflows.engine.types import Backoff, BlockError, RetryPolicy

MAX_RETRY_AFTER_SECONDS: Final = 86_400.0
"""A provider that asks for more than a day is not waited for."""


class GiveUpReason(StrEnum):
    """Why there is no further attempt."""

    EXHAUSTED = "exhausted"
    NOT_RETRYABLE = "not_retryable"
    RETRY_AFTER_TOO_LONG = "retry_after_too_long"


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """Try again after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not try again: the step has failed."""

    reason: GiveUpReason


def decide_retry(
    policy: RetryPolicy | None, attempt_n: int, error: BlockError, rand: float
) -> RetryAfter | GiveUp:
    """What follows the failure of attempt ``attempt_n`` (1 is the first) with ``error``.

    ``attempt_n`` counts within the present epoch, so that a resumed run has a fresh budget (W22). ``rand`` is a
    random number in [0, 1). No policy means one attempt.
    """
    if policy is None or attempt_n >= policy.max_attempts:
        return GiveUp(GiveUpReason.EXHAUSTED)
    if error.error_class not in policy.retry_on or error.error_class in NEVER_RETRIED:
        return GiveUp(GiveUpReason.NOT_RETRYABLE)
    asked = error.retry_after_seconds or 0.0
    if asked > MAX_RETRY_AFTER_SECONDS:
        return GiveUp(GiveUpReason.RETRY_AFTER_TOO_LONG)
    return RetryAfter(max(asked, delay_seconds(policy, attempt_n, rand)))


def delay_seconds(policy: RetryPolicy, attempt_n: int, rand: float) -> float:
    """The delay after attempt ``attempt_n``, without any `Retry-After`; see the module for the formula."""
    delay = policy.delay_seconds
    if policy.kind is Backoff.EXPONENTIAL:
        delay = min(delay * 2 ** (attempt_n - 1), policy.cap_seconds)
    return delay * (1 - policy.jitter * rand)
