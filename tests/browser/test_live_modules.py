"""The modules that keep a grid live, unit-tested inside a page: overlay, rereading, reconnecting."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.test_modules import SCHEMA, ask

PLAIN: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"scope": {"rows": ["r"], "exclude_rows": ["q"]}}, True),
    ({"scope": {"rows": {"from": "a", "to": "b"}}}, False),
    ({"scope": {"rows": {"chars": 40_000}}}, False),
    ({"scope": {"exclude_rows": {"chars": 40_000}}}, False),
    ({"scope": {"filter": {"column": "name"}}}, False),
    ({"limit": 10}, False),
    ({"stopped_ahead": 1}, False),
]


@pytest.mark.rule("T36")
@pytest.mark.parametrize(("dispatch", "plain"), PLAIN)
def test_the_browser_knows_which_dispatches_it_can_judge(
    modules: Page, dispatch: dict[str, Any], plain: bool
) -> None:
    assert ask(modules, "sheet/overlay.js", "m.isPlain(given)", dispatch) is plain


STOPPED: list[tuple[dict[str, Any], list[str] | None]] = [
    ({"cells": {"g": {"status": "cancelled", "stopped": 6}}}, None),
    ({"cells": {"g": {"status": "completed", "stopped": 6}}}, None),
    ({"cells": {"g": {"status": "cancelled", "stopped": 4}}}, []),
    ({"cells": {"g": {"status": "completed"}}}, []),
]


@pytest.mark.rule("T25", "T36")
@pytest.mark.parametrize(("row", "coming"), STOPPED)
def test_a_cell_stopped_after_a_request_is_not_coming(
    modules: Page, row: dict[str, Any], coming: list[str] | None
) -> None:
    given = {"dispatch": {"sequence": 5, "mode": "all"}, "row": row, "group": "g"}
    assert ask(modules, "sheet/overlay.js", f"(() => {{ {SCHEMA} }})()", given) == coming


@pytest.mark.rule("T36")
@pytest.mark.parametrize(("row", "coming"), [({}, None), ({"told": {"g": {"status": "queued"}}}, [])])
def test_of_a_group_with_a_condition_only_the_server_knows(
    modules: Page, row: dict[str, Any], coming: list[str] | None
) -> None:
    code = f"(() => {{ {SCHEMA} }})()".replace("{id: 'g', ", "{id: 'g', conditional: true, ")
    assert ask(modules, "sheet/overlay.js", code, {"row": row, "group": "g"}) == coming


@pytest.mark.rule("T34")
def test_a_page_that_goes_on_changing_is_read_at_most_twice_a_second(modules: Page) -> None:
    code = """(async () => {
      let now = 10_000, reads = 0;
      const due = [];
      performance.now = () => now;
      window.setTimeout = globalThis.setTimeout = (act, after) => due.push({act, at: now + after});
      const fetchPage = async () => { reads += 1; return {results: [{id: 'a', data: {}, cells: {}}], total: 1}; };
      const store = new m.Store(fetchPage, {rows() { store.want(0, 0); }, failed(error) { throw error; }});
      store.want(0, 0);
      for (let frame = 0; frame < 100; frame += 1) {
        for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
        now += 30;
        for (const one of due.splice(0)) if (one.at <= now) one.act(); else due.push(one);
        store.invalidateRows(['a']);
        store.want(0, 0);
      }
      const during = reads;
      now += 1_000;
      for (const one of due.splice(0)) one.act();
      for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
      return [during, reads, store.pages.get(0).stale]; })()"""
    during, after, stale = ask(modules, "sheet/store.js", code)
    assert 4 <= during <= 7  # three seconds
    assert (after, stale) == (during + 1, False)


@pytest.mark.rule("F20", "T33")
def test_reconnecting_is_spread_and_slows_down(modules: Page) -> None:
    code = """(() => {
      const pauses = [], sockets = [];
      window.WebSocket = class { constructor(url) { this.url = String(url); sockets.push(this); } close() {} };
      window.setTimeout = globalThis.setTimeout = (act, after) => { pauses.push({act, after}); return pauses.length; };
      const none = () => {};
      const live = new m.Live('/ws/x/', {onHello: none, onEvents: none, onPruned: none, onState: none});
      live.open();
      sockets[0].onmessage({data: '{"type":"hello","seq":"e.1-0","resumed":false}'});
      const chosen = [];
      for (let round = 0; round < 8; round += 1) {
        sockets.at(-1).onclose({code: 1012});
        const pause = pauses.at(-1);
        chosen.push(pause.after);
        pause.act();
      }
      return [chosen, sockets.at(-1).url]; })()"""
    chosen, url = ask(modules, "live.js", code)
    for round_, pause in enumerate(chosen):
        usual = min(500 * 2**round_, 10_000)
        assert usual * 0.5 <= pause <= usual * 1.5
    assert len({pause / min(500 * 2**n, 10_000) for n, pause in enumerate(chosen)}) == len(chosen)
    assert url.endswith("?since=e.1-0")
