"""What people may write, what is made of it, and how it is said in words."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.engine.cron import cron_describe, cron_normalise, zone_check
from scheduler.engine.fields import cron_parse
from scheduler.engine.next_run import Schedule, next_slot
from scheduler.errors import InvalidSchedule
from tests.bed.properties import cases
from tests.unit.scheduler.cron_expressions import expressions
from tests.unit.scheduler.cron_reference import utc


def refusal(expression: str) -> str:
    with pytest.raises(InvalidSchedule) as refused:
        cron_normalise(expression)
    assert refused.value.errors == {"cron_expression": [refused.value.detail]}
    return str(refused.value.detail)


@pytest.mark.rule("alias_expansion")
@pytest.mark.parametrize(
    ("alias", "fields"),
    [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        (" @Hourly ", "0 * * * *"),
    ],
)
def test_aliases_are_written_out(alias: str, fields: str) -> None:
    assert cron_normalise(alias) == fields


@pytest.mark.rule("six_field_rejected")
@pytest.mark.parametrize("expression", ["*/10 * * * * *", "0 0 12 * * ? 2026", "* * * *", "", "   ", "5"])
def test_only_five_fields_and_the_refusal_names_them(expression: str) -> None:
    words = refusal(expression)
    assert "five fields (minute, hour, day of the month, month, day of the week)" in words
    assert words.endswith(f"not {len(expression.split())}.")


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("@reboot", "names no time"),
        ("@every 5m", "*/15"),
        ("@fortnightly", "@hourly"),
        ("H * * * *", "“H” is not supported"),
        ("H/15 * * * *", "“H” is not supported"),
        ("R R * * *", "“R” is not supported"),
        ("0 0 ? * 1", "write * for any"),
        ("0 0 15W * *", "“W” is not supported"),
        ("0 0 LW * *", "“W” is not supported"),
        ("60 * * * *", "numbers from 0 to 59"),
        ("* 24 * * *", "numbers from 0 to 23"),
        ("* * 0 * *", "numbers from 1 to 31"),
        ("* * * 13 *", "JAN to DEC"),
        ("* * * * 8", "SUN to SAT"),
        ("* * * * 1#6", "is not understood"),
        ("L * * * *", "is not understood"),
        ("* * 2L * *", "is not understood"),
        ("* * * JANUARY *", "is not understood"),
        ("5-1 * * * *", "runs backwards"),
        ("*/0 * * * *", "step from 1 to 60"),
        ("*/90 * * * *", "step from 1 to 60"),
        ("* * * * */8", "step from 1 to 7"),
        ("1,,2 * * * *", "is not understood"),
        ("1, * * * *", "is not understood"),
        ("-5 * * * *", "is not understood"),
        ("٣ * * * *", "is not understood"),
        (", ".join(["*"] * 5), "is not understood"),
        ("1" * 200 + " * * * *", "is not understood"),
        (",".join(["1"] * 200) + " * * * *", "at most 256"),
    ],
)
def test_what_is_refused_says_why(expression: str, words: str) -> None:
    assert words in refusal(expression)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("  5   4 * *  mon-fri ", "5 4 * * MON-FRI"),
        ("05 04 01 01 *", "5 4 1 1 *"),
        ("\t0\n0 * jan,Mar *", "0 0 * JAN,MAR *"),
        ("0 0 * * fri-sun", "0 0 * * FRI-7"),
        ("0 0 * * FRIL", "0 0 * * 5L"),
        ("0 0 * * mon#1,wed#3", "0 0 * * 1#1,3#3"),
        ("0 0 1,L * *", "0 0 1,L * *"),
        ("5/15 */2 * * 7", "5/15 */2 * * 7"),
        ("5-5/2 3-3 * MAR-3 SUN-SUN", "5 3 * MAR SUN"),
    ],
)
def test_one_form_is_stored(written: str, stored: str) -> None:
    assert cron_normalise(written) == stored


@given(expressions())
@cases(300)
def test_the_stored_form_stays_and_can_be_said(expression: str) -> None:
    stored = cron_normalise(expression)
    assert cron_normalise(stored) == stored
    assert cron_describe(stored)


@given(st.text(max_size=40))
@cases(300)
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    with suppress(InvalidSchedule):
        cron_parse(cron_normalise(text))


@given(st.text("0123456789*/,-#LWSUNMJA? ", max_size=30))
@cases(500)
def test_whatever_is_stored_is_read_or_refused(text: str) -> None:
    for fields in (text, f"0 0 {text} * *", f"0 0 * * {text}", f"{text} * * * *"):
        with suppress(InvalidSchedule):
            cron_parse(fields)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("30 2 * * *", "At 02:30"),
        ("*/15 9-17 * * MON-FRI", "Every 15 minutes, between 09:00 and 17:59, Monday through Friday"),
        ("0 0 L * *", "At 00:00, on the last day of the month"),
        ("0 0 * * 5L", "At 00:00, on the last Friday of the month"),
        ("0 0 13 * 5", "At 00:00, on day 13 of the month, or on Friday"),
        ("0 0 13 2 1-5", "At 00:00, on day 13 of the month, or Monday through Friday, only in February"),
        ("0 0 */2 * 5", "At 00:00, every 2 days, only on Friday"),
        ("0 8,*/12 * * *", "At 00:00, 08:00 and 12:00"),
        ("0 0 * * 5L,*", "0 0 * * 5L,*"),
    ],
)
def test_words_say_what_cron_does(expression: str, words: str) -> None:
    assert cron_describe(expression) == words


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        (" europe/berlin ", "Europe/Berlin"),
        ("utc", "UTC"),
        ("america/port-au-prince", "America/Port-au-Prince"),
    ],
)
def test_a_zone_is_stored_as_tzdata_spells_it(written: str, name: str) -> None:
    assert zone_check(written) == name


@pytest.mark.rule("unknown_zone_400")
@pytest.mark.parametrize(
    "name",
    [
        "",
        "Mars/Olympus",
        "Europe",
        "../etc/passwd",
        "/etc/localtime",
        "localtime",
        "CEST+1",
        "a" * 300,
        "Europe/Berlin\0",
    ],
)
def test_an_unknown_zone_is_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidSchedule) as refused:
        zone_check(name)
    assert "There is no time zone" in refused.value.errors["cron_timezone"][0]


@pytest.mark.rule("tzdata_removed_zone_disables")
@pytest.mark.parametrize(
    "name", ["Mars/Olympus", "Europe", "../etc/passwd", "", "a" * 300, "Europe/Berlin\0"]
)
def test_a_stored_zone_that_is_gone_is_an_invalid_schedule_and_nothing_else(name: str) -> None:
    with pytest.raises(InvalidSchedule) as invalid:
        next_slot(Schedule("0 9 * * *", name, None), utc("2026-01-01T00:00"), utc("2026-01-01T00:00"))
    assert "cron_timezone" in (invalid.value.errors or {})


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "* * *",
        "61 * * * *",
        "0 0 30 2 *",
        "nonsense",
        "? ? ? ? ?",
        "* * * * * *",
        "0  0 * * *",
        "0 0 LW * *",
    ],
)
def test_a_stored_expression_that_cannot_be_read_is_an_invalid_schedule_and_nothing_else(
    expression: str,
) -> None:
    with pytest.raises(InvalidSchedule) as invalid:
        next_slot(Schedule(expression, "UTC", None), utc("2026-01-01T00:00"), utc("2026-01-01T00:00"))
    assert "cron_expression" in (invalid.value.errors or {})
