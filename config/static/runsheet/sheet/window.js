// @ts-check
/**
 * The rows on screen: as many elements as fit, recycled while scrolling, in two panes.
 *
 * The pinned pane (row number and first column) is one sticky element; pinning each cell would cost frames. A row
 * stands in both panes, two halves with one `aria-rowindex`: screen readers go by row and column numbers.
 */
import { paint, paintMissing } from "./paint.js";
import { NUMBER_WIDTH } from "./schema.js";
import { ROW_HEIGHT, bring, measure, visible } from "./scroll.js";
import { element, makeSlot } from "./slot.js";

const OVERSCAN = 6;
/** Beyond so many columns only those near the screen have elements. */
const ALL_COLUMNS = 100;
export const HEAD_ROWS = 2;

let sheets = 0;

export class Window {
  /**
   * @param {HTMLElement} scroller
   * @param {{row: (ordinal: number) => any, describe: (column: any, row: any) => any, wanted: (from: number, to: number) => void}} source
   */
  constructor(scroller, source) {
    this.scroller = scroller;
    this.source = source;
    this.prefix = `sheet${(sheets += 1)}`;
    this.body = element("div", "sheet-body");
    this.body.setAttribute("role", "rowgroup");
    this.pinned = element("div", "sheet-pinned");
    this.rest = element("div", "sheet-rest");
    this.pinned.setAttribute("role", "presentation");
    this.rest.setAttribute("role", "presentation");
    this.body.append(this.pinned, this.rest);
    this.total = 0;
    this.columns = [];
    this.from = 0;
    this.to = 0;
    /** @type {any[]} */
    this.slots = [];
    /** @type {{row: number, col: number}|null} */
    this.active = null;
    this.frame = 0;
    this.origin = { first: 0, last: 0, top: 0 };
    /** Called after each drawing. @type {(() => void)|null} */
    this.drawn = null;
    scroller.addEventListener("scroll", () => this.later(), { passive: true });
    new ResizeObserver(() => this.later()).observe(scroller);
  }

  get height() {
    return Math.max(0, this.scroller.clientHeight - this.headHeight);
  }

  get headHeight() {
    return this.body.offsetTop;
  }

  /** Rows of one screen, for PageDown. */
  get page() {
    return Math.max(1, Math.floor(this.height / ROW_HEIGHT) - 1);
  }

  setColumns(columns) {
    this.columns = columns;
    let left = 0;
    this.lefts = columns.map((column, place) => {
      const here = left;
      if (place > 0) left += column.width;
      return here;
    });
    this.restWidth = left;
    this.pinned.style.width = `${NUMBER_WIDTH + (columns[0]?.width || 0)}px`;
    this.rest.style.width = `${left}px`;
    this.rebuild();
  }

  setTotal(total) {
    this.total = total;
    this.later();
  }

  /** Draw in the next frame, once, however often it is asked for. */
  later() {
    if (!this.frame) this.frame = requestAnimationFrame(() => { this.frame = 0; this.render(); });
  }

  /** These rows changed (null: any); `live` when by an event. Draws them in the next frame. */
  changed(ordinals, live) {
    for (const slot of this.slots) {
      if (ordinals === null || ordinals.has(slot.ordinal)) slot.stale = live && slot.stale !== "still" ? "live" : "still";
    }
    this.later();
  }

  render() {
    const { canvas } = measure(this.total, this.height);
    this.body.style.height = `${canvas}px`;
    const range = visible(this.total, this.height, this.scroller.scrollTop, OVERSCAN);
    this.fitSlots(range.last - range.first);
    this.fitColumns();
    const used = new Set();
    for (let ordinal = range.first; ordinal < range.last; ordinal += 1) {
      const slot = this.slots[ordinal % this.slots.length];
      used.add(slot);
      this.place(slot, ordinal, range.top + (ordinal - range.first) * ROW_HEIGHT);
    }
    for (const slot of this.slots) if (!used.has(slot)) this.hide(slot);
    this.origin = { first: range.first, last: range.last, top: range.top };
    if (range.last > range.first) this.source.wanted(range.first, range.last - 1);
    this.markActive();
    this.drawn?.();
  }

  /** Where rows `from`…`to` stand on the canvas, as far as drawn: `{top, height}`, or null when none is. */
  spanOf(from, to) {
    const { first, last, top } = this.origin;
    const start = Math.max(from, first), end = Math.min(to, last - 1);
    return end < start ? null : { top: top + (start - first) * ROW_HEIGHT, height: (end - start + 1) * ROW_HEIGHT };
  }

  place(slot, ordinal, top) {
    if (slot.ordinal !== ordinal) {
      slot.ordinal = ordinal;
      slot.stale = "still";
      for (const half of [slot.pin, slot.rest]) half.setAttribute("aria-rowindex", String(ordinal + 1 + HEAD_ROWS));
      slot.number.firstChild.data = slot.pin.dataset.number = slot.rest.dataset.number = String(ordinal + 1);
      slot.pin.hidden = slot.rest.hidden = false;
    }
    if (slot.top !== top) {
      slot.top = top;
      slot.pin.style.transform = slot.rest.style.transform = `translateY(${top}px)`;
    }
    if (slot.stale) {
      this.fill(slot, slot.stale === "live");
      slot.stale = "";
    }
  }

  fill(slot, live) {
    const row = this.source.row(slot.ordinal);
    slot.rest.dataset.row = row ? row.id : "";
    slot.cells.forEach((cell, place) => {
      const column = this.columns[cell.col - 1];
      if (!row) paintMissing(cell.element);
      else paint(cell.element, this.source.describe(column, row), { width: column.width, live });
    });
  }

  hide(slot) {
    if (slot.ordinal === -1) return;
    slot.ordinal = -1;
    slot.pin.hidden = slot.rest.hidden = true;
  }

  fitSlots(count) {
    if (count > this.slots.length || this.slots.length > 3 * count + 40) this.rebuild(count + OVERSCAN);
  }

  /** With very many columns, give elements to those near the screen only. */
  fitColumns() {
    const [from, to] = this.columnRange();
    if (from !== this.from || to !== this.to) this.rebuild();
  }

  columnRange() {
    const count = this.columns.length;
    if (count <= ALL_COLUMNS) return [1, count];
    const left = this.scroller.scrollLeft, right = left + this.scroller.clientWidth;
    const step = 8; // move in steps, so that a short scroll rebuilds nothing
    const first = this.lefts.findIndex((start, place) => place > 0 && start + this.columns[place].width >= left);
    let last = first;
    while (last < count && this.lefts[last] <= right) last += 1;
    return [Math.max(1, Math.floor((first - 4) / step) * step), Math.min(count, Math.ceil((last + 4) / step) * step)];
  }

  rebuild(count = this.slots.length) {
    [this.from, this.to] = this.columnRange();
    this.pinned.replaceChildren();
    this.rest.replaceChildren();
    const columns = { all: this.columns, lefts: this.lefts, from: this.from, to: this.to };
    this.slots = Array.from({ length: count }, (_, place) => makeSlot(`${this.prefix}-${place}`, columns, this.at));
    this.pinned.append(...this.slots.map((slot) => slot.pin));
    this.rest.append(...this.slots.map((slot) => slot.rest));
    this.later();
  }

  /** @type {WeakMap<Element, {slot: any, col: number}>} */
  at = new WeakMap();

  /** The place an event happened at, or null. */
  placeOf(target) {
    const found = target instanceof Element ? this.at.get(target.closest(".cell")) : null;
    return found && found.slot.ordinal >= 0 ? { row: found.slot.ordinal, col: found.col } : null;
  }

  /** The element showing a place, if it is on screen. */
  elementAt({ row, col }) {
    const slot = this.slots.find((candidate) => candidate.ordinal === row);
    if (!slot) return null;
    return col === 0 ? slot.number : slot.cells.find((cell) => cell.col === col)?.element || null;
  }

  setActive(place) {
    this.active = place;
    if (place) this.bringIntoView(place);
    this.markActive();
    this.later();
  }

  markActive() {
    const found = this.active && this.elementAt(this.active);
    for (const old of this.body.querySelectorAll("[aria-selected]")) {
      if (old !== found) old.removeAttribute("aria-selected");
    }
    if (!found) return this.scroller.removeAttribute("aria-activedescendant");
    found.setAttribute("aria-selected", "true");
    this.scroller.setAttribute("aria-activedescendant", found.id);
  }

  bringIntoView({ row, col }) {
    this.scroller.scrollTop = bring(row, this.total, this.height, this.scroller.scrollTop);
    if (col < 2) return;
    const left = this.lefts[col - 1], right = left + this.columns[col - 1].width;
    const room = this.scroller.clientWidth - this.pinned.offsetWidth;
    if (left < this.scroller.scrollLeft) this.scroller.scrollLeft = left;
    else if (right > this.scroller.scrollLeft + room) this.scroller.scrollLeft = right - room;
  }
}
