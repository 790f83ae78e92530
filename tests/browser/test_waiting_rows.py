"""Rows ahead of a walk, seen by somebody who had the grid open before it began and may not run anything (T36)."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tables.services.dispatches import dispatch_start
from tables.services.stopping import stop
from tests.bed.factories import Sheet
from tests.bed.processes import StartStack
from tests.browser.sheets import cell, cells, two_step_sheet
from tests.browser.site import Site, Watched
from workspaces.models import Membership, User, Workspace
from workspaces.states import Role

ROWS = 12
ALONE = 11
"""The number of the one row that the filter leaves out."""


@pytest.fixture
def narrow_site(start_stack: StartStack, workspace: Workspace, watched: Watched, tmp_path: Path) -> Site:
    """One row a window, so that most rows are still ahead while the first ones run; `eve` may look only."""
    eve = User.objects.create_user(username="eve", password="a password of words")
    Membership.objects.create(user=eve, workspace=workspace, role=Role.VIEWER)
    started = start_stack(
        RUNSHEET_BLOCKS="tests.bed.blocks", TEST_TRACE=str(tmp_path / "trace"), RUNSHEET_WINDOW_ROWS="1"
    )
    return Site(started.url, watched)


def expect_ahead(page: Page) -> None:
    """Queued on what the walk would run, Waits on what waits for it, nothing on the row it leaves out."""
    expect(cell(page, ROWS, "greeting")).to_have_text("Queued")
    expect(cell(page, ROWS, "shout")).to_have_text("Waits for Greeting")
    for column in ("greeting", "shout"):
        expect(cell(page, ALONE, column)).to_have_text("")


def filtered_run(sheet: Sheet) -> None:
    """Everything but one row, by a filter: the browser cannot tell which rows these are."""
    dispatch_start(table=sheet.table, filter={"column": "name", "op": "ne", "value": f"n{ALONE - 1}"})


@pytest.mark.rule("T36")
def test_rows_ahead_show_what_would_run_and_the_same_after_a_reload(
    narrow_site: Site, workspace: Workspace
) -> None:
    sheet = two_step_sheet(workspace, ROWS, milliseconds=60_000)
    page = narrow_site.grid(sheet, username="eve")
    expect(cell(page, ROWS, "greeting")).to_have_text("")
    filtered_run(sheet)
    expect(cells(page, "greeting").filter(has_text="Running").first).to_be_visible()
    expect_ahead(page)
    page.reload()
    expect_ahead(page)
    stop(table=sheet.table, rows=[sheet.rows[ROWS - 1]])
    expect(cell(page, ROWS, "greeting")).to_have_text("Cancelled")
    stop(table=sheet.table)
    expect(cell(page, ROWS - 2, "greeting")).not_to_have_text("Queued")
    expect(cell(page, ROWS - 2, "shout")).to_have_text("")
    expect(cells(page, "greeting").filter(has_text="Queued")).to_have_count(0)
    expect(cells(page, "shout").filter(has_text="Waits")).to_have_count(0)
