// @ts-check
/**
 * The rows on screen: as many elements as fit, recycled while scrolling, in two panes.
 *
 * The pinned pane (row number and pinned columns) is one sticky element; pinning each cell would cost frames. A row
 * stands in both panes, two halves with one `aria-rowindex`: screen readers go by row and column numbers.
 */
import { make } from "./dom.js";
import { paint, paintMissing } from "./paint.js";
import { columnsNear, placeColumns } from "./panes.js";
import { NUMBER_WIDTH } from "./schema.js";
import { ROW_HEIGHT, bring, measure, visible } from "./scroll.js";
import { makeSlot } from "./slot.js";

const OVERSCAN = 6;
/** Pinned columns that would take more of the screen than this scroll away with the others. */
const MOST_PINNED = 0.6;
export const HEAD_ROWS = 2;

let sheets = 0;

export class Window {
  /**
   * @typedef {{row: (ordinal: number) => any, describe: (column: any, row: any) => any,
   *   wanted: (from: number, to: number) => void}} Source
   * @param {HTMLElement} scroller
   * @param {Source} source
   */
  constructor(scroller, source) {
    this.scroller = scroller;
    this.source = source;
    this.prefix = `sheet${(sheets += 1)}`;
    this.pinned = make("div", { class: "sheet-pinned", role: "presentation" });
    this.rest = make("div", { class: "sheet-rest", role: "presentation" });
    this.body = make("div", { class: "sheet-body", role: "rowgroup" }, this.pinned, this.rest);
    /** Where each cell stands. @type {WeakMap<Element, {slot: any, col: number}>} */
    this.at = new WeakMap();
    this.total = 0;
    this.columns = [];
    /** How many of the columns are pinned: the first ones. */
    this.pins = 0;
    this.rowHeight = ROW_HEIGHT;
    /** Where each column begins within its pane. @type {number[]} */
    this.lefts = [];
    this.pinnedWidth = NUMBER_WIDTH;
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
    new ResizeObserver(() => {
      this.fitPinned();
      this.later();
    }).observe(scroller);
  }

  get height() {
    return Math.max(0, this.scroller.clientHeight - this.body.offsetTop);
  }

  /** Rows of one screen, for PageDown. */
  get page() {
    return Math.max(1, Math.floor(this.height / this.rowHeight) - 1);
  }

  setColumns(columns, pins = Math.min(1, columns.length), rowHeight = ROW_HEIGHT) {
    const isTaller = this.rowHeight !== rowHeight;
    const { first } = visible(this.total, this.height, this.scroller.scrollTop, 0, this.rowHeight);
    Object.assign(this, { columns, pins, rowHeight });
    this.scroller.style.setProperty("--row", `${rowHeight}px`);
    this.scroller.dataset.rows = rowHeight > ROW_HEIGHT ? "tall" : "";
    this.layOut();
    this.rebuild();
    if (!isTaller) return;
    this.body.style.height = `${measure(this.total, this.height, rowHeight).canvas}px`;
    this.scroller.scrollTop = bring(first, this.total, this.height, Infinity, rowHeight);
  }

  /** Work out where columns stand by their widths. */
  layOut() {
    const { lefts, pinned, rest } = placeColumns(this.columns, this.pins);
    this.lefts = lefts;
    this.pinnedWidth = pinned;
    this.pinned.style.width = `${pinned}px`;
    this.rest.style.width = `${rest}px`;
    this.fitPinned();
  }

  /** Columns are being resized: move the elements there are. */
  restyle() {
    this.layOut();
    for (const slot of this.slots) {
      for (const { element, col } of slot.cells) {
        element.style.left = `${this.lefts[col - 1]}px`;
        element.style.width = `${this.columns[col - 1].width}px`;
      }
    }
  }

  /** Pinned columns that leave no room to read scroll along. */
  fitPinned() {
    this.isLoose = this.pinnedWidth > MOST_PINNED * this.scroller.clientWidth;
    this.scroller.classList.toggle("loose", this.isLoose);
    this.scroller.style.scrollPaddingLeft = `${this.isLoose ? 0 : this.pinnedWidth}px`;
  }

  /** Draw in the next frame, once, however often it is asked for. */
  later() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.render();
    });
  }

  /** These rows changed (null: any); `live` when by an event. Draws them in the next frame. */
  changed(ordinals, live) {
    for (const slot of this.slots) {
      if (ordinals === null || ordinals.has(slot.ordinal))
        slot.stale = live && slot.stale !== "still" ? "live" : "still";
    }
    this.later();
  }

  render() {
    const { canvas } = measure(this.total, this.height, this.rowHeight);
    this.body.style.height = `${canvas}px`;
    const range = visible(this.total, this.height, this.scroller.scrollTop, OVERSCAN, this.rowHeight);
    const needed = range.last - range.first;
    if (needed > this.slots.length || this.slots.length > 3 * needed + 40) this.rebuild(needed + OVERSCAN);
    const [from, to] = this.columnRange();
    if (from !== this.from || to !== this.to) this.rebuild(); // of very many columns others are near now
    const used = new Set();
    for (let ordinal = range.first; ordinal < range.last; ordinal += 1) {
      const slot = this.slots[ordinal % this.slots.length];
      used.add(slot);
      this.place(slot, ordinal, range.top + (ordinal - range.first) * this.rowHeight);
    }
    for (const slot of this.slots) {
      if (used.has(slot) || slot.ordinal === -1) continue;
      slot.ordinal = -1;
      slot.pin.hidden = slot.rest.hidden = true;
    }
    this.origin = range;
    if (range.last > range.first) this.source.wanted(range.first, range.last - 1);
    this.markActive();
    this.drawn?.();
  }

  /** Where rows `from`…`to` stand on the canvas, as far as drawn: `{top, height}`, or null when none is. */
  spanOf(from, to) {
    const { first, last, top } = this.origin;
    const start = Math.max(from, first);
    const rows = Math.min(to, last - 1) - start + 1;
    return rows < 1 ? null : { top: top + (start - first) * this.rowHeight, height: rows * this.rowHeight };
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
    for (const { element, col } of slot.cells) {
      const column = this.columns[col - 1];
      if (!row) paintMissing(element);
      else paint(element, this.source.describe(column, row), { width: column.width, live });
    }
  }

  columnRange() {
    const left = this.scroller.scrollLeft;
    return columnsNear(this.columns, this.lefts, this.pins, left, left + this.scroller.clientWidth);
  }

  rebuild(count = this.slots.length) {
    [this.from, this.to] = this.columnRange();
    this.pinned.replaceChildren();
    this.rest.replaceChildren();
    this.slots = Array.from({ length: count }, (_, place) => makeSlot(`${this.prefix}-${place}`, this));
    this.pinned.append(...this.slots.map((slot) => slot.pin));
    this.rest.append(...this.slots.map((slot) => slot.rest));
    this.later();
  }

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

  setActive(place, reveal = true) {
    this.active = place;
    if (place && reveal) this.bringIntoView(place);
    this.markActive();
    this.later();
  }

  markActive() {
    const found = this.active && this.elementAt(this.active);
    for (const old of this.body.querySelectorAll("[data-active]"))
      if (old !== found) old.removeAttribute("data-active");
    if (!found) return this.scroller.removeAttribute("aria-activedescendant");
    found.setAttribute("data-active", "");
    this.scroller.setAttribute("aria-activedescendant", found.id);
  }

  bringIntoView({ row, col }) {
    this.scroller.scrollTop = bring(row, this.total, this.height, this.scroller.scrollTop, this.rowHeight);
    if (col <= this.pins && !this.isLoose) return;
    const before = this.isLoose ? this.pinnedWidth : 0;
    const left = col === 0 ? 0 : this.lefts[col - 1] + (col > this.pins ? before : 0);
    const right = left + (col === 0 ? NUMBER_WIDTH : this.columns[col - 1].width);
    const room = this.scroller.clientWidth - (this.isLoose ? 0 : this.pinnedWidth);
    if (left < this.scroller.scrollLeft) this.scroller.scrollLeft = left;
    else if (right > this.scroller.scrollLeft + room) this.scroller.scrollLeft = right - room;
  }
}
