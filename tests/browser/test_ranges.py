"""People select ranges of cells and do something with them."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, expect

from tables.models import Dispatch, Job, Row
from tests.bed.factories import Sheet, sheet_make
from tests.browser.sheets import cell, slow, stored
from tests.browser.site import Site, axe_faults
from tests.browser.test_modules import ask
from workspaces.models import Workspace


def plain_sheet(workspace: Workspace, rows: int) -> Sheet:
    sheet = sheet_make(workspace, "People")
    sheet.column("name")
    sheet.column("age", "number")
    sheet.column("town")
    sheet.fill([{"name": f"n{number}", "age": number, "town": f"t{number}"} for number in range(rows)])
    return sheet


def selected(page: Page, words: str) -> None:
    """What screen readers are told about the selection."""
    expect(page.get_by_role("status").filter(has_text=re.compile(f"^{re.escape(words)}$"))).to_have_count(1)


def bar(page: Page) -> Any:
    return page.get_by_role("group", name="Selected rows")


CASES = """(() => {
  const bounds = {rows: 100, cols: 6};
  const at = ([row, col]) => ({row, col});
  const made = (a, b, shape = 'cells') => m.clip(m.between(at(a), at(b), shape), bounds);
  const flat = (range) => range && [range.from.row, range.from.col, range.to.row, range.to.col];
  const words = (...ranges) => m.selectionWords(ranges, 100);
  const spans = m.rowSpans([made([7, 1], [9, 1]), made([1, 2], [3, 2]), made([4, 1], [5, 1])]);
  return {
    turned: flat(made([5, 3], [2, 1])), number: flat(made([5, 3], [2, 0])),
    rows: flat(made([5, 3], [2, 1], 'rows')), columns: flat(made([5, 3], [2, 4], 'columns')),
    all: flat(made([5, 3], [5, 3], 'all')),
    gone: flat(made([200, 1], [300, 2])), shorter: flat(made([50, 1], [300, 2])),
    spans: spans.map((span) => [span.from, span.to]),
    one: [made([1, 1], [1, 1]), made([1, 0], [1, 0], 'rows'), made([1, 1], [2, 1])].map((each) => m.isOneCell([each])),
    words: [words(made([1, 1], [4, 3])), words(made([1, 0], [4, 0], 'rows')), words(made([0, 2], [0, 3], 'columns')),
      words(made([1, 1], [2, 1]), made([2, 3], [3, 3]))],
  };
})()"""


def test_ranges_are_what_lies_between_two_places_as_far_as_there_is_anything(modules: Page) -> None:
    assert ask(modules, "sheet/select.js", CASES) == {
        "turned": [2, 1, 5, 3],
        "number": [2, 1, 5, 3],
        "rows": [2, 0, 5, 5],
        "columns": [0, 3, 99, 4],
        "all": [0, 0, 99, 5],
        "gone": None,
        "shorter": [50, 1, 99, 2],
        "spans": [[1, 5], [7, 9]],
        "one": [True, False, False],
        "words": ["4 rows × 3 columns", "4 rows", "2 columns", "2 ranges, 3 rows"],
    }


HISTORY = """(() => {
  const history = new m.History();
  for (let n = 0; n < 120; n += 1) history.push({words: String(n), steps: []});
  const deep = history.done.length;
  const last = history.take(true);
  history.put(last, true);
  const again = history.take(false).words;
  history.push({words: 'made', steps: [{kind: 'insert', rows: [{id: 'a'}]}]});
  history.rename(new Map([['a', 'b']]));
  const renamed = history.done.at(-1).steps[0].rows[0].id;
  history.push({words: '', steps: [], refusal: 'no'});
  const refusals = [history.take(true).refusal, history.take(true).refusal];
  return [deep, last.words, again, renamed, ...refusals, history.done.length];
})()"""


def test_history_is_a_hundred_deep_and_ends_at_what_has_no_way_back(modules: Page) -> None:
    assert ask(modules, "sheet/undo.js", HISTORY) == [100, "119", "119", "b", "no", "no", 1]


WRITER = """(async () => {
  const {Store} = await import('/static/runsheet/sheet/store.js');
  const calls = [], changes = [];
  let answer = null;
  window.fetch = async (url, {method, body}) => {
    calls.push([method, JSON.parse(body)]);
    const [status, json] = await answer(JSON.parse(body));
    return new Response(JSON.stringify(json), {status, headers: {'Content-Type': 'application/json'}});
  };
  const page = {results: [{id: 'a', data: {k: 1}, cells: {}}, {id: 'b', data: {k: 2}, cells: {}}], total: 2};
  const store = new Store(async () => structuredClone(page), {rows() {}, failed(error) { throw error; }});
  store.want(0, 1);
  await new Promise((done) => setTimeout(done));
  const writer = new m.Writer({store, session: {path: 'tables/t/'}, schema: {columns: [{key: 'k', name: 'Size'}]}});
  const shown = () => [store.row(0).data.k, store.row(1).data.k];
  const rows = (body) => ({rows: body.rows.map(({id, data}) => ({id, data: {k: Number(data.k)}, cells: {}}))});

  answer = async (body) => [200, rows(body)];
  const writing = writer.write([{row: 'a', data: {k: '5'}}], {words: 'change k'});
  const atOnce = shown();
  await writing;
  const taken = shown();
  const echoes = [store.invalidateRows(['a']), store.invalidateRows(['a'])];

  answer = async () => [400, {code: 'invalid', detail: 'No such number.'}];
  const refusedWrite = await writer.write([{row: 'b', data: {k: 'x'}}]);
  const refused = shown();
  const words = document.querySelector('.toast').textContent;
  let thrown = null;
  await writer.write([{row: 'b', data: {k: 'y'}}], {throws: true}).catch((error) => { thrown = error.message; });

  let open;
  const gate = new Promise((resolve) => { open = resolve; });
  answer = async (body) => { await gate; return [200, rows(body)]; };
  const before = calls.length;
  const first = writer.write([{row: 'b', data: {k: '7'}}]), second = writer.write([{row: 'b', data: {k: '8'}}]);
  await new Promise((done) => setTimeout(done));
  const oneAtATime = calls.length - before;
  store.pages.get(0).stale = true;
  store.pages.get(0).at = -1e9;
  store.want(0, 1);
  await new Promise((done) => setTimeout(done));
  const overlaid = shown();
  open();
  await Promise.all([first, second]);
  const both = shown();

  answer = async (body) => [200, rows(body)];
  const undone = [];
  for (let n = 0; n < 3; n += 1) { await writer.back(true); undone.push(shown().join()); }
  const redone = [(await writer.back(false)).words, shown().join()];
  return {atOnce, taken, echoes, refusedWrite, refused, words, thrown, oneAtATime, overlaid, both, undone, redone};
})()"""


def test_a_write_is_shown_at_once_sent_in_turn_and_taken_back_when_refused(modules: Page) -> None:
    found = ask(modules, "sheet/writing.js", WRITER)
    assert "No such number." in found.pop("words")
    assert found == {
        "atOnce": ["5", 2],
        "taken": [5, 2],
        "echoes": [False, True],
        "refusedWrite": None,
        "refused": [5, 2],
        "thrown": "No such number.",
        "oneAtATime": 1,
        "overlaid": [1, "8"],
        "both": [1, 8],
        "undone": ["1,7", "1,2", "1,2"],
        "redone": ["change k", "5,2"],
    }


SCOPES = """(async () => {
  const asked = [];
  const grid = (query) => ({
    query, session: {path: 'tables/t/'}, store: {row: (n) => (n < 3 ? {id: `r${n}`} : undefined)},
    fetchPage: async (start, limit) => {
      asked.push([start, limit]);
      return {results: Array.from({length: Math.min(limit, 500)}, (_, n) => ({id: `r${start + n}`}))};
    },
  });
  const sorted = {filter: '{"column":"a","op":"eq","value":1}', sort: '[{"column":"b","direction":"desc"}]'};
  const few = await m.scopesOf(grid({}), [{from: 1, to: 5}, {from: 9, to: 9}], 6);
  const searched = await m.scopesOf(grid({q: 'x'}), [{from: 0, to: 1_199}], 1_200);
  asked.length = 0;
  const many = await m.scopesOf(grid(sorted), [{from: 0, to: 4_999}, {from: 8_000, to: 8_001}], 5_002);
  return {few, searched: searched.map((ids) => [ids.length, ids[0]]), many, asked};
})()"""


def test_rows_are_named_by_ids_while_they_are_few_and_then_as_ranges_of_what_is_listed(modules: Page) -> None:
    order = {
        "filter": {"column": "a", "op": "eq", "value": 1},
        "sort": [{"column": "b", "direction": "desc"}],
    }
    assert ask(modules, "sheet/scopes.js", SCOPES) == {
        "few": [["r1", "r2", "r3", "r4", "r5", "r9"]],
        "searched": [[1_000, "r0"], [200, "r1000"]],
        "many": [{"from": "r0", "to": "r4999", **order}, {"from": "r8000", "to": "r8001", **order}],
        "asked": [[4_999, 1], [8_000, 1], [8_001, 1]],
    }


def test_ranges_are_selected_by_keys_and_pointer_and_said(still_site: Site, workspace: Workspace) -> None:
    page = still_site.grid(plain_sheet(workspace, 60))
    cell(page, 2, "age").click()
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowRight")
    selected(page, "2 rows × 2 columns selected")
    assert page.locator(".range").count() == 1
    expect(bar(page)).to_contain_text("2 rows × 2 columns")
    page.keyboard.press("Shift+Space")
    selected(page, "2 rows selected")
    page.keyboard.press("Escape")
    expect(bar(page)).to_be_hidden()
    expect(page.locator(".range")).to_have_count(0)
    page.keyboard.press("Control+Space")
    selected(page, "1 column selected")
    page.keyboard.press("Control+a")
    selected(page, "60 rows selected")
    assert axe_faults(page) == []
    page.get_by_role("columnheader", name="Town").click()
    selected(page, "1 column selected")
    cell(page, 1, "age").click()
    page.keyboard.press("Control+Shift+End")
    selected(page, "2 columns selected")
    page.keyboard.press("Control+Home")
    expect(page.locator(".range")).to_have_count(2)  # the number of a row stands for the row, in both panes

    cell(page, 1, "name").hover()
    page.mouse.down()
    cell(page, 4, "town").hover()
    page.mouse.up()
    selected(page, "4 rows × 3 columns selected")
    cell(page, 6, "age").click(modifiers=["Control"])
    selected(page, "2 ranges, 5 rows selected")
    cell(page, 8, "age").click(modifiers=["Shift"])
    selected(page, "2 ranges, 7 rows selected")
    cell(page, 3, "name").hover()
    page.mouse.down()
    frame = page.get_by_role("grid").bounding_box()
    assert frame
    page.mouse.move(frame["x"] + 200, frame["y"] + frame["height"] - 4)
    selected(page, "58 rows × 1 column selected")  # the edge scrolls, to the last row
    page.mouse.up()


def test_cells_are_filled_and_emptied_and_that_is_undone(still_site: Site, workspace: Workspace) -> None:
    sheet = plain_sheet(workspace, 8)
    page = still_site.grid(sheet)
    cell(page, 1, "age").click()
    for _ in range(2):
        page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Control+d")
    expect(cell(page, 3, "town")).to_have_text("t0")
    page.keyboard.press("Delete")
    expect(cell(page, 3, "town")).to_have_text("")
    page.keyboard.press("Control+z")
    expect(cell(page, 3, "town")).to_have_text("t0")
    page.keyboard.press("Control+z")
    expect(cell(page, 3, "town")).to_have_text("t2")
    page.keyboard.press("Control+y")
    expect(cell(page, 3, "town")).to_have_text("t0")

    cell(page, 4, "age").click()
    page.keyboard.press("Shift+ArrowDown")
    page.locator(".fill-handle").hover()
    page.mouse.down()
    cell(page, 8, "age").hover()
    expect(page.locator(".range.filling")).to_have_count(1)
    page.mouse.up()
    expect(cell(page, 8, "age")).to_have_text("3")
    selected(page, "5 rows × 1 column selected")
    with page.expect_response(lambda answer: answer.request.method == "PATCH" and answer.ok):
        page.keyboard.press("Control+Shift+z")  # nothing is left to redo
        page.keyboard.press("Control+z")
    assert [row["age"] for row in stored(sheet)] == [0, 0, 0, 3, 4, 5, 6, 7]


def test_many_rows_are_run_stopped_emptied_and_deleted_though_few_are_loaded(
    site: Site, workspace: Workspace
) -> None:
    sheet = sheet_make(workspace, "Many")
    sheet.column("name")
    definition = {"blocks": [{"name": "", **slow("say", "x", 30_000)}], "edges": []}
    sheet.group("Greet", definition, outputs={"greeting": "blocks.say"})
    sheet.fill([{"name": f"n{number}"} for number in range(1_500)])
    page = site.grid(sheet)
    cell(page, 3, "name").click()
    page.keyboard.press("Control+Shift+ArrowDown")
    expect(bar(page)).to_contain_text("1,498 rows × 1 column")
    bar(page).get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Run 1,498 cells").click()
    page.get_by_role("grid").press("Control+Home")
    expect(cell(page, 3, "greeting")).to_have_text(re.compile("Running|Queued"))
    expect(cell(page, 2, "greeting")).to_have_text("")
    dispatch = Dispatch.objects.get(table=sheet.table)
    assert dispatch.scope["rows"]["from"] == str(sheet.rows[2])
    assert dispatch.scope["rows"]["to"] == str(sheet.rows[-1])

    cell(page, 3, "name").click()
    page.keyboard.press("Control+Shift+ArrowDown")
    bar(page).get_by_role("button", name="Stop").click()
    expect(page.locator(".strip-title")).to_contain_text("Stopped")

    page.get_by_role("grid").press("Delete")
    page.get_by_role("dialog").get_by_role("button", name="Change 1,498 rows").click()
    expect(page.get_by_role("status").filter(has_text="1,498 rows done")).to_be_visible()
    assert Row.objects.filter(table=sheet.table, data__has_key="name").count() == 2
    page.get_by_role("grid").press("Control+z")
    expect(page.get_by_role("status").filter(has_text="cannot be undone")).to_be_visible()

    bar(page).get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete 1,498 rows").click()
    expect(page.locator("#row-count")).to_have_text("2 rows")
    assert set(Job.objects.filter(table=sheet.table).values_list("status", flat=True)) == {"completed"}
