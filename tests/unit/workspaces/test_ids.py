"""Identifiers grow with time and are valid UUIDs of version 7."""

import time
import uuid

from workspaces.ids import uuid7


def test_is_a_version_7_uuid_of_the_rfc() -> None:
    made = uuid7()
    assert (made.version, made.variant) == (7, uuid.RFC_4122)


def test_carries_the_present_millisecond() -> None:
    before = time.time_ns() // 1_000_000
    stamped = uuid7().int >> 80
    assert before <= stamped <= time.time_ns() // 1_000_000


def test_ids_of_successive_moments_sort_in_order_and_never_repeat() -> None:
    made = []
    for _ in range(500):
        made.append(uuid7())
        moment = time.perf_counter_ns()
        while time.perf_counter_ns() - moment < 1_000:  # past the 244 ns of one step
            pass
    assert made == sorted(made)
    assert len(set(made)) == len(made)
