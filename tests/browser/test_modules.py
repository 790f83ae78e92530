"""The pure modules of the grid, unit-tested inside a page."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

SHEET = "/static/runsheet/sheet"


def ask(page: Page, module: str, code: str, argument: Any = None) -> Any:
    """Evaluate `code`, in which `m` is the module and `given` the argument."""
    return page.evaluate(
        f"async (given) => {{ const m = await import('/static/runsheet/{module}'); return await ({code}); }}",
        argument,
    )


@pytest.mark.parametrize(
    ("start", "press", "end"),
    [
        ([5, 2], {"key": "ArrowUp"}, [4, 2]),
        ([0, 0], {"key": "ArrowUp"}, [0, 0]),
        ([5, 2], {"key": "ArrowDown", "ctrl": True}, [99, 2]),
        ([5, 2], {"key": "ArrowRight"}, [5, 3]),
        ([5, 4], {"key": "ArrowRight"}, [5, 4]),
        ([5, 2], {"key": "Home"}, [5, 0]),
        ([5, 2], {"key": "End"}, [5, 4]),
        ([5, 2], {"key": "End", "ctrl": True}, [99, 4]),
        ([5, 2], {"key": "PageDown"}, [25, 2]),
        ([95, 2], {"key": "PageDown"}, [99, 2]),
    ],
)
def test_keys_move_the_selection(
    modules: Page, start: list[int], press: dict[str, Any], end: list[int]
) -> None:
    code = "m.move({row: given[0][0], col: given[0][1]}, given[1], {rows: 100, cols: 5, page: 20})"
    assert ask(modules, "sheet/select.js", code, [start, press]) == {"row": end[0], "col": end[1]}


def test_other_keys_and_the_screen_readers_own_do_not_move(modules: Page) -> None:
    code = "['a', 'Tab'].map((key) => m.move({row: 1, col: 1}, {key}, {rows: 9, cols: 9, page: 3}))"
    assert ask(modules, "sheet/select.js", code) == [None, None]
    code = "m.move({row: 1, col: 1}, {key: 'PageDown', ctrl: true}, {rows: 9, cols: 9, page: 3})"
    assert ask(modules, "sheet/select.js", code) is None
    assert ask(modules, "sheet/select.js", "m.within({row: 0, col: 0}, {rows: 0, cols: 3})") is None


@pytest.mark.rule("T35")
@pytest.mark.parametrize(("version", "wins"), [(4, False), (5, True), (6, True)])
def test_version_alone_decides_what_is_newer(modules: Page, version: int, wins: bool) -> None:
    code = """(() => { const row = {data: {a: 1}, cells: {g: {status: 'completed', version: 5}}};
      const taken = m.admit(row, {row: 'r', group: 'g', status: null, version: given, data: {a: 2}});
      return [taken, row.cells.g.status, row.data.a]; })()"""
    expected = [True, None, 2] if wins else [False, "completed", 1]
    assert ask(modules, "sheet/record.js", code, version) == expected


@pytest.mark.rule("T33", "T35")
def test_events_that_came_while_a_page_was_fetched_are_applied_to_it(modules: Page) -> None:
    code = """(async () => {
      let arrive; const page = new Promise((resolve) => { arrive = resolve; });
      const store = new m.Store(() => page, {rows() {}, failed(error) { throw error; }});
      store.want(0, 10);
      store.apply([{row: 'a', group: 'g', status: 'completed', version: 7, data: {k: 'new'}}]);
      arrive({results: [{id: 'a', data: {k: 'old'}, cells: {g: {status: 'running', version: 6}}}], total: 1});
      await page; await Promise.resolve(); await Promise.resolve();
      return [store.row(0).data.k, store.row(0).cells.g.status]; })()"""
    assert ask(modules, "sheet/store.js", code) == ["new", "completed"]


def test_after_a_fast_scroll_only_the_newest_four_pages_are_fetched_and_fifty_kept(modules: Page) -> None:
    code = """(async () => {
      const asked = [];
      const fetchPage = async (start) => {
        asked.push(start / 200);
        return {results: [{id: `r${start}`, data: {}, cells: {}}], total: 1e6};
      };
      const settled = async (turns) => { for (let turn = 0; turn < turns; turn += 1) await Promise.resolve(); };
      const store = new m.Store(fetchPage, {rows() {}, failed(error) { throw error; }});
      for (let n = 0; n < 40; n += 1) store.want(n * 200, n * 200 + 30);
      await settled(200);
      const first = [...asked].sort((a, b) => a - b);
      for (let n = 100; n < 200; n += 1) { store.want(n * 200, n * 200 + 30); await settled(20); }
      return [first, store.pages.size, store.row(0), store.row(199 * 200).id]; })()"""
    first, held, gone, newest = ask(modules, "sheet/store.js", code)
    assert first[-4:] == [36, 37, 38, 39]
    assert len(first) <= 6
    assert (held, gone, newest) == (50, None, "r39800")


@pytest.mark.parametrize(
    ("total", "row"), [(100, 99), (300_000, 299_999), (1_000_000, 0), (5_000_000, 3_141_592)]
)
def test_every_row_can_be_scrolled_to_whatever_the_height(modules: Page, total: int, row: int) -> None:
    code = """(() => { const top = m.bring(given[1], given[0], 800, given[1] ? 0 : 1e9);
      const range = m.visible(given[0], 800, top, 0);
      return [range.first <= given[1] && given[1] < range.last, m.measure(given[0], 800).canvas]; })()"""
    seen, canvas = ask(modules, "sheet/scroll.js", code, [total, row])
    assert seen
    assert canvas < 17_000_000


SCHEMA = """const schema = {
  group: new Map([['g', {id: 'g', auto_run: false, depends: []}], ['h', {id: 'h', auto_run: false,
    depends: [{key: 'out', name: 'Out', type: 'text', group: 'g'}]}]])};
  const dispatch = {id: 'd', groups: ['g', 'h'], mode: 'incomplete', scope: {}, status: 'dispatching',
    is_manual: true, limit: null, cursor: {position: 'b', row: 'x'}, requested_at: '2026-11-21T12:00:00.000Z',
    ...given.dispatch};
  const row = {id: 'r', position: 'c', data: {}, cells: {}, edited: [], created_at: '2026-11-20T00:00:00.000Z',
    ...given.row};
  const found = m.ahead(schema, [dispatch], row, given.group);
  return found && found.columns;"""


@pytest.mark.rule("T36")
@pytest.mark.parametrize(
    ("given", "group", "coming"),
    [
        ({}, "g", []),
        ({}, "h", ["Out"]),
        ({"row": {"position": "a"}}, "g", None),
        ({"dispatch": {"cursor": None}}, "g", []),
        ({"dispatch": {"status": "complete"}}, "g", None),
        ({"dispatch": {"groups": ["h"]}}, "g", None),
        ({"dispatch": {"groups": ["h"]}}, "h", []),
        ({"dispatch": {"mode": "failed"}}, "g", None),
        ({"dispatch": {"scope": {"filter": {"column": "name"}}}}, "g", None),
        ({"dispatch": {"limit": 10}}, "g", None),
        ({"dispatch": {"scope": {"exclude_rows": ["r"]}}}, "g", None),
        ({"dispatch": {"scope": {"rows": ["q"]}}}, "g", None),
        ({"dispatch": {"is_manual": False}}, "g", None),
        ({"row": {"created_at": "2026-11-22T00:00:00.000Z"}}, "g", None),
        ({"row": {"cells": {"g": {"status": "completed"}}}}, "g", None),
        ({"row": {"cells": {"g": {"status": "failed"}}}}, "g", []),
        ({"row": {"cells": {"g": {"status": "failed", "dispatch": "d"}}}}, "g", None),
        ({"row": {"cells": {"g": {"status": "running"}}}}, "g", None),
        ({"row": {"position": "a", "cells": {"g": {"status": "running"}}}}, "h", ["Out"]),
        ({"row": {"cells": {"g": {"status": "completed"}}}, "dispatch": {"mode": "all"}}, "g", []),
    ],
)
def test_only_what_the_dispatch_would_run_is_shown_as_coming(
    modules: Page, given: dict[str, Any], group: str, coming: list[str] | None
) -> None:
    code = f"(() => {{ {SCHEMA} }})()"
    assert ask(modules, "sheet/overlay.js", code, {**given, "group": group}) == coming


TOLD: list[tuple[dict[str, Any], str, list[str] | None]] = [
    ({}, "g", []),
    ({"told": {"g": {"status": None, "reason": "condition_false"}}}, "g", None),
    ({"told": {"h": {"status": None, "waits_for": ["out"]}}}, "h", ["Out"]),
    (
        {"told": {"h": {"status": None, "waits_for": ["out"]}}, "data": {"out": "x"}, "edited": ["out"]},
        "h",
        None,
    ),
    ({"position": "a"}, "g", None),
]


@pytest.mark.rule("T36")
@pytest.mark.parametrize(("row", "group", "coming"), TOLD)
def test_what_the_server_told_is_shown_until_it_is_overtaken(
    modules: Page, row: dict[str, Any], group: str, coming: list[str] | None
) -> None:
    """A dispatch over a filter: the browser cannot judge, and shows what came with the page."""
    given = {
        "dispatch": {"scope": {"filter": {"column": "name"}}},
        "row": {"told": {"g": {"status": "queued", "dispatch": "d"}}, **row},
        "group": group,
    }
    assert ask(modules, "sheet/overlay.js", f"(() => {{ {SCHEMA} }})()", given) == coming


@pytest.mark.rule("T35", "T36")
def test_what_was_told_is_no_record_and_ends_with_the_first_event(modules: Page) -> None:
    code = """(() => {
      const row = {data: {}, cells: {g: {status: 'queued', version: 0, dispatch: 'd'},
        h: {status: 'failed', version: 4, ahead: {status: 'queued', dispatch: 'd'}}}};
      m.setApart(row);
      const before = [Object.keys(row.cells), Object.keys(row.told)];
      m.admit(row, {row: 'r', group: 'g', status: 'pending', version: 5});
      return [...before, row.cells.g.status, Object.keys(row.told)]; })()"""
    assert ask(modules, "sheet/record.js", code) == [["h"], ["g", "h"], "pending", ["h"]]


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ({"type": "number"}, 41208.5, "41,208.5"),
        ({"type": "number"}, 0, "0"),
        ({"type": "boolean"}, True, "✓"),
        ({"type": "boolean"}, False, ""),
        ({"type": "datetime"}, "2026-11-21T14:00:00Z", "2026-11-21 14:00"),
        ({"type": "multi-select"}, ["a", "b"], "a, b"),
        ({"type": "json"}, {"a": [1]}, '{"a":[1]}'),
        ({"type": "currency", "options": {"currency": "EUR"}}, 3, "€3.00"),
        ({"type": "text"}, "<b>", "<b>"),
        ({"type": "text"}, None, ""),
    ],
)
def test_values_read_as_people_write_them(
    modules: Page, column: dict[str, Any], value: Any, text: str
) -> None:
    given = [{"options": {}, **column}, value]
    assert ask(modules, "sheet/values.js", "m.asText(given[0], given[1])", given) == text


STATES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"status": "pending"}, {"state": "queued", "word": "Queued", "text": ""}),
    ({"status": "running", "value": "old"}, {"state": "running", "text": "old", "dim": True}),
    (
        {"status": "failed", "error": {"code": "timeout", "message": "30 s"}},
        {"word": "Failed", "title": "timeout: 30 s"},
    ),
    ({"status": "failed", "value": "last good"}, {"state": "failed", "text": "last good", "dim": True}),
    ({"status": "cancelled"}, {"word": "Cancelled"}),
    ({"status": "completed"}, {"text": "No output", "state": None, "quiet": True}),
    ({"status": "completed", "value": "v"}, {"text": "v", "state": None, "dim": False}),
    ({"status": "completed", "value": "v", "outdated": True}, {"mark": "outdated"}),
    ({"status": "completed", "value": "v", "edited": True}, {"mark": "edited", "dim": False}),
    ({"status": "paused", "reason": "approval"}, {"state": "paused", "word": "Waits for approval"}),
    ({"status": None, "value": "v"}, {"text": "v", "dim": True, "state": None}),
    ({"status": None}, {"text": "", "state": None}),
]


@pytest.mark.rule("T22", "T30")
@pytest.mark.parametrize(("cell", "expected"), STATES)
def test_a_cell_is_honest_about_its_state(
    modules: Page, cell: dict[str, Any], expected: dict[str, Any]
) -> None:
    code = """(() => { const {value, edited, ...cell} = given;
      const column = {key: 'k', name: 'K', type: 'text', options: {}, group: 'g'};
      const schema = {group: new Map([['g', {id: 'g', auto_run: false, depends: []}]])};
      const row = {id: 'r', data: {k: value}, cells: {g: {version: 1, ...cell}}, edited: edited ? ['k'] : []};
      return m.describe(column, row, {schema, dispatches: []}); })()"""
    shown = ask(modules, "sheet/cell.js", code, cell)
    assert {name: shown[name] for name in expected} == expected


WISHES: list[tuple[list[str], list[str]]] = [
    (["later"], ["later"]),
    (["later", "anew", "later", "later"], ["later", "anew", "later"]),
    (["all", "all", "later", "later", "later"], ["all", "all", "later"]),
    (["later", "anew", "all", "later", "anew"], ["later", "anew", "all", "later"]),
]


@pytest.mark.rule("T33")
@pytest.mark.parametrize(("wishes", "done"), WISHES)
def test_no_wish_is_forgotten_while_it_has_to_wait(modules: Page, wishes: list[str], done: list[str]) -> None:
    """The first is fulfilled at once, what comes too soon after it once, when time is up."""
    code = """(() => {
      const done = [], due = [];
      performance.now = () => 1_000;
      window.setTimeout = (act) => due.push(act);
      const throttle = new m.Throttle(500);
      for (const wish of given) throttle.soon(wish, () => done.push(wish));
      const before = done.length;
      for (const act of due) act();
      return [before, due.length < 2, done]; })()"""
    assert ask(modules, "sheet/throttle.js", code, wishes) == [1, True, done]


ECHOES: list[tuple[str, Any]] = [
    ("m.foreign(['a', 'x'])", ["x"]),
    ("[m.foreign(['a']), m.foreign(['a'])]", [[], ["a"]]),
    ("[m.settle(w, ['a', 'b']), m.foreign(['a', 'b'])]", [[], []]),
    ("[m.settle(w, ['a']), m.foreign(['a', 'b'])]", [[], ["b"]]),
    ("[m.foreign(['a', 'b']), m.settle(w, ['a'])]", [[], ["b"]]),
    ("[m.foreign(['b']), m.settle(w, []), m.foreign(['a'])]", [[], ["b"], ["a"]]),
    ("[m.settle(w, ['a', 'b']), m.forget(w), m.foreign(['b'])][2]", ["b"]),
    ("[m.unnamed(), m.foreign(['a']), m.settle(w, ['a', 'b']), m.foreign(['a'])].slice(1)", [["a"], [], ["a"]]),
    ("[m.begin(['a']), m.foreign(['a']), m.foreign(['a'])].slice(1)", [[], []]),
    ("(m.settle(w, ['a', 'b']), m.settle(m.begin(['a']), ['a']), [m.foreign(['a']), m.foreign(['a'])])", [[], ["a"]]),
]  # fmt: skip


@pytest.mark.rule("T33")
@pytest.mark.parametrize(("code", "answer"), ECHOES)
def test_an_echo_is_one_change_of_a_row_this_browser_wrote(modules: Page, code: str, answer: Any) -> None:
    """A write `w` of rows a and b is on its way."""
    begun = f"((m) => {{ const w = m.begin(['a', 'b']); return {code}; }})(new m.Echoes())"
    assert ask(modules, "sheet/echoes.js", begun) == answer


def test_what_was_not_undone_is_said_in_words(modules: Page) -> None:
    code = "[m.leftWords(3, 10), m.leftWords(1, 2, 'kept'), m.leftWords(1, 1), m.leftWords(1_200, 2_500)]"
    assert ask(modules, "sheet/undo.js", code) == [
        "3 of 10 rows changed since and were left.",
        "1 of 2 rows changed since and was kept.",
        "The row was changed since and was left.",
        "1,200 of 2,500 rows changed since and were left.",
    ]


@pytest.mark.rule("T33")
@pytest.mark.parametrize(
    ("told", "is_taken"),
    [
        ({"seq": "7-0", "table": {"id": "t"}, "views": []}, True),
        ({"seq": "7-0", "table": {"id": "another"}, "views": []}, False),
        ({"seq": None, "table": {"id": "t"}, "views": []}, False),
        (None, False),
    ],
)
def test_what_a_page_comes_with_is_taken_for_its_table_when_its_place_is_known(
    modules: Page, told: dict[str, Any] | None, is_taken: bool
) -> None:
    code = """(() => {
      if (given) document.body.append(Object.assign(document.createElement('script'),
        {id: 'given', type: 'application/json', textContent: JSON.stringify(given)}));
      return m.given('t'); })()"""
    assert ask(modules, "sheet/given.js", code, told) == (told if is_taken else None)
