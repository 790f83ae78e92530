"""The grid in Chromium (`interface.md` section 8): 100,000 rows and 12 columns, scrolled while cells change.

The load commits to PostgreSQL and publishes by the very publisher that workers use. What the page shows is measured in
the page: frames by ``requestAnimationFrame``, arrivals by a ``MutationObserver``, memory after a collection.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any, Final

import psycopg
from redis import Redis

from bench.client import Client
from bench.definitions import OUTPUTS, noop
from bench.install import install
from bench.p8 import log_address
from bench.report import Figure
from config.supervisor import Stack
from tables.events import stream_key
from workspaces.live.publishing import Publisher

if TYPE_CHECKING:
    from playwright.sync_api import Page

CODE: Final = "browser"
ROWS: Final = 100_000
PLAIN: Final = 9
"""Columns beside the three that workflow groups fill."""
CHANGED_ROWS: Final = 2_000
"""The first rows change and are scrolled through: all of them are pages the browser holds."""
PAGE_ROWS: Final = 200
"""What the browser reads at once."""
SECONDS: Final = 60.0
RATES: Final = ((500, 25), (2_000, 100))
"""Updates a second, and how many of them a commit carries."""
PAINTS: Final = 10
"""How often the page is opened for the time of its first rows."""
PATIENCE_SECONDS: Final = 30.0

_FILL = """
WITH made AS (
    INSERT INTO tables_row (id, table_id, data, position, edited, created_at, updated_at)
    SELECT gen_random_uuid(), %(table)s, jsonb_object_agg(c.key, 'value ' || n || ' of ' || c.name),
           'a' || lpad(n::text, 9, '0'), '{}', now(), now()
      FROM generate_series(1, %(rows)s) n CROSS JOIN tables_column c WHERE c.table_id = %(table)s
     GROUP BY n RETURNING id
)
INSERT INTO tables_rowexecution (id, row_id, group_id, table_id, status, attempt, crashes, group_revision, reason,
                                 running_blocks, block_errors, cancelled_sequence, started_at, finished_at)
SELECT gen_random_uuid(), made.id, g.id, g.table_id, 'completed', 1, 0, g.revision, '', '[]', '{}', 0, now(), now()
  FROM made CROSS JOIN tables_workflowgroup g WHERE g.table_id = %(table)s
"""
_TARGETS = """
SELECT r.id::text, x.group_id::text, c.key, x.version
  FROM (SELECT id FROM tables_row WHERE table_id = %s ORDER BY position, id LIMIT %s) r
  JOIN tables_rowexecution x ON x.row_id = r.id JOIN tables_column c ON c.group_id = x.group_id
 ORDER BY r.id, c.key
"""
_WRITE = """
WITH told AS (SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS t (row_id, key, value)),
     cells AS (UPDATE tables_rowexecution x SET version = x.version + 1 FROM told, tables_column c
                WHERE x.row_id = told.row_id AND c.key = told.key AND c.table_id = x.table_id
                  AND x.group_id = c.group_id)
UPDATE tables_row r SET data = r.data || jsonb_build_object(told.key, told.value) FROM told WHERE r.id = told.row_id
"""
_SESSION = """
from django.conf import settings
from django.test import Client
from workspaces.models import User
client = Client()
client.force_login(User.objects.get(username="bench"))
print(settings.SESSION_COOKIE_NAME, client.cookies[settings.SESSION_COOKIE_NAME].value)
"""
_FIRST_ROWS = """
new MutationObserver(() => {
  if (!window.firstRows && document.querySelector(".sheet-row:not([hidden]) [data-text]:not([data-text=''])")) {
    requestAnimationFrame(() => { window.firstRows ||= performance.now(); });
  }
}).observe(document, { subtree: true, childList: true, attributes: true });
"""
_WATCH = """
() => {
  const scroller = document.querySelector(".sheet");
  const found = (window.measured = { frames: [], arrivals: [] });
  new MutationObserver((changes) => {
    const placed = new Set(); // halves of rows that scrolled in: what they show is as old as it is
    for (const change of changes) if (change.attributeName === "aria-rowindex") placed.add(change.target);
    const sent = changes
      .filter((change) => !placed.has(change.target.closest("[aria-rowindex]")))
      .map((change) => /^at (\\d+)/.exec(change.target.dataset.text || ""))
      .filter(Boolean);
    requestAnimationFrame(() => {
      const now = performance.timeOrigin + performance.now();
      for (const [, at] of sent) found.arrivals.push(now - Number(at));
    });
  }).observe(scroller, { subtree: true, attributes: true, attributeFilter: ["data-text", "aria-rowindex"] });
  let last = performance.now(), step = 12;
  const turn = (now) => {
    found.frames.push(now - last);
    last = now;
    const bottom = 34 * %d - scroller.clientHeight;
    if (scroller.scrollTop + step > bottom || scroller.scrollTop + step < 0) step = -step;
    scroller.scrollTop += step;
    if (!window.enough) requestAnimationFrame(turn);
  };
  requestAnimationFrame(turn);
}
"""
_STORE: Final = "document.querySelector('run-sheet').store"
_VERSIONS: Final = """
() => Object.fromEntries([...document.querySelector("run-sheet").store.held()].flatMap(
  ([, row]) => Object.entries(row.cells).map(([group, cell]) => [`${row.id} ${group}`, cell.version])))
"""


def figures() -> list[Figure]:
    """First rows, then each rate: frames, arrivals, losses, memory."""
    with install(workers=1) as (stack, client):
        table = _table(stack, client)
        with _page(stack, f"/tables/{table}/") as page:
            found = [
                Figure(
                    CODE, "first rows after the document: median", _first_rows(page), "ms", None, "< 300 ms"
                )
            ]
            for rate, pack in RATES:
                page.reload()
                found += _under_load(stack, page, table, rate, pack)
        return found


def _table(stack: Stack, client: Client) -> str:
    columns = [{"name": "text", "type": "text"}]
    columns += [{"name": f"plain {n}", "type": "text"} for n in range(1, PLAIN)]
    table = str(client.call("POST", "/tables/", name="browser", columns=columns)["id"])
    workflow = client.workflow("noop", noop())
    for output in OUTPUTS:
        client.group(table, f"noop {output[1]}", workflow, [output])
    with psycopg.connect(stack.env["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(_FILL, {"table": table, "rows": ROWS})
        connection.execute("UPDATE tables_table SET row_count = %s WHERE id = %s", [ROWS, table])
        connection.execute("VACUUM ANALYZE tables_row, tables_rowexecution, tables_cellcount")
    return table


@contextmanager
def _page(stack: Stack, path: str) -> Iterator[Page]:
    """The table in Chromium, signed in."""
    from playwright.sync_api import sync_playwright

    from tests.bed.chromium import find_chromium, launch_flags

    name, value = stack.manage("shell", "--no-imports", "-c", _SESSION).strip().splitlines()[-1].split()
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=find_chromium(), args=launch_flags())
        context = browser.new_context(base_url=stack.url, viewport={"width": 1440, "height": 860})
        context.add_cookies([{"name": name, "value": value, "url": stack.url}])
        context.add_init_script(_FIRST_ROWS)
        page = context.new_page()
        page.goto(path)
        yield page
        browser.close()


def _first_rows(page: Page) -> float:
    """From the document's last byte to the frame with rows in it."""
    took = []
    for _ in range(PAINTS):
        page.reload()
        _until(page, "window.firstRows")
        took.append(
            page.evaluate("window.firstRows - performance.getEntriesByType('navigation')[0].responseEnd")
        )
    return float(median(took))


def _under_load(stack: Stack, page: Page, table: str, rate: int, pack: int) -> list[Figure]:
    _until(page, "window.firstRows")
    _hold_rows(page)
    page.evaluate(_WATCH % CHANGED_ROWS)
    wanted: dict[str, int] = {}
    load = threading.Thread(target=_load, args=(stack, table, rate, pack, wanted))
    load.start()
    while load.is_alive():
        page.wait_for_timeout(500)
    lost = _lost(page, wanted)
    measured: dict[str, Any] = page.evaluate("window.measured")
    what, frames = f"{rate} updates/s for {SECONDS:.0f} s, scrolling", measured["frames"][30:]
    per_second, p95 = len(frames) / (sum(frames) / 1_000), quantiles(frames, n=20)[-1]
    arrivals = quantiles(measured["arrivals"], n=100)
    busy = rate > RATES[0][0]
    found = [
        Figure(CODE, f"{what}: updates lost", float(lost), "cells", None, "0"),
        Figure(CODE, f"{what}: frames", per_second, "/s", None, "≥ 50" if busy else "60"),
        Figure(CODE, f"{what}: frame, p95", p95, "ms", None, "—" if busy else "< 34 ms"),
    ]
    if not busy:
        found += [
            Figure(CODE, f"{what}: commit to pixels, p50", arrivals[49], "ms", None, "< 100 ms"),
            Figure(CODE, f"{what}: commit to pixels, p99", arrivals[98], "ms", None, "< 500 ms"),
            Figure(CODE, f"{what}: heap afterwards", _heap(page), "MB", None, "< 40 MB"),
        ]
    return found


def _until(page: Page, code: str) -> None:
    """Wait in the page itself: its policy lets nobody evaluate a string again and again."""
    page.evaluate(f"(async () => {{ while (!({code})) await new Promise(requestAnimationFrame); }})()")


def _hold_rows(page: Page) -> None:
    """Have every page of the rows that change, as it is by now."""
    for first in range(0, CHANGED_ROWS, PAGE_ROWS):
        page.evaluate(f"document.querySelector('.sheet').scrollTop = {34 * first}")
        _until(page, f"{_STORE}.row({first}) && !{_STORE}.isStale({first})")


def _load(stack: Stack, table: str, rate: int, pack: int, wanted: dict[str, int]) -> None:
    """Commit a pack, then publish it, on a clock; ``wanted`` is filled with the last version of each cell."""
    with (
        psycopg.connect(stack.env["DATABASE_URL"]) as connection,
        Redis.from_url(log_address(stack)) as redis,
    ):
        publisher = Publisher(redis)
        targets = connection.execute(_TARGETS, [table, CHANGED_ROWS]).fetchall()
        versions = {f"{row} {group}": version for row, group, _, version in targets}
        stride = 7  # neighbours in a pack do not share a row
        began, turn = time.monotonic(), 0
        while (at := turn * pack / rate) < SECONDS:
            time.sleep(max(0.0, began + at - time.monotonic()))
            some = [targets[(turn * pack + n) * stride % len(targets)] for n in range(pack)]
            now = f"at {time.time() * 1_000:.0f}"
            for row, group, _, _ in some:
                versions[f"{row} {group}"] += 1
            connection.execute(_WRITE, [[t[0] for t in some], [t[2] for t in some], [now] * pack])
            connection.commit()
            events = [_event(row, group, key, versions[f"{row} {group}"], now) for row, group, key, _ in some]
            publisher.append(stream_key(table), json.dumps(events, separators=(",", ":")))
            turn += 1
        wanted.update(versions)


def _event(row: str, group: str, key: str, version: int, value: str) -> dict[str, Any]:
    """A completed cell, as a worker tells of it."""
    cell = {"status": "completed", "version": version, "execution_id": row, "attempt": 1}
    return {"kind": "cell", "row": row, "group": group, **cell, "data": {key: value}}


def _lost(page: Page, wanted: dict[str, int]) -> int:
    """Cells shown in an older state than the last one, once each row was on screen again and had time to be read.

    Above 2,000 cells a second the server names rows only, and the page reads those out of sight when they are seen.
    """
    page.evaluate("window.enough = true")
    _hold_rows(page)
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        held: dict[str, int] = page.evaluate(_VERSIONS)
        lost = sum(held.get(cell, 0) < version for cell, version in wanted.items())
        if not lost or time.monotonic() > until:
            return lost
        page.wait_for_timeout(200)


def _heap(page: Page) -> float:
    """Megabytes of JavaScript objects after a collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.enable")
    session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6
