"""Whether and when a failed invocation is tried again (`scheduler.md` section 5.6).

Before retry *k* (1 is the first) it waits ``min(base × 2^(k-1), 3600) × U(1.0, 1.3)`` seconds; with a base of 60 s:

    ===========  ===  ===  ===  ===  ====  ====  ====
    retry         1    2    3    4    5     6     7
    shortest     60   120  240  480  960   1920  3600
    longest      78   156  312  624  1248  2496  4680
    ===========  ===  ===  ===  ===  ====  ====  ====
"""

from __future__ import annotations

from typing import Final

CAP_SECONDS: Final = 3600
SPREAD: Final = 0.3
"""By how much chance may lengthen a wait, so that what failed together is not tried again together."""

RETRYABLE_CODES: Final = frozenset(
    {
        "child_failed",
        "start_failed",
        "timeout",
        "unavailable",
        "worker_lost",
    }
)
"""Faults that may pass. Whatever else went wrong stays wrong until a person changes something."""


def is_retryable(code: str) -> bool:
    """Whether a failure of this code may pass by itself."""
    return code in RETRYABLE_CODES


def retry_delay_seconds(k: int, base: int, unit: float) -> float:
    """Seconds to wait before retry ``k`` (1 is the first); ``unit`` is a random number in [0, 1]."""
    # 2^12 times the shortest base is beyond the cap already; a huge `k` must not build a huge number.
    return float(min(base * 2 ** min(k - 1, 12), CAP_SECONDS)) * (1 + SPREAD * unit)
