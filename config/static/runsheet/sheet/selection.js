// @ts-check
/**
 * What is selected in a grid: ranges of cells, loaded or not; keys, and what is said of it. What is done with it by
 * hand – pointer, clipboard, filling, the bar – are parts of their own.
 */
import { drift, finder } from "./bearings.js";
import { isCtrl, make } from "./dom.js";
import { between, clip, countOf, isOneCell, move, rowSpans, selectionWords } from "./select.js";
import { PAGE } from "./store.js";

/** Screen readers hear what is selected when it has stayed so for a moment. */
const SAID_AFTER_MS = 400;

/** Part of the grid: `grid.selection`. */
export function attachSelection(grid) {
  const selection = new Selection(grid);
  grid.selection = selection;
  grid.scroller.setAttribute("aria-multiselectable", "true");
  grid.append(selection.status);
  grid.keys.push((event) => selection.key(event));
  grid.addEventListener("sheet:active", (event) => selection.follow(event.detail));
  grid.addEventListener("sheet:query", () => selection.follow(null));
  grid.addEventListener("sheet:schema", () => selection.changed());
  grid.addEventListener("sheet:total", () => selection.changed());
  grid.addEventListener("sheet:rows", () => selection.settle());
}

export class Selection {
  constructor(grid) {
    this.grid = grid;
    /** Ranges chosen before the one that moves. @type {import("./select.js").Range[]} */
    this.kept = [];
    /** @type {{row: number, col: number}|null} where the moving range began, the active cell; `head` is its end */
    this.anchor = null;
    this.head = { row: 0, col: 1 };
    /** @type {"cells"|"rows"|"columns"|"all"} */
    this.shape = "cells";
    /** Which row stood at a place when it was selected. @type {WeakMap<{row: number, col: number}, string>} */
    this.ids = new WeakMap();
    this.status = make("p", { class: "visually-hidden", role: "status" });
    this.saying = 0;
  }

  /** The ranges, the one that moves last. */
  get ranges() {
    if (!this.anchor) return [];
    const all = [...this.kept, between(this.anchor, this.head, this.shape)];
    return all.map((range) => clip(range, this.grid.bounds)).filter((range) => range !== null);
  }

  /** Whether all rows are selected, however many are listed. */
  get isEverything() {
    return this.anchor !== null && (this.shape === "columns" || this.shape === "all");
  }

  /** The spans of selected rows in order: `[{from, to, isWhole}]`, ordinals. */
  rows() {
    return rowSpans(this.ranges).map((span) => ({ ...span, isWhole: this.isEverything }));
  }

  /** How many rows. */
  get count() {
    return countOf(this.rows());
  }

  /** How the API names the selected rows: `scopesOf`. */
  async scopes() {
    return (await import("./scopes.js")).scopesOf(this.grid, this.rows(), this.count);
  }

  /** Whether more than the active cell is selected. */
  get isMany() {
    const ranges = this.ranges;
    return ranges.length > 0 && !isOneCell(ranges);
  }

  /** Whether it is what becoming active selects: a cell, or a row by its number. */
  get isPlain() {
    return !this.kept.length && this.head === this.anchor && this.shape === (this.anchor?.col === 0 ? "rows" : "cells");
  }

  /** The columns of a range. */
  columns({ from, to }) {
    return this.grid.schema.columns.slice(Math.max(0, from.col - 1), to.col);
  }

  /** The active cell went elsewhere by itself: it alone is selected. */
  follow(place) {
    if (place && this.anchor && place.row === this.anchor.row && place.col === this.anchor.col) return;
    this.set(place);
  }

  /** Select from a place to another; `add` keeps what is selected already. */
  set(anchor, { head = anchor, shape = anchor?.col === 0 ? "rows" : "cells", add = false, reveal = true } = {}) {
    this.kept = add ? this.ranges : [];
    Object.assign(this, { anchor, head, shape });
    const { active } = this.grid;
    if (anchor && !(active && active.row === anchor.row && active.col === anchor.col))
      this.grid.activate(anchor, { reveal });
    this.changed();
  }

  /** Select the place a row is going to stand at. @param {{row: number, col: number}} place @param {string} id */
  goTo(place, id) {
    this.ids.set(place, id);
    this.set(place);
  }

  /** Move the other end of the range; null moves nothing. */
  extend(head, { reveal = true } = {}) {
    if (!head || !this.anchor) return;
    this.head = head;
    if (reveal) this.grid.window.bringIntoView(head);
    this.changed();
  }

  /** The active cell alone. */
  collapse() {
    this.set(this.anchor);
  }

  /** Pages may have been read again: what is selected stays the rows it was, else only the active cell's. */
  settle() {
    const { anchor } = this;
    if (!anchor) return;
    const by = this.drift(this.isEverything ? [anchor] : [anchor, this.head]);
    const kept = this.kept.map(({ from, to }) => this.drift([from, to]));
    if ([by, ...kept].every((each) => each === 0)) return this.know();
    if (by === null || kept.includes(null)) this.fallBack(anchor);
    else {
      const to = this.moved(anchor, by);
      const head = this.head === anchor ? to : this.moved(this.head, by);
      const ranges = this.kept.map((range, at) => ({
        from: this.moved(range.from, kept[at]),
        to: this.moved(range.to, kept[at]),
      }));
      Object.assign(this, { anchor: to, head, kept: ranges });
    }
    if (this.anchor?.row !== anchor.row) this.grid.shift(this.anchor);
    this.changed();
  }

  /** The rows between are others by now, or the active one is gone: whole columns stay selected, else one cell. */
  fallBack(before) {
    const by = this.drift([before]);
    const anchor = by === null ? { ...before } : this.moved(before, by);
    const shape = this.isEverything ? this.shape : anchor.col === 0 ? "rows" : "cells";
    Object.assign(this, { anchor, head: anchor, shape, kept: [] });
  }

  /** By how many rows places have moved with their rows. */
  drift(places) {
    const ends = places.map((place) => ({ row: place.row, id: this.ids.get(place) }));
    return drift(ends, finder(this.grid.store, PAGE));
  }

  /** A place so many rows further, of the same row. */
  moved(place, by) {
    const to = { ...place, row: place.row + by };
    const id = this.ids.get(place);
    if (id !== undefined) this.ids.set(to, id);
    return to;
  }

  /** Remember which rows stand at the ends of what is selected, as far as they are here. */
  know() {
    for (const place of [this.anchor, this.head, ...this.kept.flatMap(({ from, to }) => [from, to])]) {
      const row = place && !this.ids.has(place) && this.grid.store.row(place.row);
      if (row) this.ids.set(place, row.id);
    }
  }

  changed() {
    this.know();
    this.grid.say("selection");
    clearTimeout(this.saying);
    const words = this.isMany ? `${selectionWords(this.ranges, this.grid.bounds.rows)} selected` : "";
    this.saying = window.setTimeout(() => {
      this.status.textContent = words;
    }, SAID_AFTER_MS);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const ctrl = isCtrl(event);
    if (!this.anchor) return false;
    if (event.key === "Escape" && !this.isPlain) this.collapse();
    else if (event.key === " " && event.shiftKey !== ctrl) this.widen(ctrl ? "columns" : "rows");
    else if (ctrl && event.key.toLowerCase() === "a") this.widen("all");
    else if (event.shiftKey) return this.stretch(move(this.head, { key: event.key, ctrl }, this.grid.bounds));
    else return false;
    return true;
  }

  widen(shape) {
    this.shape = shape;
    this.changed();
  }

  stretch(to) {
    this.extend(to);
    return to !== null;
  }
}
