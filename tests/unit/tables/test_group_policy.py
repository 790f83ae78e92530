"""Retry policies and limits of a workflow group: read, refused with reasons, and applied (T23)."""

from __future__ import annotations

from typing import Any

import pytest

from tables.engine.group_policy import (
    NO_LIMITS,
    GroupLimits,
    Rate,
    next_delay,
    read_limits,
    read_retry,
    stored_limits,
    stored_retry,
)
from tables.errors import PolicyInvalid
from workflows.engine.types import DEFAULT_RETRY_ON, Backoff, ErrorClass

UPSTREAM = {"class": "upstream", "code": "http_503", "message": "away"}


@pytest.mark.rule("T23")
def test_a_policy_speaks_the_words_of_a_blocks_policy() -> None:
    found = read_retry(
        {"max_attempts": 20, "kind": "fixed", "delay_seconds": 5, "jitter": 0, "retry_on": ["internal", "http_503"]}
    )  # fmt: skip
    assert found is not None
    policy = found.policy
    assert (policy.max_attempts, policy.kind, policy.delay_seconds) == (20, Backoff.FIXED, 5)
    assert (policy.retry_on, found.codes) == (frozenset({ErrorClass.INTERNAL}), frozenset({"http_503"}))


@pytest.mark.rule("T23")
def test_no_policy_and_the_shortest_one() -> None:
    assert read_retry(None) is None
    found = read_retry({})
    assert found is not None
    assert (found.policy.max_attempts, found.policy.retry_on, found.codes) == (
        3,
        DEFAULT_RETRY_ON,
        frozenset(),
    )


@pytest.mark.rule("T23")
@pytest.mark.parametrize(
    ("data", "places"),
    [
        ("often", ["retry"]),
        ({"max_attempts": 0}, ["retry.max_attempts"]),
        ({"max_attempts": 21}, ["retry.max_attempts"]),
        ({"max_attempts": True}, ["retry.max_attempts"]),
        ({"delay_seconds": -1}, ["retry.delay_seconds"]),
        ({"kind": "random"}, ["retry.kind"]),
        ({"jitter": 2, "cap_seconds": "x"}, ["retry.cap_seconds", "retry.jitter"]),
        ({"retry_on": "timeout"}, ["retry.retry_on"]),
        ({"retry_on": ["cancelled"]}, ["retry.retry_on"]),
        ({"retry_on": ["unknown_outcome"]}, ["retry.retry_on"]),
        ({"on_unknown": "retry"}, ["retry.on_unknown"]),
        ({"times": 3}, ["retry.times"]),
    ],
    ids=lambda value: str(value)[:50] if not isinstance(value, list) else "-",
)
def test_a_policy_that_is_not_one_is_refused_by_field(data: Any, places: list[str]) -> None:
    with pytest.raises(PolicyInvalid) as refused:
        read_retry(data)
    assert sorted(refused.value.errors or {}) == places
    assert stored_retry(data) is None


@pytest.mark.rule("T23")
def test_limits() -> None:
    assert read_limits({}) is read_limits(None) is NO_LIMITS
    assert not NO_LIMITS.bounded
    found = read_limits({"concurrency": 2, "rate": {"count": 10, "per_seconds": 60}})
    assert found == GroupLimits(2, Rate(10, 60.0))
    assert found.bounded
    assert found.rate is not None
    assert found.rate.interval_ms == 6_000
    assert read_limits({"concurrency": None, "rate": None}) == NO_LIMITS


@pytest.mark.rule("T23")
@pytest.mark.parametrize(
    ("data", "places"),
    [
        ([1], ["limits"]),
        ({"concurrency": 0}, ["limits.concurrency"]),
        ({"concurrency": 1.5}, ["limits.concurrency"]),
        ({"rate": 5}, ["limits.rate"]),
        ({"rate": {"count": 0, "per_seconds": 1}}, ["limits.rate.count"]),
        ({"rate": {"count": 1, "per_seconds": 0}}, ["limits.rate.per_seconds"]),
        ({"rate": {"count": 1}}, ["limits.rate.per_seconds"]),
        ({"rate": {"count": 1, "per_seconds": float("nan")}}, ["limits.rate.per_seconds"]),
        ({"rate": {"count": 1, "per_seconds": 1, "burst": 2}}, ["limits.rate.burst"]),
        ({"speed": 1}, ["limits.speed"]),
    ],
    ids=lambda value: str(value)[:50] if not isinstance(value, list) else "-",
)
def test_limits_that_are_none_are_refused_by_field(data: Any, places: list[str]) -> None:
    with pytest.raises(PolicyInvalid) as refused:
        read_limits(data)
    assert sorted(refused.value.errors or {}) == places
    assert stored_limits(data) is NO_LIMITS


@pytest.mark.rule("T23")
def test_delays_grow_as_a_blocks_do_until_the_attempts_are_spent() -> None:
    policy = read_retry({"max_attempts": 4, "delay_seconds": 2, "cap_seconds": 5, "jitter": 0})
    assert [next_delay(policy, retries, UPSTREAM, 0.5) for retries in range(5)] == [2, 4, 5, None, None]


@pytest.mark.rule("T23")
@pytest.mark.parametrize(
    ("policy", "error", "retried"),
    [
        (None, UPSTREAM, False),
        ({}, UPSTREAM, True),
        ({}, {"class": "timeout", "code": "timeout"}, True),
        ({}, {"class": "internal", "code": "bug"}, False),
        ({"retry_on": ["bug"]}, {"class": "internal", "code": "bug"}, True),
        ({"retry_on": ["bug"]}, UPSTREAM, False),
        ({"retry_on": ["internal"]}, {"class": "internal", "code": "bug"}, True),
        ({}, {"code": "output_invalid", "message": "no number"}, False),
        ({"retry_on": ["output_invalid"]}, {"code": "output_invalid"}, False),
        ({"retry_on": ["interrupted"]}, {"class": "unknown_outcome", "code": "interrupted"}, False),
        ({}, None, False),
        ({}, {"class": "of_another_version", "code": "x"}, False),
    ],
    ids=range(12),
)
def test_what_is_taken_up_again(policy: Any, error: Any, retried: bool) -> None:
    assert (next_delay(read_retry(policy), 0, error, 0.0) is not None) is retried


@pytest.mark.rule("T23")
def test_a_provider_that_asks_for_time_is_given_it() -> None:
    policy = read_retry({"delay_seconds": 1, "cap_seconds": 1})
    assert next_delay(policy, 0, {**UPSTREAM, "retry_after_seconds": 90}, 0.9) == 90
