"""The one table of moves: what is over never changes, and every other status leads somewhere."""

from __future__ import annotations

import pytest

from scheduler.models import Invocation
from scheduler.states import IN_FLIGHT, TERMINAL, InvocationStatus, may_move
from workspaces.ids import uuid7


def test_what_is_over_never_moves_and_everything_else_may_be_cancelled() -> None:
    for status in InvocationStatus:
        moves = {target for target in InvocationStatus if may_move(status, target)}
        assert (InvocationStatus.CANCELLED in moves) is (status in IN_FLIGHT)
        assert bool(moves) is (status not in TERMINAL)
        assert not moves & {InvocationStatus.SKIPPED, InvocationStatus.MISSED}, "these are born so"


def test_a_move_that_the_table_does_not_know_is_a_fault_of_ours() -> None:
    with pytest.raises(AssertionError):
        Invocation.objects.move(uuid7(), {InvocationStatus.COMPLETED}, InvocationStatus.PENDING)
