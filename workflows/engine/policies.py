"""Reading a retry policy out of JSON, with every fault named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workflows.engine.types import Backoff, ErrorClass, Fault, RetryPolicy, UnknownOutcome

MAX_ATTEMPTS: Final = 10
MAX_DELAY_SECONDS: Final = 86_400
NEVER_RETRIED: Final = frozenset({ErrorClass.CANCELLED, ErrorClass.UNKNOWN_OUTCOME})
"""A cancel is a wish, and an unknown outcome is a person's decision (W15)."""

_FIELDS: Final = frozenset(
    {"max_attempts", "kind", "delay_seconds", "cap_seconds", "jitter", "retry_on", "on_unknown"}
)


def parse_retry(block: str, data: Any, faults: list[Fault]) -> RetryPolicy | None:
    """The policy in ``data``; None when there is none or it is not well formed (the faults say why)."""
    if data is None:
        return None
    if not isinstance(data, Mapping):
        faults.append(_fault(block, None, "'retry' must be an object"))
        return None
    before = len(faults)
    faults += [
        _fault(block, name, f"unknown field; known are {_known()}") for name in data if name not in _FIELDS
    ]
    default = RetryPolicy()
    policy = RetryPolicy(
        max_attempts=_number(
            block, data, "max_attempts", default.max_attempts, (1, MAX_ATTEMPTS), faults, int
        ),
        kind=_kind(block, data.get("kind", default.kind), faults),
        delay_seconds=_number(
            block, data, "delay_seconds", default.delay_seconds, (0, MAX_DELAY_SECONDS), faults
        ),
        cap_seconds=_number(block, data, "cap_seconds", default.cap_seconds, (0, MAX_DELAY_SECONDS), faults),
        jitter=_number(block, data, "jitter", default.jitter, (0, 1), faults),
        retry_on=_classes(block, data.get("retry_on"), faults),
        on_unknown=_on_unknown(block, data.get("on_unknown", default.on_unknown), faults),
    )
    return policy if len(faults) == before else None


def _number(
    block: str,
    data: Mapping[str, Any],
    name: str,
    default: Any,
    bounds: tuple[int, int],
    faults: list[Fault],
    kind: type = float,
) -> Any:
    value = data.get(name, default)
    wanted = int if kind is int else (int, float)
    if isinstance(value, wanted) and not isinstance(value, bool) and bounds[0] <= value <= bounds[1]:
        return kind(value)
    noun = "a whole number" if kind is int else "a number"
    faults.append(_fault(block, name, f"{name!r} is {noun} from {bounds[0]} to {bounds[1]:,}"))
    return default


def _kind(block: str, value: Any, faults: list[Fault]) -> Backoff:
    if value in list(Backoff):
        return Backoff(value)
    faults.append(_fault(block, "kind", "'kind' is 'fixed' or 'exponential'"))
    return Backoff.FIXED


def _on_unknown(block: str, value: Any, faults: list[Fault]) -> UnknownOutcome:
    if value in list(UnknownOutcome):
        return UnknownOutcome(value)
    faults.append(_fault(block, "on_unknown", "'on_unknown' is 'ask', 'retry' or 'fail'"))
    return UnknownOutcome.ASK


def _classes(block: str, value: Any, faults: list[Fault]) -> frozenset[ErrorClass]:
    if value is None:
        return RetryPolicy().retry_on
    allowed = [str(member) for member in ErrorClass if member not in NEVER_RETRIED]
    if isinstance(value, list) and all(isinstance(name, str) and name in allowed for name in value):
        return frozenset(map(ErrorClass, value))
    faults.append(_fault(block, "retry_on", f"'retry_on' is a list of {', '.join(allowed)}"))
    return frozenset()


def _known() -> str:
    return ", ".join(sorted(_FIELDS))


def _fault(block: str, name: str | None, message: str) -> Fault:
    return Fault(block, f"retry.{name}" if name else "retry", "bad_retry", message)
