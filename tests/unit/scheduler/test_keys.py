"""Keys: one for each intent, none that another kind could imitate, all short enough to be stored."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from scheduler.engine.keys import backfill_key, child_key, manual_key, rerun_key, slot_key
from tests.unit.scheduler.cron_reference import utc

TRIGGER = UUID("01900000-0000-7000-8000-000000000001")
USER = UUID("01900000-0000-7000-8000-000000000002")
INTENT = UUID("01900000-0000-7000-8000-000000000003")
SLOT = utc("2026-11-01T05:30")


def test_a_slot_has_one_key_per_revision() -> None:
    assert slot_key(TRIGGER, 3, SLOT) == f"sched:{TRIGGER}:3:1793511000"
    assert slot_key(TRIGGER, 4, SLOT) != slot_key(TRIGGER, 3, SLOT)
    # The same hour of the night, an hour later.
    assert slot_key(TRIGGER, 3, SLOT + timedelta(hours=1)) == f"sched:{TRIGGER}:3:1793514600"


def test_a_backfilled_slot_is_none_of_the_schedule() -> None:
    assert backfill_key(TRIGGER, SLOT) == f"backfill:{TRIGGER}:1793511000"


def test_each_attempt_starts_one_child() -> None:
    assert child_key(TRIGGER, 2) == f"inv:{TRIGGER}:2"


@pytest.mark.rule("idempotency_replay")
def test_run_now_and_rerun_are_the_callers_own() -> None:
    assert manual_key(TRIGGER, USER, INTENT) == f"manual:{TRIGGER}:{USER}:{INTENT}"
    assert rerun_key(TRIGGER, 7, INTENT) == f"rerun:{TRIGGER}:7:{INTENT}"
    assert manual_key(TRIGGER, USER, "again") == manual_key(TRIGGER, USER, "again")
    assert manual_key(TRIGGER, USER, "again") != manual_key(TRIGGER, INTENT, "again")
    # A header that looks like the UUID of another request does not become it.
    assert manual_key(TRIGGER, USER, str(INTENT)) != manual_key(TRIGGER, USER, INTENT)


@pytest.mark.parametrize("header", ["x", "~" * 128, f":{INTENT}"])
def test_keys_fit_their_column(header: str) -> None:
    for key in (manual_key(TRIGGER, USER, header), rerun_key(TRIGGER, USER, header)):
        assert len(key) <= 256
        assert key.count(":") == 3
