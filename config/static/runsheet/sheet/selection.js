// @ts-check
/**
 * What is selected in a grid: ranges of cells, loaded or not; keys, and what is said of it. What is done with it by
 * hand – pointer, clipboard, filling, the bar – are parts of their own.
 */
import { isCtrl, make } from "./dom.js";
import { between, clip, countOf, isOneCell, move, rowSpans, selectionWords } from "./select.js";

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
    this.status = make("p", { class: "visually-hidden", role: "status" });
    this.saying = 0;
  }

  /** The ranges, the one that moves last. */
  get ranges() {
    if (!this.anchor) return [];
    const all = [...this.kept, between(this.anchor, this.head, this.shape)];
    return all.map((range) => clip(range, this.grid.bounds)).filter((range) => range !== null);
  }

  /** The spans of selected rows in order: `[{from, to}]`, ordinals. */
  rows() {
    return rowSpans(this.ranges);
  }

  /** How many rows. */
  get count() {
    return countOf(this.rows());
  }

  /** How the API names the selected rows: `scopesOf`. */
  async scopes() {
    return (await import("./scopes.js")).scopesOf(this.grid, this.rows(), this.count);
  }

  /** The same for what takes one only. */
  async scope() {
    const scopes = await this.scopes();
    if (scopes.length > 1) throw new Error("Several ranges of so many rows cannot be named at once.");
    return scopes[0] || [];
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

  changed() {
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
