"""Files come in: seen first, mapped, read anew, refused beside their columns, followed to the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tables.models import Column, Table
from tests.bed.factories import Sheet, sheet_make
from tests.browser.sheets import cell
from tests.browser.site import Site, axe_faults
from tests.browser.test_modules import ask
from workspaces.models import Workspace


def file(content: str | bytes, name: str = "people.csv") -> FilePayload:
    """Something to choose."""
    data = content.encode() if isinstance(content, str) else content
    return {"name": name, "mimeType": "text/csv", "buffer": data}


@pytest.fixture
def people(workspace: Workspace) -> Sheet:
    """Two people in a table that takes more."""
    sheet = sheet_make(workspace, "People")
    sheet.column("name")
    sheet.column("age", "number")
    sheet.fill([{"name": "Ada", "age": 36}, {"name": "Bo", "age": 50}])
    return sheet


def opened(site: Site, sheet: Sheet, **options: Any) -> Page:
    """The dialog over a table, by its tool bar."""
    page = site.grid(sheet, **options)
    page.locator("#import-open").click()
    expect(page.get_by_role("heading", name=f"Import into “{sheet.table.name}”")).to_be_visible()
    return page


@pytest.mark.rule("T38")
def test_a_file_becomes_a_table_as_the_person_says(site: Site, workspace: Workspace) -> None:
    page = site.page("/")
    page.get_by_role("button", name="Import CSV").click()
    content = "\n".join(["Company;Employees;Note", *(f"c{n};{n};x" for n in range(7)), "odd;many;x"])
    page.get_by_label("File").set_input_files(file(content, "eu_prospects.csv"))
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Delimiter")).to_have_value(";")
    expect(dialog.get_by_label("Type of “Employees”")).to_have_value("text")
    expect(dialog.locator(".preview tbody tr")).to_have_count(5)
    dialog.get_by_label("Type of “Employees”").select_option("number")
    expect(dialog.locator(".preview")).to_contain_text("1 of 8 do not fit")
    dialog.get_by_label("Where “Note” goes").select_option(label="Skip")
    expect(dialog.get_by_role("status")).to_have_text("2 columns filled, all new, 1 skipped")
    dialog.get_by_role("button", name="Import", exact=True).click()
    expect(dialog.get_by_role("status")).to_contain_text("7 rows imported, 1 refused")
    with page.expect_download() as download:
        dialog.get_by_role("link", name="Download the refused rows").click()
    assert "odd,many,x" in Path(download.value.path()).read_text()
    dialog.get_by_role("link", name="Open table").click()
    expect(cell(page, 7, "employees")).to_have_text("6")
    made = Table.objects.get(name="eu prospects")
    assert list(made.columns.values_list("name", "type")) == [("Company", "text"), ("Employees", "number")]


@pytest.mark.rule("T38")
def test_rows_of_a_table_are_updated_by_a_column_and_replaced_knowingly(site: Site, people: Sheet) -> None:
    page = opened(site, people)
    dialog = page.get_by_role("dialog")
    page.get_by_label("File").set_input_files(file("Name,Age,City\nAda,37,London\nCy,20,Rome\n"))
    expect(dialog.get_by_label("Where “Age” goes")).to_have_value(str(people.columns["age"].pk))
    dialog.get_by_label("Where “Age” goes").select_option(label="Name")
    expect(dialog.get_by_role("alert")).to_contain_text("“Name” fills this column already")
    expect(dialog.get_by_role("button", name="Import", exact=True)).to_be_disabled()
    dialog.get_by_label("Where “Age” goes").select_option(label="Age")
    dialog.get_by_role("radio", name="Update by a column").click()
    dialog.get_by_label("Rows are the same").select_option(label="Name")
    dialog.get_by_role("button", name="Import", exact=True).click()
    expect(dialog.get_by_role("status")).to_contain_text("1 row updated, 1 added")
    dialog.get_by_role("button", name="Done").click()
    expect(cell(page, 1, "age")).to_have_text("37")
    expect(cell(page, 3, "city")).to_have_text("Rome")
    page.locator("#import-open").click()
    page.get_by_label("File").set_input_files(file("Name\nDora\n"))
    dialog.get_by_role("radio", name="Replace all rows").click()
    expect(dialog).to_contain_text("This cannot be undone")
    dialog.get_by_role("button", name="Replace 3 rows").click()
    dialog.get_by_role("button", name="Done").click()
    expect(cell(page, 1, "name")).to_have_text("Dora")
    expect(cell(page, 2, "name")).to_have_count(0)


def test_a_big_file_goes_on_in_the_background_and_is_told_of(site: Site, workspace: Workspace) -> None:
    page = site.page("/")
    page.get_by_role("button", name="Import CSV").click()
    content = "Name,Score\n" + "".join(f"person number {n},{n}\n" for n in range(100_000))
    with page.expect_request(lambda request: "preview" in request.url) as looked:
        page.get_by_label("File").set_input_files(file(content, "big.csv"))
        expect(page.get_by_label("Type of “Score”")).to_have_value("number")
    assert len(looked.value.post_data_buffer or b"") < 600_000
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_role("link", name="Open the table meanwhile").click()
    page.locator(".sheet:not([aria-busy])").wait_for()
    jobs = page.get_by_role("button", name="1 job")
    expect(jobs).to_be_visible()
    jobs.click()
    expect(page.get_by_role("dialog", name="Jobs")).to_contain_text("Import of big.csv")
    expect(page.get_by_role("status").filter(has_text="100,000 rows imported")).to_be_visible()
    expect(page.get_by_role("button", name="Jobs done")).to_be_visible()
    expect(page.locator("#row-count")).to_have_text("100,000 rows")


@pytest.mark.parametrize("colors", ["light", "dark"])
def test_the_dialog_is_sound_on_a_phone_and_by_keyboard(still_site: Site, people: Sheet, colors: str) -> None:
    page = still_site.page("/", color_scheme=colors, viewport={"width": 390, "height": 800})
    button = page.get_by_role("button", name="Import CSV")
    expect(button).to_be_enabled()
    button.focus()
    page.keyboard.press("Enter")
    page.get_by_label("File").set_input_files(file("a,b,c,d,e\n1,2,3,4,5\n"))
    expect(page.get_by_label("Type of “e”")).to_have_value("number")
    assert axe_faults(page) == []
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    assert not Column.objects.exclude(table=people.table).exists()


HEADERS = ("Name", "Years", "X")
COLUMNS = [{"id": "1", "name": "Name"}, {"id": "2", "name": "Age"}]


def test_what_goes_where_is_plain_arithmetic(modules: Page) -> None:
    preview = {
        "columns": [{"header": name, "type": "number" if name == "Years" else "text"} for name in HEADERS],
        "mapping": {"Name": "1", "Years": {"name": "Years", "type": "number"}, "X": None},
    }  # fmt: skip
    code = """(() => { const choices = m.choicesOf(given.preview);
      const twice = {...choices, X: {to: '1', type: 'text'}}, clash = {Age: {to: m.NEW, type: 'text'}};
      return {
        mapping: m.mappingOf(choices), words: m.summary(choices), fine: m.faultsOf(choices, given.columns),
        twice: Object.keys(m.faultsOf(twice, given.columns)), clash: Object.keys(m.faultsOf(clash, given.columns)),
        keys: m.keysOf(choices, given.columns).map(({id}) => id), title: m.titleOf('a_b-c.x.csv'),
        kept: m.choicesOf(given.preview, {Name: {to: m.SKIP, type: 'text'}}).Name.to,
        dropped: Object.keys(m.choicesOf({columns: [], mapping: {}}, choices)),
      }; })()"""
    assert ask(modules, "tables/mapping.js", code, {"preview": preview, "columns": COLUMNS}) == {
        "mapping": {"Name": "1", "Years": {"name": "Years", "type": "number"}, "X": None},
        "words": "2 columns filled, 1 of them new, 1 skipped",
        "fine": {}, "twice": ["X"], "clash": ["Age"], "keys": ["1"], "title": "a b c.x", "kept": "skip", "dropped": [],
    }  # fmt: skip
    code = """(async () => { const sizes = [];
      const wide = new Uint8Array([0xff, 0xfe, 97, 0, 10, 0, 98, 0]);
      for (const part of [['ab\\ncd'], [wide], ['PK', 'xxxx\\nyyyy'], ['no end at all']]) {
        sizes.push((await m.beginningOf(new File(part, 'f.csv'), 7)).size); }
      return sizes; })()"""
    assert ask(modules, "tables/mapping.js", code) == [5, 6, 11, 13]


RUNNING = {"rows_done": 41_208, "rows_rejected": 12}
UPDATED = {"rows_done": 3, "rows_updated": 1, "rows_inserted": 2, "rows_unchanged": 4}
JOBS: list[tuple[dict[str, Any], str]] = [
    ({"status": "queued"}, "Waits for a worker"),
    ({"status": "running", "progress": RUNNING}, "41,208 rows imported, 12 refused"),
    ({"mode": "upsert", "progress": UPDATED}, "1 row updated, 2 added, 4 unchanged"),
    (
        {"mode": "replace", "progress": {"rows_done": 1, "rows_deleted": 9}},
        "1 row imported, 9 old ones removed",
    ),
    ({"kind": "delete", "progress": {"rows_done": 2}}, "2 rows deleted"),
]


def test_jobs_are_told_in_words(modules: Page) -> None:
    base = {"kind": "import", "status": "completed", "mode": "append", "progress": {}}
    given = [{**base, **job} for job, _ in JOBS]
    told = ask(modules, "tables/job_words.js", "given.map((job) => m.figures(job))", given)
    assert told == [words for _, words in JOBS]
    code = "given.map((progress) => m.share({progress}))"
    progress = [{"bytes_done": 1, "bytes_total": 4}, {"rows_done": 1, "rows_total": 2}, {}]
    assert ask(modules, "tables/job_words.js", code, progress) == [0.25, 0.5, None]
