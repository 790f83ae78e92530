"""The pure modules of the trigger's form, in a page: cron of picks and back, clocks of zones, what a PATCH names."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page


def call(page: Page, module: str, expression: str) -> Any:
    """An expression over the names of a module, which is `m`."""
    return page.evaluate(f"import('/static/runsheet/{module}.js').then((m) => {expression})")


@pytest.mark.parametrize(
    "expression",
    [
        "* * * * *", "*/15 * * * *", "30 * * * *", "0 9 * * *", "5 23 * * 1-5", "0 8 * * 1", "0 8 * * 0,3,6",
        "0 0 31 * *", "0 0 L * *",
    ],
)  # fmt: skip
def test_what_can_be_picked_comes_back_as_it_was(modules: Page, expression: str) -> None:
    assert call(modules, "cron/build", f"m.cronOf(m.planOf({expression!r}))") == expression


@pytest.mark.parametrize(
    "expression",
    ["*/7 * * * *", "0 9 1 1 *", "0 9 13 * 5", "0 9 * * MON", "0 9-17 * * *", "0 9 0 * *", "60 9 * * *", "@daily", ""],
)  # fmt: skip
def test_what_cannot_be_picked_is_left_as_cron(modules: Page, expression: str) -> None:
    assert call(modules, "cron/build", f"m.planOf({expression!r})") is None


@pytest.mark.parametrize(
    ("wall", "zone", "instant"),
    [
        ("2026-12-01T09:00", "Europe/Berlin", "2026-12-01T08:00:00Z"),
        ("2026-12-01T09:00:30", "Asia/Kathmandu", "2026-12-01T03:15:30Z"),
        ("2026-11-01T01:30", "America/New_York", "2026-11-01T05:30:00Z"),  # twice: the first
        ("2026-03-08T02:30", "America/New_York", "2026-03-08T07:30:00Z"),  # never: as long after the gap
        ("2026-04-05T01:45", "Australia/Lord_Howe", "2026-04-04T14:45:00Z"),  # twice, half an hour apart
        ("2026-12-01T09:00", "No/Where", None),
        ("", "UTC", None),
    ],
)
def test_a_time_on_a_zones_clock_is_one_instant(
    modules: Page, wall: str, zone: str, instant: str | None
) -> None:
    assert call(modules, "cron/zone", f"m.instantOf({wall!r}, {zone!r})") == instant


def test_an_instant_reads_the_same_on_the_clock_it_came_from(modules: Page) -> None:
    assert (
        call(modules, "cron/zone", "m.wallOf('2026-11-22T01:00:00Z', 'Europe/Berlin')") == "2026-11-22T02:00"
    )
    assert call(modules, "cron/zone", "m.wallOf('2026-11-22T01:00:07Z', 'UTC')") == "2026-11-22T01:00:07"
    shown = "m.exactly('2026-11-22T01:00:00Z', 'America/New_York')"
    assert call(modules, "cron/zone", shown) == "Sat 21 Nov 2026, 20:00 EST"


def test_a_patch_names_what_differs_and_nothing_else(modules: Page) -> None:
    changed = (
        "(() => { const before = m.bodyOf(m.blank('UTC', 'u'));"
        " return m.changes(before, m.bodyOf({ ...m.blank('UTC', 'u'), payload: '{\"b\": 1, \"a\": 2}',"
        " max_retries: '3', pause_on_failures: '5', timeout_seconds: '' })); })()"
    )
    assert call(modules, "triggers/values", changed) == {
        "payload": {"a": 2, "b": 1}, "max_retries": 3, "pause_on_failures": 5, "timeout_seconds": None,
    }  # fmt: skip
    same = "m.changes({ payload: { a: 1, b: [1, 2] } }, { payload: { b: [1, 2], a: 1 } })"
    assert call(modules, "triggers/values", same) == {}
