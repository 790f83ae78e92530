"""The table of right answers (`scheduler.md` 2): what four libraries got wrong, each row a test of its own."""

from __future__ import annotations

from datetime import datetime

import pytest

from scheduler.engine.cron import cron_normalise
from scheduler.engine.next_run import Schedule, next_runs
from scheduler.errors import InvalidSchedule
from tests.unit.scheduler.cron_reference import utc

pytestmark = pytest.mark.rule("right_answers")

NEW_YORK = "America/New_York"


def fires(expression: str, base: str, count: int, zone: str = NEW_YORK) -> list[str]:
    """The next slots after ``base``, as ``03-08T07:00``."""
    schedule = Schedule(cron_normalise(expression), zone, None)
    return [_short(slot) for slot in next_runs(schedule, utc(base), count)]


def _short(slot: datetime) -> str:
    return slot.strftime("%m-%dT%H:%M")


def test_a_a_time_in_the_gap_runs_once_at_the_first_valid_instant() -> None:
    assert fires("30 2 * * *", "2026-03-08T05:00", 2) == ["03-08T07:00", "03-09T06:30"]


def test_b_every_quarter_of_an_hour_goes_straight_through_the_gap() -> None:
    assert fires("*/15 * * * *", "2026-03-08T06:30", 3) == ["03-08T06:45", "03-08T07:00", "03-08T07:15"]


def test_c_every_hour_goes_straight_through_the_gap() -> None:
    assert fires("30 * * * *", "2026-03-08T06:00", 3) == ["03-08T06:30", "03-08T07:30", "03-08T08:30"]


def test_d_a_time_in_the_overlap_runs_once_at_its_first_pass() -> None:
    assert fires("30 1 * * *", "2026-11-01T04:00", 2) == ["11-01T05:30", "11-02T06:30"]


def test_e_every_half_hour_runs_through_both_passes_of_the_overlap() -> None:
    expected = ["11-01T05:00", "11-01T05:30", "11-01T06:00", "11-01T06:30", "11-01T07:00"]
    assert fires("*/30 * * * *", "2026-11-01T04:45", 5) == expected


def test_f_every_full_hour_runs_through_both_passes_of_the_overlap() -> None:
    expected = ["11-01T05:00", "11-01T06:00", "11-01T07:00", "11-01T08:00"]
    assert fires("0 * * * *", "2026-11-01T04:30", 4) == expected


def test_j_london_leaps_at_one() -> None:
    assert fires("30 1 * * *", "2026-03-29T00:00", 2, "Europe/London") == ["03-29T01:00", "03-30T00:30"]


def test_l_29_february_skips_the_year_2100() -> None:
    schedule = Schedule("0 0 29 2 *", "UTC", None)
    assert next_runs(schedule, utc("2096-03-01T00:00"), 1) == [utc("2104-02-29T00:00")]


def test_m_a_date_and_a_weekday_are_either_or() -> None:
    assert fires("0 0 13 * 5", "2026-11-01T12:00", 3, "UTC") == ["11-06T00:00", "11-13T00:00", "11-20T00:00"]


@pytest.mark.parametrize("weekday", ["0", "7", "SUN"])
def test_n_seven_is_sunday_too(weekday: str) -> None:
    assert fires(f"0 0 * * {weekday}", "2026-11-17T00:00", 1, "UTC") == ["11-22T00:00"]


@pytest.mark.parametrize("weekday", ["1", "mon"])
def test_o_one_is_monday(weekday: str) -> None:
    assert fires(f"0 0 * * {weekday}", "2026-11-17T00:00", 1, "UTC") == ["11-23T00:00"]


@pytest.mark.rule("feb30_400")
@pytest.mark.parametrize(
    "expression", ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 31 FEB */2", "0 0 */29 * 1#3"]
)
def test_q_a_date_that_never_comes_is_refused(expression: str) -> None:
    with pytest.raises(InvalidSchedule) as refused:
        cron_normalise(expression)
    assert "never comes" in refused.value.errors["cron_expression"][0]


@pytest.mark.rule("next_strictly_after")
def test_r_a_base_on_the_slot_itself_gives_the_next_one() -> None:
    assert fires("0 9 * * *", "2026-11-17T09:00", 1, "UTC") == ["11-18T09:00"]


@pytest.mark.rule("six_field_rejected")
def test_u_six_fields_are_refused() -> None:
    with pytest.raises(InvalidSchedule):
        cron_normalise("*/10 * * * * *")


def test_v_kathmandu_is_five_hours_and_three_quarters_ahead() -> None:
    assert fires("0 9 * * *", "2026-11-17T00:00", 1, "Asia/Kathmandu") == ["11-17T03:15"]
