"""Tables for browser tests, and how to look at a grid."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from playwright.sync_api import Locator, Page

from tables.models import Row
from tests.bed.factories import Sheet, chain, setting, sheet_make
from workspaces.models import Workspace

FINISHED = re.compile("Finished")


def slow(key: str, text: str, milliseconds: int) -> dict[str, Any]:
    """A block that takes its time and can be stopped meanwhile; answers ``label(text)``."""
    arguments = {"label": key, "text": text, "milliseconds": milliseconds}
    return {"key": key, "type": "python", "config": {"function": "traced_step", "arguments": arguments}}


def two_step_sheet(workspace: Workspace, rows: int, milliseconds: int = 150) -> Sheet:
    """`greet` takes a while over `name`; `shout` waits for it."""
    sheet = sheet_make(workspace, "Greetings")
    sheet.column("name")
    sheet.group(
        "Greet", chain(slow("say", "{{ row.name }}", milliseconds)), outputs={"greeting": "blocks.say"},
        depends_on=["name"],
    )  # fmt: skip
    sheet.group(
        "Shout", chain(setting("shout", "{{ row.greeting|upper }}")), outputs={"shout": "result.value"},
        depends_on=["greeting"],
    )  # fmt: skip
    sheet.fill([{"name": f"n{number}"} for number in range(rows)])
    return sheet


def cells(page: Page, column: str) -> Locator:
    """The cells of a column that are on the page and whose row has come, in no particular order."""
    return page.locator(f'.sheet-row:not([hidden]) [data-column="{column}"]:not(.missing)')


def cell(page: Page, row: int, column: str) -> Locator:
    """One cell by the number shown beside its row and its column's key; it is waited for until its row has come."""
    return page.locator(
        f'.sheet-row[data-number="{row}"]:not([hidden]) [data-column="{column}"]:not(.missing)'
    )


def run_all(page: Page, rows: str = "All rows", which: str | None = None) -> None:
    """Choose from the menu of Run all."""
    page.get_by_role("button", name="Run all").click()
    if which:
        page.get_by_role("radio", name=which).click()
    page.get_by_role("dialog").get_by_role("button", name=rows).click()


def stored(sheet: Sheet) -> list[Mapping[str, Any]]:
    """The rows' values as the database has them, in order."""
    return [row.data for row in Row.objects.filter(table=sheet.table).order_by("position", "id")]


def shown(page: Page, column: str, rows: int) -> list[str]:
    """The texts of a column in the order of rows."""
    return [cell(page, row, column).inner_text() for row in range(1, rows + 1)]


def is_apart(one: Locator, other: Locator) -> bool:
    """Whether neither of two things on screen covers anything of the other."""
    a, b = one.bounding_box(), other.bounding_box()
    assert a
    assert b
    beside = a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"]
    return beside or a["y"] + a["height"] <= b["y"] or b["y"] + b["height"] <= a["y"]
