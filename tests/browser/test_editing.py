"""Cells are edited in place: by type, by keyboard, by an input method; what the server refuses is not lost."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Dialog, Page, Route, expect

from tables.models import Row, Table
from tests.bed.factories import Sheet, chain, setting, sheet_make
from tests.browser.sheets import cell, stored
from tests.browser.site import Site, axe_faults
from workspaces.models import Membership, User, Workspace
from workspaces.states import Role

TYPES: dict[str, tuple[str, dict[str, Any]]] = {
    "name": ("text", {}), "staff": ("number", {}), "fee": ("currency", {"currency": "EUR"}), "done": ("boolean", {}),
    "stage": ("select", {"choices": ["Draft", "Sent", "Won"], "colours": {"Won": "green"}}),
    "tags": ("multi_select", {"choices": ["red", "green"]}), "due": ("date", {}), "seen": ("datetime", {}),
    "site": ("url", {}), "mail": ("email", {}), "notes": ("text", {"long": True}), "raw": ("json", {}),
}  # fmt: skip


@pytest.fixture
def typed(workspace: Workspace) -> Sheet:
    """A table with a column of every type and three empty rows."""
    sheet = sheet_make(workspace, "Everything")
    for key, (kind, options) in TYPES.items():
        sheet.column(key, kind, options=options)
    sheet.fill([{"name": f"n{number}"} for number in range(3)])
    return sheet


def at(page: Page, row: int, key: str) -> None:
    """Make a cell the active one."""
    cell(page, row, key).click()
    expect(cell(page, row, key)).to_have_attribute("aria-selected", "true")


def enter(page: Page, row: int, key: str, *keys: str) -> None:
    """Go to a cell; type each, a name of a key after ``!``."""
    at(page, row, key)
    for each in keys:
        if each.startswith("!"):
            page.keyboard.press(each[1:])
        else:
            page.keyboard.type(each)


def test_every_type_is_edited_by_keyboard_alone(still_site: Site, typed: Sheet) -> None:
    page = still_site.grid(typed, viewport={"width": 2_300, "height": 900})
    field = page.get_by_role("textbox", name="Name, row 1")
    enter(page, 1, "name", "Solar")
    expect(field).to_have_value("Solar")
    page.keyboard.press("Enter")
    expect(cell(page, 2, "name")).to_have_attribute("aria-selected", "true")
    enter(page, 1, "name", "!F2", " GmbH", "!Tab")
    expect(cell(page, 1, "name")).to_have_text("Solar GmbH")
    expect(cell(page, 1, "staff")).to_have_attribute("aria-selected", "true")
    page.keyboard.type("1,234.5")
    page.keyboard.press("Shift+Tab")
    expect(cell(page, 1, "staff")).to_have_text("1,234.5")
    expect(cell(page, 1, "name")).to_have_attribute("aria-selected", "true")
    enter(page, 1, "fee", "€ 99", "!Enter")
    expect(cell(page, 1, "fee")).to_have_text("€99.00")
    enter(page, 1, "done", "! ")
    expect(cell(page, 1, "done")).to_have_text("✓")
    cell(page, 2, "done").locator(".box").click()
    expect(cell(page, 2, "done")).to_have_text("✓")
    enter(page, 1, "stage", "!Enter")
    expect(page.get_by_role("option")).to_have_text(["Draft", "Sent", "Won"])
    page.keyboard.type("wo")
    expect(page.get_by_role("option")).to_have_text(["Won", "Add “wo”"])
    page.keyboard.press("Enter")
    expect(cell(page, 1, "stage")).to_have_text("Won")
    enter(page, 1, "tags", "gr", "!Enter")
    expect(page.get_by_role("option", name="green")).to_have_attribute("aria-selected", "true")
    page.keyboard.type("blue")
    page.keyboard.press("Enter")
    expect(page.get_by_role("option", name="blue")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(cell(page, 1, "tags").locator(".tag")).to_contain_text(["green", "blue"])
    enter(page, 1, "due", "31.12.2024", "!Enter")
    expect(cell(page, 1, "due")).to_have_text("2024-12-31")
    enter(page, 1, "seen", "!F2")
    page.get_by_label("Seen, row 1").fill("2025-01-02T03:04")
    page.keyboard.press("Enter")
    expect(cell(page, 1, "seen")).to_have_text("2025-01-02 03:04")
    enter(page, 1, "site", "example.org/x", "!Enter")
    expect(cell(page, 1, "site")).to_have_text("https://example.org/x")
    enter(page, 1, "notes", "one", "!Enter", "two", "!Control+Enter")
    expect(cell(page, 1, "notes")).to_contain_text("one")
    enter(page, 1, "raw", '{"a": ')
    expect(page.get_by_text("This is not JSON")).to_be_visible()
    page.keyboard.type("[1]}")
    with page.expect_response(lambda answer: '"raw"' in (answer.request.post_data or "")):
        page.keyboard.press("Control+Enter")
    expect(cell(page, 1, "raw")).to_have_text('{"a":[1]}')
    first, second, _ = stored(typed)
    assert first == {
        "name": "Solar GmbH", "staff": 1234.5, "fee": 99, "done": True, "stage": "Won", "tags": ["green", "blue"],
        "due": "2024-12-31", "seen": "2025-01-02T03:04:00.000Z", "site": "https://example.org/x", "notes": "one\ntwo",
        "raw": {"a": [1]},
    }  # fmt: skip
    assert second["done"] is True
    typed.columns["tags"].refresh_from_db()
    assert typed.columns["tags"].options["choices"] == ["red", "green", "blue"]


def test_what_is_refused_stays_with_the_servers_words(still_site: Site, workspace: Workspace) -> None:
    still_site.watched.expected.append("400")
    sheet = sheet_make(workspace, "People")
    sheet.column("name", unique=True)
    sheet.column("mail", "email")
    sheet.fill([{"name": "Ada"}, {"name": "Grace"}])
    page = still_site.grid(sheet)
    enter(page, 1, "mail", "nobody", "!Enter")
    field = page.get_by_role("textbox", name="Mail, row 1")
    expect(field).to_have_value("nobody")
    expect(page.get_by_text("is not an e-mail address")).to_be_visible()
    page.keyboard.type("@example.org")
    page.keyboard.press("Enter")
    expect(cell(page, 1, "mail")).to_have_text("nobody@example.org")
    enter(page, 2, "name", "Ada", "!Enter")  # shown at once, taken back when the server has spoken
    field = page.get_by_role("textbox", name="Name, row 2")
    expect(field).to_have_value("Ada")
    expect(field).to_have_attribute("aria-invalid", "true")
    page.keyboard.press("Escape")
    expect(cell(page, 2, "name")).to_have_text("Grace")
    expect(page.get_by_role("grid")).to_be_focused()
    assert [row.data["name"] for row in Row.objects.filter(table=sheet.table).order_by("position")] == [
        "Ada",
        "Grace",
    ]


def test_typing_goes_on_while_a_value_is_saved_and_leaving_then_asks(
    still_site: Site, workspace: Workspace
) -> None:
    still_site.watched.expected.append("400")
    sheet = sheet_make(workspace, "People")
    sheet.column("mail", "email")
    sheet.column("due", "date")
    sheet.fill([{}, {}, {}])
    page = still_site.grid(sheet)
    waiting: list[Route] = []
    page.route("**/rows/", lambda route: waiting.append(route) if not waiting else route.continue_())
    enter(page, 1, "mail", "nobody", "!Enter", "ada@example.org", "!Tab", "31.12.2024", "!Enter")
    expect(cell(page, 1, "mail")).to_have_text("nobody")
    expect(cell(page, 2, "due")).to_have_text("31.12.2024")
    asked: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.once("dialog", dismiss)
    page.evaluate("setTimeout(() => location.assign('/'))")
    expect(cell(page, 3, "due")).to_have_attribute("aria-selected", "true")
    waiting[0].continue_()
    refusal = page.get_by_role("alert")
    expect(refusal).to_contain_text("Could not change “Mail”.")
    expect(cell(page, 1, "mail")).to_have_text("")
    expect(cell(page, 2, "due")).to_have_text("2024-12-31")
    refusal.get_by_role("button", name="Edit again").click()
    field = page.get_by_role("textbox", name="Mail, row 1")
    expect(field).to_have_value("nobody")
    page.keyboard.type("@example.org")
    page.keyboard.press("Enter")
    expect(cell(page, 1, "mail")).to_have_text("nobody@example.org")
    assert asked == ["beforeunload"]
    page.goto("/")  # nothing is on its way: nothing is asked


def test_a_refused_value_waits_while_what_is_typed_elsewhere_is_wrong_too(
    still_site: Site, workspace: Workspace
) -> None:
    still_site.watched.expected.append("400")
    sheet = sheet_make(workspace, "People")
    sheet.column("mail", "email")
    sheet.column("facts", "json")
    sheet.fill([{}, {}])
    page = still_site.grid(sheet)
    waiting: list[Route] = []
    page.route("**/rows/", lambda route: waiting.append(route) if not waiting else route.continue_())
    enter(page, 1, "mail", "nobody", "!Enter")
    enter(page, 2, "facts", "{old")
    waiting[0].continue_()
    page.get_by_role("alert").get_by_role("button", name="Edit again").click()
    expect(page.get_by_role("alert")).to_contain_text("Could not change “Mail”.")
    field = page.get_by_role("textbox", name="Facts, row 2")
    expect(field).to_have_value("{old")
    field.fill('{"age": 7}')
    page.get_by_role("alert").get_by_role("button", name="Edit again").click()
    expect(page.get_by_role("textbox", name="Mail, row 1")).to_have_value("nobody")
    expect(cell(page, 2, "facts")).to_contain_text("7")


def test_no_key_waits_for_the_editor_even_where_the_cell_was_scrolled_away(
    still_site: Site, workspace: Workspace
) -> None:
    sheet = sheet_make(workspace, "Long")
    sheet.column("name")
    sheet.fill([{} for _ in range(300)])
    page = still_site.grid(sheet)
    at(page, 1, "name")
    page.get_by_role("grid").evaluate("element => { element.scrollTop = element.scrollHeight }")
    expect(cell(page, 300, "name")).to_be_visible()
    expect(cell(page, 1, "name")).to_have_count(0)
    page.get_by_role("grid").evaluate(
        """element => {  // as keys arrive that were pressed while the page was busy: with no frame between them
          const field = element.shadowRoot.activeElement;
          field.value = "a";
          field.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true }));
          field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, composed: true }));
        }"""
    )
    expect(cell(page, 1, "name")).to_have_text("a")
    expect(cell(page, 2, "name")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("textbox", name="Name, row 2")).to_have_count(0)


def test_composition_loses_no_letter_and_enter_ends_it_before_the_cell(
    still_site: Site, typed: Sheet
) -> None:
    page = still_site.grid(typed)
    at(page, 1, "name")
    keys = page.context.new_cdp_session(page)
    for text in ("に", "にほ", "にほん"):
        keys.send(
            "Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)}
        )
    expect(page.get_by_role("textbox", name="Name, row 1")).to_have_value("にほん")
    keys.send("Input.insertText", {"text": "日本"})
    page.keyboard.type("!")
    page.keyboard.press("Enter")
    expect(cell(page, 1, "name")).to_have_text("日本!")
    expect(cell(page, 2, "name")).to_have_attribute("aria-selected", "true")


def test_escape_gives_up_a_click_elsewhere_writes_and_a_double_click_begins(
    still_site: Site, typed: Sheet
) -> None:
    page = still_site.grid(typed)
    enter(page, 1, "name", "gone", "!Escape")
    expect(cell(page, 1, "name")).to_have_text("n0")
    cell(page, 2, "name").dblclick()
    field = page.get_by_role("textbox", name="Name, row 2")
    expect(field).to_have_value("n1")
    page.keyboard.type("+")
    cell(page, 3, "name").click()
    expect(cell(page, 2, "name")).to_have_text("n1+")
    expect(cell(page, 3, "name")).to_have_attribute("aria-selected", "true")
    enter(page, 3, "name", "left")
    page.get_by_role("heading", name="Everything").click()
    expect(cell(page, 3, "name")).to_have_text("left")
    page.keyboard.press("F2")
    expect(field).to_have_count(0)


def test_who_may_not_write_is_told(still_site: Site, workspace: Workspace, typed: Sheet) -> None:
    viewer = User.objects.create_user(username="vera", password="a password of words")
    Membership.objects.create(user=viewer, workspace=workspace, role=Role.VIEWER)
    page = still_site.grid(typed, username="vera")
    enter(page, 1, "name", "mine")
    cell(page, 1, "name").dblclick()
    expect(page.get_by_text("You may read this table, not change it.")).to_be_visible()
    expect(page.get_by_role("button", name="+ Add row")).to_be_hidden()
    Table.objects.filter(pk=typed.table.pk).update(locks=["update"])
    page = still_site.grid(typed)
    enter(page, 1, "name", "!F2")
    expect(page.get_by_text("This table is locked: cells cannot be changed.")).to_be_visible()
    assert stored(typed)[0] == {"name": "n0"}


@pytest.mark.rule("T30")
def test_an_edited_output_is_marked_and_run_again_from_its_menu(site: Site, workspace: Workspace) -> None:
    sheet = sheet_make(workspace, "Greetings")
    sheet.column("name")
    sheet.group("Greet", chain(setting("say", "Hello {{ row.name }}")), outputs={"greeting": "result.value"})
    sheet.fill([{"name": "Ada"}])
    page = site.grid(sheet)
    enter(page, 1, "greeting", "Good day", "!Enter")
    expect(cell(page, 1, "greeting").locator("[data-mark=edited]")).to_be_visible()
    page.keyboard.press("Shift+F10")
    expect(page.get_by_role("button", name="Run cell")).to_be_focused()
    page.get_by_role("button", name="Clear edit and run again").click()
    expect(cell(page, 1, "greeting")).to_have_text("Hello Ada")
    cell(page, 1, "greeting").click(button="right")
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(cell(page, 1, "greeting")).to_have_text("")
    assert "greeting" not in stored(sheet)[0]


@pytest.mark.parametrize("colors", ["light", "dark"])
def test_axe_finds_no_serious_fault_in_editors(still_site: Site, typed: Sheet, colors: str) -> None:
    page = still_site.grid(typed, color_scheme=colors, viewport={"width": 2_300, "height": 900})
    at(page, 1, "name")
    assert axe_faults(page) == []
    page.keyboard.press("F2")
    assert axe_faults(page) == []
    enter(page, 1, "tags", "!Enter")
    expect(page.get_by_role("option")).to_have_count(2)
    assert axe_faults(page) == []
    enter(page, 1, "raw", "{")
    expect(page.get_by_text("This is not JSON")).to_be_visible()
    assert axe_faults(page) == []


MEANT: list[tuple[str, str, dict[str, Any]]] = [
    ("text", " a ", {"value": " a "}),
    ("text", "", {"value": None}),
    ("number", "1,234.50", {"value": 1234.5}),
    ("number", "-.5e3", {"value": -500}),
    ("number", "12345678901234567890", {"value": "12345678901234567890"}),
    ("number", "twelve", {"value": "twelve", "hint": True}),
    ("currency", "EUR 1,000", {"value": 1000}),
    ("date", "2024-12-31", {"value": "2024-12-31"}),
    ("date", "31 Dec 2024", {"value": "31 Dec 2024", "hint": True}),
    ("datetime", "2024-12-31 08:30", {"value": "2024-12-31T08:30:00.000Z"}),
    ("url", "https://example.org", {"value": "https://example.org"}),
    ("url", "example.org", {"value": "example.org", "hint": True}),
    ("email", "a@example.org", {"value": "a@example.org"}),
    ("json", " [1, {}] ", {"value": [1, {}]}),
    ("json", "", {"value": None}),
    ("boolean", "yes", {"value": "yes"}),
]


def test_what_is_typed_means_what_the_server_would_make_of_it(modules: Page) -> None:
    found = modules.evaluate(
        """async (all) => { const m = await import("/static/runsheet/sheet/edit/kinds.js");
        const means = ([type, text]) => m.fromText({type, options: {}}, text);
        return all.map(means).map(({value, hint}) => ({value, ...(hint && {hint: true})})); }""",
        [[kind, text] for kind, text, _ in MEANT],
    )
    assert found == [meant for _, _, meant in MEANT]
