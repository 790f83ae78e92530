// @ts-check
/**
 * What a grid lists and how it looks: a saved view or all rows, a filter, a sort, a text; kept in the page's address.
 *
 * How columns look belongs to the view, or to the table without one: a change is shown at once and saved soon, changes
 * in quick succession together; what the server refuses is taken back. `sheet:view` tells when any of this is another.
 */
import { Problem, api } from "../../api.js";
import { toast } from "../../ui/toast.js";
import { attempt } from "../attempt.js";
import { isSame } from "../values.js";
import { isAbout } from "./asked.js";

/** The server takes no more. */
export const MOST_SORTED = 8;
const SAVE_AFTER_MS = 500;
/** In the address: no view, although the table has one that it opens with. */
const NO_VIEW = "all";

export class Viewing {
  constructor(grid) {
    this.grid = grid;
    this.path = `${grid.session.path}views/`;
    this.layoutPath = `${grid.session.path}layout/`;
    /** @type {any[]} */
    this.views = [];
    /** @type {any} */
    this.view = null;
    /** @type {any} */
    this.filter = null;
    /** @type {{column: string, direction: string}[]} */
    this.sort = [];
    this.q = "";
    /** Parts of the layout that are not saved yet, or never by those who may only look. */
    this.pending = {};
    this.saving = Promise.resolve();
    grid.opening = this.read();
    grid.addEventListener("sheet:schema", () => (this.started ? this.check() : this.start()));
    grid.addEventListener("sheet:query", () => this.take());
    grid.addEventListener("sheet:failed", (event) => this.refused(/** @type {CustomEvent} */ (event).detail));
    for (const type of ["schema", "resync"]) grid.session.addEventListener(type, () => this.reread());
  }

  /** Read the saved views, in the order they are offered, unless the page came with them. */
  read() {
    if (this.grid.given) {
      this.views = this.grid.given.views;
      return Promise.resolve();
    }
    return attempt("read the saved views", async () => {
      this.views = (await api("GET", this.path, { query: { limit: 200 } })).results;
    });
  }

  /** What the address asks for, else the table's own first view. */
  start() {
    this.started = true;
    const asked = new URLSearchParams(location.search);
    const isPlain = !["filter", "sort", "q"].some((name) => asked.has(name));
    const named = asked.get("view") || (isPlain && this.grid.table.layout.default_view);
    this.view = this.views.find((view) => view.id === named) || null;
    this.filter = asked.has("filter") ? parsed(asked.get("filter")) : (this.view?.filter ?? null);
    this.sort = asked.has("sort") ? parsed(asked.get("sort")) || [] : (this.view?.sort ?? []);
    this.q = asked.get("q") || "";
    this.check(true);
    if (this.view) this.look();
  }

  /** Another schema: what asks for columns that are gone is dropped. */
  check(isFirst = false) {
    const { schema } = this.grid;
    const filter = this.filter && isAbout(this.filter, schema) ? this.filter : null;
    const sort = Array.isArray(this.sort) ? this.sort.filter((key) => schema.column.has(key.column)) : [];
    if (isFirst || (this.filter && !filter) || sort.length !== this.sort.length) this.set({ filter, sort });
  }

  /** The server refuses what an address or a view asks for: list without. */
  refused(error) {
    if (error instanceof Problem && ["filter_invalid", "sort_invalid"].includes(error.code))
      this.set({ filter: null, sort: [] });
  }

  /** List by another filter, sort or text. */
  set(changes) {
    Object.assign(this, changes);
    const query = {};
    if (hasParts(this.filter)) query.filter = JSON.stringify(this.filter);
    if (this.sort.length) query.sort = JSON.stringify(this.sort);
    if (this.q) query.q = this.q;
    const { filter, sort, q } = this.grid.query;
    if (isSame([this.filter, this.sort, this.q], [parsed(filter), parsed(sort) || [], q || ""])) this.take();
    else this.grid.setQuery(query);
  }

  /** What is listed is what the grid asks for, whoever said so. */
  take() {
    const { filter, sort, q = "" } = this.grid.query;
    Object.assign(this, { filter: parsed(filter), sort: parsed(sort) || [], q });
    this.grid.store.keepsOrder = Boolean(filter || sort || q);
    this.remember();
    this.grid.say("view");
  }

  /** Whether filter and sort are others than the view's own. */
  get isChanged() {
    const own = hasParts(this.view?.filter) ? this.view.filter : null;
    return !isSame([this.filter, this.sort], [own, this.view?.sort ?? []]);
  }

  remember() {
    const url = new URL(location.href);
    for (const name of ["view", "filter", "sort", "q"]) url.searchParams.delete(name);
    const asked = {
      view: this.view ? this.view.id : this.grid.table.layout.default_view && NO_VIEW,
      filter: this.isChanged && (this.filter || this.view?.filter) && JSON.stringify(this.filter || {}),
      sort: this.isChanged && (this.sort.length || this.view?.sort.length) && JSON.stringify(this.sort),
      q: this.q,
    };
    for (const [name, value] of Object.entries(asked)) if (value) url.searchParams.set(name, value);
    history.replaceState(history.state, "", url);
  }

  /** Show a saved view, or with null all rows. */
  async choose(view) {
    await this.save();
    this.view = view;
    this.pending = {};
    this.look();
    this.set({ filter: view?.filter ?? null, sort: view?.sort ?? [], q: "" });
  }

  /** Views may have been changed elsewhere; what this person has not changed follows. */
  async reread() {
    const before = this.view;
    await this.read();
    if (!this.started || before !== this.view) return;
    const wasChanged = this.isChanged; // perhaps meanwhile
    this.view = before && (this.views.find((view) => view.id === before.id) || null);
    if (before && !this.view) {
      toast(`The view “${before.name}” has been deleted.`);
      return this.choose(null);
    }
    if (!isSame(before?.layout, this.view?.layout)) this.look();
    if (wasChanged) this.grid.say("view");
    else this.set({ filter: this.view?.filter ?? null, sort: this.view?.sort ?? [] });
  }

  /** Save a view's name, filter or sort, a new one without `view`. Throws what the server says. */
  async store(view, fields) {
    await this.save();
    const stored = await api(view ? "PATCH" : "POST", view ? `${this.path}${view.id}/` : this.path, { body: fields });
    const others = this.views.filter((each) => each.id !== stored.id);
    this.views = [...others, stored].sort((a, b) => a.name.localeCompare(b.name));
    this.view = stored;
    this.look();
    this.set("filter" in fields ? { filter: stored.filter, sort: stored.sort } : {});
  }

  /** The view that everybody's table opens with, or null for none. */
  openWith(view) {
    return attempt("set the view that the table opens with", async () => {
      this.grid.table = await api("PUT", this.layoutPath, { body: { default_view: view && view.id } });
      this.remember();
    });
  }

  /** The layout that holds what is not said by `pending`. */
  get layout() {
    return { ...this.grid.table.layout, ...this.view?.layout, ...this.pending };
  }

  look() {
    this.grid.look = { ...this.view?.layout, ...this.pending };
    this.grid.applySchema();
    this.grid.say("view");
  }

  /** Change how columns look: `{widths?, hidden?, pinned?, row_height?}`. */
  show(parts) {
    this.pending = { ...this.pending, ...parts };
    this.look();
    if (!this.grid.mayRun) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), SAVE_AFTER_MS);
  }

  widen(id, width) {
    this.show({ widths: { ...this.layout.widths, [id]: Math.round(width) } });
  }

  hide(ids, isHidden) {
    const others = (this.layout.hidden || []).filter((id) => !ids.includes(id));
    this.show({ hidden: isHidden ? [...others, ...ids] : others });
  }

  pin(id, isPinned) {
    const { columns, pins, pinned } = this.grid.schema;
    const others = (pinned || columns.slice(0, pins).map((column) => column.id)).filter((each) => each !== id);
    this.show({ pinned: isPinned ? [...others, id] : others });
  }

  /** Save what is pending, one request after the other. */
  save() {
    clearTimeout(this.timer);
    this.saving = this.saving.then(() => this.send());
    return this.saving;
  }

  async send() {
    const { pending: sent, view } = this;
    if (!this.grid.mayRun || !Object.keys(sent).length) return;
    await attempt("save how the columns look", async () => {
      if (!view) {
        this.grid.table = await api("PUT", this.layoutPath, { body: sent });
        return;
      }
      this.view = await api("PATCH", `${this.path}${view.id}/`, { body: { layout: { ...view.layout, ...sent } } });
      this.views = this.views.map((each) => (each.id === view.id ? this.view : each));
    });
    this.pending = Object.fromEntries(Object.entries(this.pending).filter(([part, value]) => sent[part] !== value));
    this.look();
  }
}

const hasParts = (filter) => Boolean(filter && Object.keys(filter).length);

function parsed(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null; // a mangled address lists all rows
  }
}
