"""How a grid writes, in a page against a server of a few lines: what others do meanwhile is not lost."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.test_modules import ask

SERVER = """
  const {Store} = await import('/static/runsheet/sheet/store.js');
  const server = {
    calls: [], rows: new Map([['a', {k: 1}], ['b', {k: 5}]]), touched: new Set(), failing: [], next: 2};
  const shape = (id) => ({id, data: {...server.rows.get(id)}, cells: {}});
  const merged = (data, patch) => Object.fromEntries(
    Object.entries({...data, ...patch}).filter(([, value]) => value !== null));
  const holds = (id, expected) => Object.entries(expected || {}).every(
    ([key, value]) => (server.rows.get(id)[key] ?? null) === value);
  const does = {
    GET: (_, id) => shape(id),
    PATCH: ({rows}) => {
      const fit = rows.filter(({id, expected}) => holds(id, expected));
      const changed = fit.filter(({id, data}) => !holds(id, data)).map(({id}) => id);
      for (const {id, data} of fit) server.rows.set(id, merged(server.rows.get(id), data));
      for (const id of changed) server.touched.add(id);
      return {changed, skipped: rows.filter((row) => !fit.includes(row)).map(({id}) => id),
        rows: rows.map(({id}) => shape(id))};
    },
    POST: ({rows}) => ({rows: rows.map(({data}) => {
      const id = `n${server.next++}`;
      server.rows.set(id, merged({}, data));
      return shape(id);
    })}),
    DELETE: ({rows, only_unchanged}) => {
      const kept = rows.filter((id) => only_unchanged && server.touched.has(id));
      for (const id of rows) if (!kept.includes(id)) server.rows.delete(id);
      return {deleted: rows.length - kept.length, kept};
    },
  };
  window.fetch = async (url, {method, body, headers}) => {
    server.calls.push({method, key: headers['Idempotency-Key'], rows: body && JSON.parse(body).rows.length});
    const answer = () => [200, does[method](body && JSON.parse(body), String(url).split('/').at(-2))];
    const [status, json] = await (server.failing.shift() || answer)(answer);
    return new Response(JSON.stringify(json), {status, headers: {'Content-Type': 'application/json'}});
  };
  const offline = () => { throw new TypeError('Failed to fetch'); };
  const refusing = async () => [400, {code: 'invalid', detail: 'Not this.'}];
  const page = () => ({results: [...server.rows.keys()].map(shape), total: server.rows.size});
  const store = new Store(async () => page(), {rows() {}, failed(error) { throw error; }});
  const settled = () => new Promise((done) => setTimeout(done));
  const read = async () => { store.pages.forEach((each) => { each.at = -1e9; }); store.want(0, 1); await settled(); };
  const shown = () => [store.row(0).data.k, store.row(1).data.k];
  const stored = () => [...server.rows.values()].map(({k}) => k ?? null);
  const words = () => [...document.querySelectorAll('.toast span')].map((each) => each.textContent);
  const gate = () => { let open; const until = new Promise((resolve) => { open = resolve; }); return {until, open}; };
  await read();
  const writer = new m.Writer({store, session: {path: 'tables/t/'}, schema: {columns: [{key: 'k', name: 'Size'}]}});
  const write = (data) => writer.write(Object.entries(data).map(([row, k]) => ({row, data: {k}})), {words: 'size'});
"""


def play(modules: Page, scene: str) -> Any:
    """Play a scene with a writer, a store of rows `a` and `b`, and the server behind them."""
    return ask(modules, "sheet/writing.js", f"(async () => {{ {SERVER} {scene} }})()")


REFUSED: list[tuple[str, list[Any]]] = [
    # one after the other, and the server is away
    ("server.failing = [offline, offline]; await Promise.all([write({a: 2}), write({a: 3})]);", [1, 5]),
    # the first is refused, the second is not
    ("server.failing = [refusing]; await Promise.all([write({a: 2}), write({a: 3})]);", [3, 5]),
    # another's value is read while one's own is on its way
    (
        """const {until, open} = gate();
        server.failing = [async () => { await until; return refusing(); }];
        const writing = write({a: 2});
        await settled();
        server.rows.set('a', {k: 9});
        store.pages.get(0).stale = true;
        await read();
        const meanwhile = shown();
        open();
        await writing;
        if (meanwhile[0] !== 2) return meanwhile;""",
        [9, 5],
    ),
    # a run's result comes while one's own is on its way
    (
        """const {until, open} = gate();
        server.failing = [async () => { await until; return refusing(); }];
        const writing = write({a: 2});
        store.apply([{row: 'a', group: 'g', status: 'completed', version: 7, data: {k: 8}}]);
        const meanwhile = shown();
        open();
        await writing;
        if (meanwhile[0] !== 2) return meanwhile;""",
        [8, 5],
    ),
]


@pytest.mark.rule("T3")
@pytest.mark.parametrize(("scene", "end"), REFUSED)
def test_what_is_refused_leaves_what_the_server_has(modules: Page, scene: str, end: list[Any]) -> None:
    assert play(modules, f"{scene} return shown();") == end


@pytest.mark.rule("T33")
def test_a_write_whose_fate_is_unknown_is_read_again(modules: Page) -> None:
    scene = """server.failing = [async (answer) => { answer(); return offline(); }];
      await write({a: 2});
      const is = store.pages.get(0).stale;
      await read();
      return [is, ...shown()];"""
    assert play(modules, scene) == [True, 2, 5]


HEARD: list[tuple[str, list[bool]]] = [
    # another's change comes while one's own is on its way, which is refused: the page is read again
    (
        """const {until, open} = gate();
        server.failing = [async () => { await until; return refusing(); }];
        const writing = write({a: 2});
        await settled();
        const told = store.invalidateRows(['a']);
        open();
        await writing;
        return [told, store.pages.get(0).stale];""",
        [False, True],
    ),
    # one's own changed nothing: no echo is to come
    ("await write({a: 1}); return [store.invalidateRows(['a'])];", [True]),
    # one's own and another's are told together
    (
        "await write({a: 2}); return [store.invalidateRows(['a', 'b']), store.invalidateRows(['a'])];",
        [True, True],
    ),
    # two of one's own within a frame are told once
    (
        """await write({a: 2}); await write({a: 3});
        return [store.invalidateRows(['a']), store.invalidateRows(['a'])];""",
        [False, True],
    ),
    # an answer that was unnamed: everything is read
    ("await write({a: 2}); store.invalidate(); return [store.invalidateRows(['a'])];", [True]),
]


@pytest.mark.rule("T33")
@pytest.mark.parametrize(("scene", "is_old"), HEARD)
def test_no_change_of_others_is_taken_for_ones_own(modules: Page, scene: str, is_old: list[bool]) -> None:
    assert play(modules, scene) == is_old


@pytest.mark.rule("T33")
def test_a_page_under_way_may_be_older_than_a_change_that_is_told_meanwhile(modules: Page) -> None:
    code = """(async () => {
      let arrive; const page = new Promise((resolve) => { arrive = resolve; });
      const store = new m.Store(() => page, {rows() {}, failed(error) { throw error; }});
      store.want(0, 10);
      store.invalidateRows(['a']);
      arrive({results: [{id: 'a', data: {}, cells: {}}], total: 1});
      await page; await Promise.resolve(); await Promise.resolve();
      return store.isStale(0); })()"""
    assert ask(modules, "sheet/store.js", code) is True


@pytest.mark.rule("T3")
def test_undo_leaves_what_others_have_changed_since_and_says_so(modules: Page) -> None:
    scene = """await write({a: 2, b: 6});
      server.rows.set('a', {k: 9});
      const deed = await writer.back(true);
      const undone = [stored(), shown(), words().at(-1)];
      await writer.back(false);
      const redone = stored();
      server.rows.set('b', {k: 7});
      const none = await writer.back(true);
      return {undone, redone, none: none ?? null, last: words().at(-1), left: stored(),
        deeds: writer.history.done.length};"""
    assert play(modules, scene) == {
        "undone": [[9, 5], [9, 5], "1 of 2 rows changed since and was left."],
        "redone": [9, 6],
        "none": None,
        "last": "The row was changed since and was left.",
        "left": [9, 7],
        "deeds": 0,
    }


@pytest.mark.rule("T3")
def test_undo_expects_what_the_server_made_of_a_value_and_knows_what_stood_there(modules: Page) -> None:
    """A page that may be old is not asked what an edit replaces; quick edits are undone one by one."""
    scene = """const plain = does.PATCH;
      does.PATCH = ({rows}) => plain({rows: rows.map((row) => ({...row, data: {k: Number(row.data.k)}}))});
      server.rows.set('a', {k: 4});
      store.pages.get(0).stale = true;
      await Promise.all([write({a: '2'}), write({a: '3'})]);
      const undone = [];
      for (let n = 0; n < 2; n += 1) { await writer.back(true); undone.push(stored()[0]); }
      return [undone, words()];"""
    assert play(modules, scene) == [[2, 4], []]


@pytest.mark.rule("T6")
def test_undo_that_stops_half_way_can_be_turned_as_far_as_it_came(modules: Page) -> None:
    scene = """for (let n = 0; n < 1_500; n += 1) server.rows.set(`r${n}`, {k: n});
      const all = Array.from({length: 1_500}, (_, n) => ({row: `r${n}`, data: {k: -1}, was: {k: n}}));
      await writer.write(all);
      const count = () => [...server.rows.values()].filter(({k}) => k === -1).length;
      server.failing = [null, offline];
      await writer.back(true);
      const half = count();
      const sides = [writer.history.done.length, writer.history.undone.length];
      await writer.back(true);
      const back = count();
      await writer.back(false); await writer.back(false);
      return [half, sides, back, count()];"""
    assert play(modules, scene) == [500, [1, 1], 0, 1_500]


@pytest.mark.rule("T3")
def test_undone_insertions_keep_rows_that_others_have_worked_on(modules: Page) -> None:
    scene = """await writer.insert([{k: 10}, {k: 20}]);
      await writer.write([{row: 'n2', data: {k: 11}}]);
      await writer.back(true);
      server.touched.add('n3');
      server.rows.set('n3', {k: 21});
      await writer.back(true);
      const undone = [[...server.rows.keys()], words()];
      await writer.back(false);
      return [...undone, stored(), writer.history.done.length];"""
    keys, said, rows, deeds = play(modules, scene)
    assert keys == ["a", "b", "n3"]  # the other one was typed in and that was undone: it is as it was made
    assert said == ["1 of 2 rows changed since and was kept."]
    assert (rows, deeds) == ([1, 5, 21, 10], 1)


@pytest.mark.rule("T6")
def test_an_insertion_that_stops_half_way_says_how_far_it_came_and_goes_on(modules: Page) -> None:
    scene = """const rows = Array.from({length: 2_500}, (_, n) => ({k: n}));
      server.failing = [null, async (answer) => { answer(); return offline(); }];
      const post = does.POST, known = new Map();
      does.POST = (body) => {
        const {key} = server.calls.at(-1);
        if (!known.has(key)) known.set(key, post(body));
        return known.get(key);
      };
      const made = await writer.insert(rows);
      const said = words();
      const could = writer.history.done.length;
      [...document.querySelectorAll('.toast button')].find((each) => each.textContent === 'Add the others').click();
      while (writer.isBusy) await settled();
      const added = [server.rows.size - 2, new Set(stored().slice(2)).size];
      await writer.back(true); await writer.back(true);
      return {made: made.length, said, could, added, left: [...server.rows.keys()],
        posts: server.calls.filter(({method}) => method === 'POST').map(({rows}) => rows)};"""
    found = play(modules, scene)
    assert found.pop("said")[0].startswith("Could not add 2,500 rows. 1,000 of 2,500 rows added. The server")
    assert found == {
        "made": 1_000,
        "could": 1,
        "added": [2_500, 2_500],
        "left": ["a", "b"],
        "posts": [1_000, 1_000, 1_000, 500],
    }


def test_leaving_asks_first_while_something_is_on_its_way(modules: Page) -> None:
    scene = """const before = writer.isBusy;
      const {until, open} = gate();
      server.failing = [async () => { await until; return refusing(); }];
      const writing = write({a: 2}), second = writer.insert([{}]);
      const during = writer.isBusy;
      open();
      await Promise.all([writing, second]);
      return [before, during, writer.isBusy];"""
    assert play(modules, scene) == [False, True, False]


CURRENT = """(async () => {
  const asked = [];
  const was = ['a', 'b', 'c'].map((id) => ({id, data: {k: 'old'}}));
  const grid = {
    store: {row: (n) => was[n], isStale: (n) => n !== 1},
    fetchPage: async (start, limit) => {
      asked.push([start, limit]);
      return {results: ['x', 'a', 'b'].slice(start, start + limit).map((id) => ({id, data: {k: 'new'}}))};
    },
  };
  const rows = await m.currentRowsOf(grid, [{from: 0, to: 2}]);
  return {rows: rows.map(({id, data}) => [id, data.k]), asked};
})()"""


@pytest.mark.rule("T33")
def test_rows_are_those_shown_with_the_values_they_have_by_now(modules: Page) -> None:
    """A row was inserted above meanwhile: nothing is read from rows that were not meant."""
    found = ask(modules, "sheet/scopes.js", CURRENT)
    assert found == {"rows": [["a", "new"], ["b", "new"], ["c", "old"]], "asked": [[0, 3]]}
