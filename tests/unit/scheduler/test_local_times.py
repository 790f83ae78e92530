"""Slots as the clock on the wall shows them, and what is said where it is put forward or back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scheduler.engine.local_times import local_times, offset_text
from scheduler.errors import InvalidSchedule

NY = "America/New_York"


def noted(zone: str, *slots: datetime, since: datetime) -> list[str]:
    return [each.note for each in local_times(slots, zone, since)]


def test_an_ordinary_slot_is_shown_without_a_word() -> None:
    slot = datetime(2026, 11, 22, 3, 15, tzinfo=UTC)

    (shown,) = local_times([slot], "Asia/Kathmandu", slot - timedelta(days=1))

    assert (shown.at, shown.local.isoformat(), shown.note) == (slot, "2026-11-22T09:00:00+05:45", "")
    assert offset_text(shown.local) == "+05:45"


def test_the_jump_itself_is_named_in_whatever_length() -> None:
    for zone, at, words in (
        (NY, datetime(2026, 3, 8, 7, tzinfo=UTC), "02:00 to 03:00"),
        ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC), "02:00 to 02:30"),
        ("Antarctica/Troll", datetime(2026, 3, 29, 1, tzinfo=UTC), "01:00 to 03:00"),
        ("Asia/Beirut", datetime(2026, 3, 28, 22, tzinfo=UTC), "00:00 to 01:00"),
    ):
        (note,) = noted(zone, at, since=at - timedelta(days=1))
        assert words in note, (zone, note)


def test_a_time_that_comes_twice_says_which_of_them_it_is() -> None:
    first = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)

    notes = noted(NY, first, first + timedelta(hours=1), since=first - timedelta(minutes=30))

    assert "01:30 comes twice" in notes[0]
    assert "first time" in notes[0]
    assert "second time" in notes[1]


def test_the_first_run_after_a_shift_says_so_once() -> None:
    noon = datetime(2026, 10, 24, 10, tzinfo=UTC)
    shifted = noon + timedelta(days=1, hours=1)

    notes = noted("Europe/Berlin", noon, shifted, shifted + timedelta(days=1), since=noon - timedelta(days=1))

    assert notes == ["", "The clocks were put back by 1 h since the run before.", ""]


def test_a_shift_of_half_an_hour_is_told_in_minutes() -> None:
    before = datetime(2026, 10, 3, 1, tzinfo=UTC)

    (note,) = noted("Australia/Lord_Howe", before + timedelta(days=1), since=before)

    assert note == "The clocks were put forward by 30 min since the run before."


def test_an_unknown_zone_is_a_fault_of_the_schedule() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    with pytest.raises(InvalidSchedule):
        local_times([now], "Mars/Olympus", now)
