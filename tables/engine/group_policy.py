"""What a workflow group allows its runs: how often a failed one is taken up again, how many at once, how fast (T23).

``retry`` speaks the words of a block's policy (W16): ``{max_attempts, kind, delay_seconds, cap_seconds, jitter,
retry_on}``. ``max_attempts`` (1 to 20) counts the first one; ``retry_on`` names classes of errors, or single codes.
``limits`` is ``{concurrency?, rate?: {count, per_seconds}}``. The delays are those of ``workflows.engine.retry``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from tables.errors import PolicyInvalid
from workflows.engine.policies import NEVER_RETRIED, parse_retry
from workflows.engine.retry import RetryAfter, decide_retry
from workflows.engine.types import BlockError, ErrorClass, Fault, RetryPolicy

MAX_ATTEMPTS: Final = 20
MAX_CONCURRENCY: Final = 10_000
MAX_RATE_COUNT: Final = 1_000_000
MAX_RATE_SECONDS: Final = 86_400.0
MAX_CODES: Final = 50

_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_DELAYS: Final = ("kind", "delay_seconds", "cap_seconds", "jitter")
_RETRY_FIELDS: Final = ("max_attempts", *_DELAYS, "retry_on")
_NEVER: Final = frozenset(str(each) for each in NEVER_RETRIED)
_CLASSES: Final = frozenset(str(each) for each in ErrorClass)

Faults = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class GroupRetry:
    """A group's policy: a block's, and beside the classes of errors ``codes`` of single ones."""

    policy: RetryPolicy
    codes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``count`` cells begin in ``per_seconds``, evenly spread."""

    count: int
    per_seconds: float

    @property
    def interval_ms(self) -> float:
        """Milliseconds between two beginnings."""
        return self.per_seconds * 1000 / self.count


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """How many cells of a group run at once, and how many begin in a time; None: as many as there is room for."""

    concurrency: int | None = None
    rate: Rate | None = None

    @property
    def bounded(self) -> bool:
        """Whether there is anything to ask before a cell begins."""
        return self.concurrency is not None or self.rate is not None


NO_LIMITS: Final = GroupLimits()


def read_retry(data: Any) -> GroupRetry | None:
    """The policy in ``data``; None: none. Raises ``PolicyInvalid`` with faults by field (``retry.max_attempts``)."""
    if data is None:
        return None
    if not isinstance(data, Mapping):
        raise PolicyInvalid(errors={"retry": ["Give an object, or null for no retries."]})
    faults: Faults = {
        f"retry.{name}": [f"There is no such field. Known are {', '.join(_RETRY_FIELDS)}."]
        for name in data
        if name not in _RETRY_FIELDS
    }
    attempts = _whole(data.get("max_attempts", 3), MAX_ATTEMPTS, "retry.max_attempts", faults)
    classes, codes = _retry_on(data.get("retry_on"), faults)
    found: list[Fault] = []
    policy = parse_retry("", {name: data[name] for name in _DELAYS if name in data}, found)
    faults |= {str(fault.field): [f"{fault.message[:1].upper()}{fault.message[1:]}."] for fault in found}
    if faults or policy is None:
        raise PolicyInvalid(errors=faults)
    return GroupRetry(replace(policy, max_attempts=attempts, retry_on=classes), codes)


def read_limits(data: Any) -> GroupLimits:
    """The limits in ``data``. Raises ``PolicyInvalid`` with faults by field (``limits.rate.count``)."""
    if not data:
        return NO_LIMITS
    if not isinstance(data, Mapping):
        raise PolicyInvalid(errors={"limits": ["Give an object."]})
    faults = _unknown(data, ("concurrency", "rate"), "limits")
    concurrency = rate = None
    if data.get("concurrency") is not None:
        concurrency = _whole(data["concurrency"], MAX_CONCURRENCY, "limits.concurrency", faults)
    if data.get("rate") is not None:
        rate = _rate(data["rate"], faults)
    if faults:
        raise PolicyInvalid(errors=faults)
    return GroupLimits(concurrency, rate)


def stored_retry(data: Any) -> GroupRetry | None:
    """The same of what is stored: a policy nobody can read is none."""
    try:
        return read_retry(data)
    except PolicyInvalid:
        return None


def stored_limits(data: Any) -> GroupLimits:
    """The same of what is stored: limits nobody can read are none."""
    try:
        return read_limits(data)
    except PolicyInvalid:
        return NO_LIMITS


def next_delay(
    retry: GroupRetry | None, retries: int, error: Mapping[str, Any] | None, rand: float
) -> float | None:
    """Seconds until a run that failed with ``error`` is taken up again after ``retries`` retries; None: it stays so.

    An error without a class is the cell's own (its condition, its inputs, a result that fits no column): the same
    would come of it again. ``rand`` is a random number in [0, 1).
    """
    if retry is None or not error or error.get("class") not in _CLASSES:
        return None
    policy, code, kind = retry.policy, str(error.get("code", "")), ErrorClass(error["class"])
    if code in retry.codes:
        policy = replace(policy, retry_on=policy.retry_on | {kind})
    asked = error.get("retry_after_seconds")
    decision = decide_retry(policy, retries + 1, BlockError(kind, code, "", None, asked), rand)
    return decision.seconds if isinstance(decision, RetryAfter) else None


def _retry_on(value: Any, faults: Faults) -> tuple[frozenset[ErrorClass], frozenset[str]]:
    """Classes and codes apart; what may not be retried at all is refused."""
    if value is None:
        return RetryPolicy().retry_on, frozenset()
    names = value if isinstance(value, list) and len(value) <= MAX_CODES else [None]
    if not all(isinstance(name, str) and _CODE.match(name) and name not in _NEVER for name in names):
        faults["retry.retry_on"] = [
            (
                f"Give a list of at most {MAX_CODES} classes of errors ({', '.join(sorted(_CLASSES - _NEVER))}), "
                "or codes of errors such as http_503."
            )
        ]
        return frozenset(), frozenset()
    return frozenset(ErrorClass(n) for n in names if n in _CLASSES), frozenset(names) - _CLASSES


def _rate(data: Any, faults: Faults) -> Rate | None:
    if not isinstance(data, Mapping):
        faults["limits.rate"] = ["Give {“count”: …, “per_seconds”: …}, or null."]
        return None
    faults |= _unknown(data, ("count", "per_seconds"), "limits.rate")
    count = _whole(data.get("count"), MAX_RATE_COUNT, "limits.rate.count", faults)
    seconds = data.get("per_seconds")
    if (
        not isinstance(seconds, int | float)
        or isinstance(seconds, bool)
        or not 0 < seconds <= MAX_RATE_SECONDS
    ):
        faults["limits.rate.per_seconds"] = [f"Give a number above 0, at most {MAX_RATE_SECONDS:,.0f}."]
        return None
    return Rate(count, float(seconds))


def _whole(value: Any, largest: int, place: str, faults: Faults) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= largest:
        return value
    faults[place] = [f"Give a whole number from 1 to {largest:,}."]
    return 1


def _unknown(data: Mapping[str, Any], known: tuple[str, ...], place: str) -> Faults:
    words = f"There is no such field. Known are {', '.join(known)}."
    return {f"{place}.{name}": [words] for name in data if name not in known}
