"""Signing in and out, the shell, narrow screens, and nobody's data becoming markup."""

import pytest
from playwright.sync_api import Page, expect

from tables.models import Column
from tests.bed.factories import greeting_chain, sheet_make
from tests.browser.sheets import cell, two_step_sheet
from tests.browser.site import Site, axe_faults
from tests.browser.test_modules import ask
from workspaces.models import Membership, User, Workspace
from workspaces.states import Role


def test_a_person_signs_in_finds_their_table_and_signs_out(still_site: Site, workspace: Workspace) -> None:
    sheet = greeting_chain(3, workspace)
    page = still_site.watched.page(still_site.url)
    page.goto("/")
    page.get_by_label("Username").fill("mk")
    page.get_by_label("Password").fill("not it, no")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("correct username and password")
    page.get_by_label("Password").fill("a password of words")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name=sheet.table.name).click()
    expect(cell(page, 3, "name")).to_have_text("n2")
    page.get_by_role("button", name="mk").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Password")).to_be_visible()


def test_a_viewer_sees_and_cannot_run(still_site: Site, workspace: Workspace) -> None:
    viewer = User.objects.create_user(username="vera", password="a password of words")
    Membership.objects.create(user=viewer, workspace=workspace, role=Role.VIEWER)
    page = still_site.grid(two_step_sheet(workspace, 2), username="vera")
    expect(cell(page, 1, "name")).to_have_text("n0")
    expect(page.get_by_role("button", name="Run all")).to_have_count(0)
    expect(page.locator(".band-play")).to_have_count(0)


def test_a_foreign_table_and_a_missing_page_say_the_same(still_site: Site, workspace: Workspace) -> None:
    foreign = sheet_make()
    still_site.watched.expected.append("404")
    page = still_site.page(f"/tables/{foreign.table.id}/")
    expect(page.get_by_role("heading")).to_have_text("There is nothing here")
    page.goto("/no-such-page/")
    expect(page.get_by_role("heading")).to_have_text("There is nothing here")


def test_the_theme_chosen_by_hand_is_kept(still_site: Site, workspace: Workspace) -> None:
    page = still_site.page("/", color_scheme="light")
    page.get_by_role("button", name="mk").click()
    page.get_by_role("button", name="Dark theme").click()
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(19, 21, 25)"


def test_the_keyboard_alone_reaches_every_cell(still_site: Site, workspace: Workspace) -> None:
    page = still_site.grid(two_step_sheet(workspace, 500))
    page.get_by_role("grid").focus()
    page.keyboard.press("Control+End")
    expect(page.locator("[aria-selected=true]")).to_have_attribute("aria-colindex", "4")
    expect(cell(page, 500, "shout")).to_be_in_viewport()
    page.keyboard.press("Home")
    expect(page.get_by_role("rowheader", name="500")).to_have_attribute("aria-selected", "true")
    expect(cell(page, 500, "name")).to_have_text("n499")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Run empty or failed")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("grid")).to_be_focused()


def test_far_rows_load_when_scrolled_to_and_elements_stay_few(still_site: Site, workspace: Workspace) -> None:
    page = still_site.grid(two_step_sheet(workspace, 2_000))
    page.locator(".sheet").evaluate("(sheet) => { sheet.scrollTop = 1500 * 34; }")
    expect(cell(page, 1_510, "name")).to_have_text("n1509")
    assert page.locator(".sheet .cell").count() < 400


PAYLOADS = [
    "<img src=x onerror=\"window.__xss=1\">", "<script>window.__xss=1</script>", "javascript:window.__xss=1",
    "\"><svg onload=window.__xss=1>", "{{constructor.constructor('window.__xss=1')()}}", "${window.__xss=1}",
    "<a href=\"javascript:window.__xss=1\">x</a>", "</script><script>window.__xss=1</script>",
]  # fmt: skip


def test_nobodys_data_becomes_markup(still_site: Site, workspace: Workspace) -> None:
    sheet = two_step_sheet(workspace, 0)
    sheet.table.name = PAYLOADS[0]
    sheet.table.save()
    Column.objects.filter(pk=sheet.columns["name"].pk).update(name=PAYLOADS[1], type="url")
    sheet.groups["Greet"].name = PAYLOADS[3]
    sheet.groups["Greet"].save()
    sheet.fill([{"name": payload, "greeting": payload} for payload in PAYLOADS])
    page = still_site.grid(sheet)
    for number, payload in enumerate(PAYLOADS, start=1):
        expect(cell(page, number, "greeting")).to_have_text(payload)
        cell(page, number, "greeting").click()
        expect(page.get_by_role("complementary")).to_contain_text(payload)
    page.goto("/")
    expect(page.get_by_role("link", name=PAYLOADS[0])).to_be_visible()
    assert page.evaluate("window.__xss") is None


@pytest.mark.parametrize("colors", ["light", "dark"])
def test_axe_finds_no_serious_fault(still_site: Site, workspace: Workspace, colors: str) -> None:
    sheet = two_step_sheet(workspace, 30)
    login = still_site.watched.page(still_site.url, color_scheme=colors)
    login.goto("/login/")
    assert axe_faults(login) == []
    page = still_site.page("/", color_scheme=colors)
    assert axe_faults(page) == []
    page.get_by_role("button", name="Import CSV").click()
    assert axe_faults(page) == []
    page = still_site.grid(sheet, color_scheme=colors)
    cell(page, 1, "greeting").click()
    expect(page.get_by_role("complementary")).to_be_visible()
    assert axe_faults(page) == []
    page.get_by_role("button", name="Run all").click()
    expect(page.get_by_role("dialog").get_by_role("button", name="All rows")).to_contain_text("60 cells")
    assert axe_faults(page) == []


@pytest.mark.parametrize("width", [390, 720, 2_560])
def test_nothing_is_broken_at_any_width(still_site: Site, workspace: Workspace, width: int) -> None:
    page = still_site.grid(two_step_sheet(workspace, 30), viewport={"width": width, "height": 800})
    assert overflow(page) <= 0
    expect(page.get_by_role("button", name="Run all")).to_be_in_viewport()
    page.goto("/")
    assert overflow(page) <= 0


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def test_a_csv_becomes_a_table(site: Site, workspace: Workspace) -> None:
    page = site.page("/")
    page.get_by_role("button", name="Import CSV").click()
    content = b"Company,Employees\nSolar,4247\nLedger,31\n"
    page.get_by_label("File").set_input_files(
        {"name": "eu_prospects.csv", "mimeType": "text/csv", "buffer": content}
    )
    expect(page.get_by_label("Table", exact=True)).to_have_value("eu prospects")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("heading", name="eu prospects")).to_be_visible()
    expect(cell(page, 2, "employees")).to_have_text("31")
    expect(page.locator("#row-count")).to_have_text("2 rows")


SPOKEN = """(() => {
  const timers = [], voice = new m.Voice();
  let now = 50_000;
  performance.now = () => now;
  window.setTimeout = (act, ms) => timers.push([act, ms]);
  window.clearTimeout = () => {};
  const found = [voice.element.getAttribute('role')];
  const say = (...what) => { voice.say(...what); found.push(voice.element.textContent); };
  say('1 row may have moved', 'moved');
  now += 1_000;
  say('2 rows may have moved', 'moved');
  found.push(timers.at(-1)[1]);
  timers.at(-1)[0]();
  found.push(voice.element.textContent);
  say('', '');
  say('3 rows may have moved', 'moved');
  return found;
})()"""


def test_figures_that_go_on_changing_are_read_out_now_and_then(modules: Page) -> None:
    assert ask(modules, "ui/voice.js", SPOKEN) == [
        "status", "1 row may have moved", "1 row may have moved", 9_000, "2 rows may have moved", "",
        "3 rows may have moved",
    ]  # fmt: skip


TOASTS = """(() => {
  const region = document.querySelector('.toasts [role=status]');
  const field = document.createElement('input');
  document.body.append(field);
  const press = (act) => {
    field.focus();
    act();
    const last = [...document.querySelectorAll('.toast button')].at(-1);
    last.focus();
    last.click();
    return document.activeElement === field;
  };
  const before = region.textContent;
  m.toast('Saved.');
  const told = region.querySelector('.toast span').textContent;
  const isLive = region.querySelectorAll('[role]').length === 0;
  return [before, told, isLive, press(() => {}), press(() => m.toast('Gone.', {kind: 'error'})),
    document.querySelectorAll('.toast').length];
})()"""


def test_messages_come_into_one_live_region_and_leave_the_focus_where_it_was(modules: Page) -> None:
    assert ask(modules, "ui/toast.js", TOASTS) == ["", "Saved.", True, True, True, 0]
