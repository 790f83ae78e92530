"""The pure parts of ranges: what lies between two places, the history, writes, scopes, and where a range has gone."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.test_modules import ask

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
    const isLook = method === 'GET'; // at what a row of a page that may be old holds
    if (!isLook) calls.push([method, JSON.parse(body)]);
    const looked = () => [200, page.results.find(({id}) => String(url).endsWith(`/${id}/`))];
    const [status, json] = isLook ? looked() : await answer(JSON.parse(body));
    return new Response(JSON.stringify(json), {status, headers: {'Content-Type': 'application/json'}});
  };
  const page = {results: [{id: 'a', data: {k: 1}, cells: {}}, {id: 'b', data: {k: 2}, cells: {}}], total: 2};
  const store = new Store(async () => structuredClone(page), {rows() {}, failed(error) { throw error; }});
  store.want(0, 1);
  await new Promise((done) => setTimeout(done));
  const writer = new m.Writer({store, session: {path: 'tables/t/'}, schema: {columns: [{key: 'k', name: 'Size'}]}});
  const shown = () => [store.row(0).data.k, store.row(1).data.k];
  const rows = (body) => ({changed: body.rows.map(({id}) => id), skipped: [],
    rows: body.rows.map(({id, data}) => ({id, data: {k: Number(data.k)}, cells: {}}))});

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

  store.pages.get(0).at = -1e9; // the other change of row a was somebody else's: it is read
  store.want(0, 1);
  await new Promise((done) => setTimeout(done));
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
  const whole = [{from: 0, to: 8_001, isWhole: true}];
  const all = [await m.scopesOf(grid(sorted), whole, 8_002), await m.scopesOf(grid({}), whole, 8_002)];
  const short = grid({});
  short.fetchPage = async (start) => ({results: start < 2_345 ? [{id: `r${start}`}] : []});
  const [shorter] = await m.scopesOf(short, [{from: 5, to: 8_001}], 7_997);
  return {few, searched: searched.map(({rows}) => [rows.length, rows[0]]), many, asked, all, shorter};
})()"""


def test_rows_are_named_by_ids_while_they_are_few_and_then_as_ranges_of_what_is_listed(modules: Page) -> None:
    order = {
        "filter": {"column": "a", "op": "eq", "value": 1},
        "sort": [{"column": "b", "direction": "desc"}],
    }
    assert ask(modules, "sheet/scopes.js", SCOPES) == {
        "few": [{"rows": ["r1", "r2", "r3", "r4", "r5", "r9"]}],
        "searched": [[1_000, "r0"], [200, "r1000"]],
        "many": [
            {"rows": {"from": "r0", "to": "r4999", **order}, "expected": 5_000},
            {"rows": {"from": "r8000", "to": "r8001", **order}, "expected": 2},
        ],
        "asked": [[4_999, 1], [8_000, 1], [8_001, 1]],
        "all": [[{"filter": order["filter"]}], [{"filter": {}}]],
        "shorter": {"rows": {"from": "r5", "to": "r2344"}, "expected": 2_340},
    }


DRIFTS: list[tuple[list[dict[str, Any]], dict[str, int | None], int | None]] = [
    ([{"row": 4, "id": "a"}], {"a": 4}, 0),
    ([{"row": 4, "id": "a"}], {"a": 5}, 1),
    ([{"row": 4, "id": "a"}], {"a": None}, None),
    ([{"row": 4, "id": "a"}], {}, 0),
    ([{"row": 4, "id": "a"}, {"row": 9, "id": "b"}], {"a": 2, "b": 7}, -2),
    ([{"row": 4, "id": "a"}, {"row": 9, "id": "b"}], {"a": 5}, 1),
    ([{"row": 4, "id": "a"}, {"row": 9}], {"a": 5}, 1),
    ([{"row": 4, "id": "a"}, {"row": 9, "id": "b"}], {"a": 4, "b": 10}, None),
    ([{"row": 4, "id": "a"}, {"row": 9, "id": "b"}], {"a": 4, "b": None}, None),
]


@pytest.mark.parametrize(("ends", "now", "drift"), DRIFTS)
def test_a_range_follows_its_rows_as_long_as_it_is_the_same_range(
    modules: Page, ends: list[dict[str, Any]], now: dict[str, int | None], drift: int | None
) -> None:
    assert ask(modules, "sheet/bearings.js", "m.drift(given[0], (id) => given[1][id])", [ends, now]) == drift


def test_a_row_is_gone_only_when_the_pages_around_it_were_read_without_it(modules: Page) -> None:
    code = """(() => {
      const store = (stale, index = {}) => ({
        pages: new Map(stale.map((each, number) => [number, {stale: each}]).filter(([, page]) => page.stale !== null)),
        index: new Map(Object.entries(index)),
      });
      const find = (...known) => { const found = m.finder(store(...known), 200)('a', 250);
        return found === undefined ? 'unknown' : found; };
      return [find([false, false], {a: 251}), find([false, true], {a: 251}), find([false, false, false]),
        find([false, true, false]), find([true, false, false]), find([false, false]), find([false, null])];
    })()"""
    assert ask(modules, "sheet/bearings.js", code) == [
        251, "unknown", None, "unknown", "unknown", None, "unknown",
    ]  # fmt: skip


BULK = """(async () => {
  const calls = [], seals = [];
  let job = null;
  window.fetch = async (url, {method, body}) => {
    calls.push([method, new URL(url).pathname, body && JSON.parse(body)]);
    const [status, json] = job.shift();
    return new Response(JSON.stringify(json), {status, headers: {'Content-Type': 'application/json'}});
  };
  const grid = {
    query: {}, session: {path: 'tables/t/'}, selection: {isEverything: false}, bounds: {rows: 9_000}, hasMoved: false,
    store: {row: (n) => ({id: `r${n}`}), total: 9_000},
    writer: {seal: (words) => seals.push(words), remember: async (words, act) => act(), hold: (done) => done,
      write: async (rows) => ({kind: 'write', rows}), remove: async () => given.removes},
  };
  const agree = async (asked) => {
    while (!document.querySelector('dialog .primary')) await new Promise(requestAnimationFrame);
    document.querySelector('dialog .primary').click();
    return asked;
  };
  const told = () => [...document.querySelectorAll('.toast')].splice(0).map((each) => {
    each.remove(); return each.querySelector('span').textContent;
  });
  const done = {status: 'completed', progress: {rows_rejected: 0}};
  const some = {from: 10, to: 2_009, data: () => ({k: null}), isUniform: true};
  const few = {from: 3_000, to: 3_001, data: () => ({k: null}), isUniform: true};
  const clear = (...parts) => agree(m.assign(grid, parts, {words: 'clear cells'}));
  const found = {};
  job = [[409, {detail: 'It has 2,001 rows by now.', code: 'rows_moved'}]];
  found.refused = [(await clear(few, some)).length, seals.length, told()];
  found.asked = calls[0];
  job = [[202, {status: 'failed', error: {message: 'The disk is full.'}, progress: {}}]];
  found.failed = [(await clear(some)).length, seals.length, told()];
  job = [[202, {...done, progress: {rows_rejected: 3}}]];
  found.partly = [seals.length, (await clear(some)).length, seals.length, told()];
  grid.hasMoved = true;
  found.moved = [await m.deleteRows(grid, [{from: 0, to: 1_999}]), told(), document.querySelector('dialog')];
  grid.hasMoved = false;
  found.kept = [await agree(m.deleteRows(grid, [{from: 0, to: 1}])), told()];
  job = [[202, done]];
  found.deleted = [await agree(m.deleteRows(grid, [{from: 0, to: 1_999}])), told()];
  return found;
})()"""


def test_what_many_rows_came_to_is_told_as_it_was(modules: Page) -> None:
    found = ask(modules, "sheet/bulk.js", BULK, {"removes": False})
    changing = "2,002 rows are being changed…"
    one = "2,000 rows are being changed…"
    moved = (
        "Could not delete 2,000 rows. Rows may have moved since this list was read: refresh it first, and look"
        " at what is selected."
    )
    assert found == {
        "refused": [1, 0, [changing, "Could not clear cells. It has 2,001 rows by now."]],
        "asked": [
            "PATCH", "/api/v1/tables/t/rows/",
            {"rows": {"from": "r10", "to": "r2009"}, "expected": 2_000, "data": {"k": None}},
        ],
        "failed": [0, 1, [one, "Could not clear cells. The disk is full."]],
        "partly": [1, 0, 2, [one, "3 of 2,000 rows could not be changed."]],
        "moved": [False, [moved], None],
        "kept": [False, []],
        "deleted": [True, ["2,000 rows are being deleted…", "Deleted 2,000 rows."]],
    }  # fmt: skip
