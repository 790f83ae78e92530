"""What a slot does that finds an earlier invocation under way."""

from __future__ import annotations

import pytest

from scheduler.engine.overlap import OverlapDecision, judge_overlap
from scheduler.states import OverlapPolicy

pytestmark = pytest.mark.rule("overlap_x5")

START, SKIP, WAIT, REPLACE = OverlapDecision


@pytest.mark.parametrize("policy", OverlapPolicy)
def test_nothing_under_way_starts(policy: OverlapPolicy) -> None:
    assert judge_overlap(policy, in_flight=0, waiting=0) is START


@pytest.mark.parametrize(
    ("policy", "one_under_way", "one_waiting_too"),
    [
        (OverlapPolicy.SKIP, SKIP, SKIP),
        (OverlapPolicy.BUFFER_ONE, WAIT, SKIP),
        (OverlapPolicy.CANCEL_OTHER, REPLACE, REPLACE),
        (OverlapPolicy.ALLOW, START, START),
    ],
)
def test_one_under_way(
    policy: OverlapPolicy, one_under_way: OverlapDecision, one_waiting_too: OverlapDecision
) -> None:
    assert judge_overlap(policy, in_flight=1, waiting=0) is one_under_way
    assert judge_overlap(policy, in_flight=7, waiting=0) is one_under_way
    assert judge_overlap(policy, in_flight=2, waiting=1) is one_waiting_too


@pytest.mark.parametrize("policy", set(OverlapPolicy) - {OverlapPolicy.ALLOW})
def test_one_that_only_waits_is_in_the_way_too(policy: OverlapPolicy) -> None:
    assert judge_overlap(policy, in_flight=1, waiting=1) is not START


def test_every_policy_is_judged() -> None:
    assert {judge_overlap(policy, in_flight=1, waiting=0) for policy in OverlapPolicy} == set(OverlapDecision)
