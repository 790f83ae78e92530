// @ts-check
/** `<run-sheet table-id label may-run>`: the live grid. This shows rows; what can be done with them comes after. */
import { api } from "../api.js";
import { session as sessionOf } from "../session.js";
import { report } from "../ui/toast.js";
import { describe } from "./cell.js";
import { isCtrl, make } from "./dom.js";
import { given } from "./given.js";
import { Header } from "./header.js";
import { hear } from "./hear.js";
import { register } from "./registry.js";
import { schemaOf } from "./schema.js";
import { move, within } from "./select.js";
import { Store } from "./store.js";
import { Throttle } from "./throttle.js";
import { Viewing } from "./tools/viewing.js";
import { HEAD_ROWS, Window } from "./window.js";

/** How often changed row lists may cost a refetch. */
const REFETCH_EVERY_MS = 500;
const RETRY_MS = 2_000;

/**
 * Events of the element: `sheet:schema` (columns or their look changed), `sheet:active` (detail: the place or null),
 * `sheet:shift` (the active cell's row stands elsewhere; detail: the place), `sheet:total`, `sheet:rows` (some
 * changed), `sheet:query` (what is listed changed).
 */
class RunSheet extends HTMLElement {
  connectedCallback() {
    this.tableId = this.getAttribute("table-id") || "";
    this.mayRun = this.hasAttribute("may-run");
    /** Asked first about every key: what returns true took it. @type {((event: KeyboardEvent) => boolean)[]} */
    this.keys = [];
    /** What is listed: members of the rows query, such as `filter`, `sort`, `q`. @type {Object<string, string>} */
    this.query = {};
    /** What of the table's layout is shown otherwise: `{widths, hidden, pinned, row_height}`, columns by id. */
    this.look = null;
    this.session = sessionOf(this.tableId);
    /** @type {any} */
    this.given = given(this.tableId);
    this.schema = schemaOf({ columns: [], groups: [] });
    this.store = new Store((start, limit) => this.fetchPage(start, limit), {
      rows: (ordinals, live) => this.rowsChanged(ordinals, live),
      failed: (error) => this.pageFailed(error),
    });
    this.build();
    this.listen();
    hear(this);
    this.active = null;
    this.refetching = new Throttle(REFETCH_EVERY_MS);
    register(this.tableId, this);
    this.viewing = new Viewing(this);
    this.loadSchema();
    this.loadParts();
  }

  /** All that can be done with rows. Until it is here the grid is busy, though it may show rows already. */
  async loadParts() {
    await this.session.begun;
    const { PARTS } = await import("./parts.js");
    for (const attach of PARTS) attach(this);
    this.isWhole = true;
    if (this.table) this.say("schema");
    if (this.shownTotal) this.rowsChanged(null, false);
  }

  build() {
    const label = this.getAttribute("label") || "Rows";
    this.scroller = make("div", {
      class: "sheet",
      tabindex: 0,
      role: "grid",
      "aria-label": label,
      "aria-busy": "true",
    });
    this.header = new Header({
      run: this.mayRun ? (group, anchor) => this.openRun?.([group], `Run “${group.name}” on`, anchor) : null,
    });
    this.window = new Window(this.scroller, {
      row: (ordinal) => this.store.row(ordinal),
      describe: (column, row) => describe(column, row, this.view),
      wanted: (from, to) => {
        if (this.session.isReady) this.store.want(from, to);
      },
    });
    this.scroller.append(this.header.element, this.window.body);
    this.note = make("p", { class: "sheet-note", hidden: true });
    this.append(this.scroller, this.note);
  }

  /** What a cell's look depends on besides its row. */
  get view() {
    return { schema: this.schema, dispatches: this.session.dispatches.values() };
  }

  listen() {
    this.scroller.addEventListener("focus", () => {
      if (!this.active) this.activate(within({ row: 0, col: 1 }, this.bounds));
    });
    this.scroller.addEventListener("keydown", (event) => this.key(event));
    this.window.body.addEventListener("click", (event) => this.click(event));
  }

  say(type, detail = null) {
    this.dispatchEvent(new CustomEvent(`sheet:${type}`, { detail }));
  }

  async loadSchema() {
    try {
      const table = this.given?.table || api("GET", this.session.path);
      this.given = null;
      [this.table] = await Promise.all([table, this.opening]); // a part may have to read first
    } catch (error) {
      return report(error, "read the table");
    }
    this.applySchema();
    this.session.say("groups", new Map(this.schema.groups.map((group) => [group.id, group.name])));
    this.begin();
  }

  /** Draw the columns as the table and the present look have them. */
  applySchema() {
    this.schema = schemaOf({ ...this.table, layout: { ...this.table.layout, ...this.look } });
    this.header.setSchema(this.schema);
    this.scroller.setAttribute("aria-colcount", String(this.schema.columns.length + 1));
    this.window.setColumns(this.schema.columns, this.schema.pins, this.schema.rowHeight);
    this.showSummary();
    this.say("schema");
  }

  /** List other rows, or the same in another order. */
  setQuery(query) {
    this.query = query;
    this.shownTotal = false;
    this.store.reset();
    this.active = null;
    this.window.setActive(null);
    this.scroller.scrollTop = 0;
    this.say("query");
    this.begin();
  }

  /** First page: when the schema is here and the socket's place is known, so that nothing falls between. */
  begin() {
    if (this.session.isReady && this.schema.columns.length) this.store.want(0, 0);
  }

  fetchPage(start, limit) {
    return api("GET", `${this.session.path}rows/`, { query: { ...this.query, start, limit } });
  }

  pageFailed(error) {
    if (!this.complained) report(error, "read the rows");
    this.complained = true;
    this.say("failed", error);
    setTimeout(() => this.window.later(), RETRY_MS);
  }

  rowsChanged(ordinals, live) {
    if (this.store.total !== null) this.showTotal(this.store.total);
    this.window.changed(ordinals, live);
    this.drawer?.refresh();
    this.say("rows");
  }

  showTotal(total) {
    this.complained = false;
    if (this.isWhole) this.scroller.removeAttribute("aria-busy");
    if (this.window.total === total && this.shownTotal) return;
    this.shownTotal = true;
    requestAnimationFrame(() => setTimeout(() => this.session.begin())); // once they are painted
    this.window.total = total;
    this.window.later();
    this.scroller.setAttribute("aria-rowcount", String(total + HEAD_ROWS));
    this.note.hidden = total > 0;
    this.note.textContent = "This table has no rows yet. Add one, or import a file.";
    this.say("total");
    const place = this.active && within(this.active, this.bounds);
    if (this.active && (!place || place.row !== this.active.row || place.col !== this.active.col)) this.activate(place);
  }

  /** Read everything anew, in the order it has by now. */
  refetch() {
    this.refetching.soon("anew", () => this.store.invalidate(true));
  }

  /** Something may have been missed: read what is shown anew, where it stands. */
  reread() {
    this.refetching.soon("all", () => this.store.invalidate());
  }

  showSummary() {
    const { summary } = this.session;
    if (summary) this.header.setCounts(summary.groups, summary.rows);
  }

  get bounds() {
    return { rows: this.store.total || 0, cols: this.schema.columns.length + 1, page: this.window.page };
  }

  activate(place, { reveal = true } = {}) {
    this.active = place;
    this.window.setActive(place, reveal);
    this.say("active", place);
    if (this.drawer?.isOpen && place) this.openDrawer(place);
  }

  /** The active cell stands elsewhere now, with its row: nobody went there. */
  shift(place) {
    this.active = place;
    this.window.setActive(place, false);
    this.say("shift", place);
  }

  key(event) {
    if (event.target !== this.scroller || event.altKey) return;
    if (this.keys.some((take) => take(event))) return event.preventDefault();
    if (event.key === "Escape") return this.drawer?.close();
    if (event.key === "Enter" && this.active) {
      event.preventDefault();
      return this.open(this.active);
    }
    const to = this.active && move(this.active, { key: event.key, ctrl: isCtrl(event) }, this.bounds);
    if (!to) return;
    event.preventDefault();
    this.activate(to);
  }

  click(event) {
    const place = this.window.placeOf(event.target);
    if (!place) return;
    this.takeFocus();
    this.activate(place);
    if (place.col > 0 || event.target.closest(".row-button")) this.open(place);
  }

  /** Enter or a click: the row's menu on its number, the drawer on a workflow's cell. */
  open(place) {
    if (place.col > 0) this.openDrawer?.(place);
    else if (this.mayRun) this.openMenu?.(place);
  }

  /** The grid has the focus and stays scrolled to where it is. */
  takeFocus() {
    this.scroller.focus({ preventScroll: true });
  }
}

customElements.define("run-sheet", RunSheet);
