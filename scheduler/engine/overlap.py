"""What a slot does that finds an earlier invocation of its trigger under way (`scheduler.md` section 3).

============  ===========  ==================  ======================
policy        nothing      one under way       one under way, one
              under way                        waiting already
============  ===========  ==================  ======================
skip          start        skip                skip
buffer_one    start        wait                skip
cancel_other  start        replace             replace
allow         start        start               start
============  ===========  ==================  ======================
"""

from __future__ import annotations

from enum import StrEnum

from scheduler.states import OverlapPolicy


class OverlapDecision(StrEnum):
    """What becomes of the new invocation."""

    START = "start"
    SKIP = "skip"
    WAIT = "wait"
    REPLACE = "replace"


def judge_overlap(policy: OverlapPolicy, *, in_flight: int, waiting: int) -> OverlapDecision:
    """What becomes of a new invocation.

    ``in_flight`` counts the trigger's invocations that are pending, queued or running; ``waiting`` those of them that
    wait for an earlier one. ``WAIT`` starts when no earlier one is in flight any more. ``REPLACE`` asks the others to
    be cancelled and then waits likewise; whoever waited before it is cancelled at once.
    """
    if policy is OverlapPolicy.ALLOW or not (in_flight or waiting):
        return OverlapDecision.START
    if policy is OverlapPolicy.CANCEL_OTHER:
        return OverlapDecision.REPLACE
    if policy is OverlapPolicy.BUFFER_ONE and not waiting:
        return OverlapDecision.WAIT
    return OverlapDecision.SKIP
