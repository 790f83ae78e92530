// @ts-check
/** One cell being edited: what is typed, what a key does, and what becomes of it when the server says no. */
import { toast } from "../../ui/toast.js";
import { isCtrl } from "../dom.js";
import { within } from "../select.js";
import { choicesOf, isSame } from "../values.js";
import { Choices } from "./choices.js";
import { fromText, isLong, toNative, toText, wordsOf } from "./kinds.js";

const LONG_KEYS = "Ctrl+Enter saves · Esc cancels";
const STEPS = { Enter: { row: 1, col: 0 }, Tab: { row: 0, col: 1 } };

export class Editor {
  /** @param {any} grid @param {import("./field.js").Field} field */
  constructor(grid, field) {
    this.grid = grid;
    this.field = field;
    /** The cell being edited: `{place, row, column, was}`. @type {any} */
    this.at = null;
    /** @type {Choices|null} */
    this.choices = null;
    field.box.addEventListener("input", () => this.typed());
    for (const type of ["pointerdown", "click", "dblclick"])
      field.box.addEventListener(type, (event) => event.stopPropagation());
    const left = (event) => this.at && !event.composedPath().includes(field.box) && this.commit(null);
    grid.addEventListener("pointerdown", left, true);
    const follow = () => this.at && requestAnimationFrame(() => this.follow());
    grid.scroller.addEventListener("scroll", follow, { passive: true });
    grid.addEventListener("sheet:active", ({ detail }) => {
      if (this.at && !isAt(detail, this.at.place)) this.commit(null);
    });
    grid.addEventListener("sheet:shift", ({ detail }) => {
      if (!this.at) return;
      this.at.place = detail;
      follow();
    });
  }

  /**
   * Edit the cell at a place. `typed`: what was typed over it is in the field already; `text`: begin with this.
   * @param {{row: number, col: number}} place @param {{typed?: boolean, text?: string}} [how]
   */
  open(place, { typed = false, text } = {}) {
    if (this.at) return;
    const { field, grid } = this;
    grid.window.setActive(place);
    if (!grid.window.elementAt(place)) grid.window.render(); // it was scrolled away, and the next key is on its way
    const column = grid.schema.columns[place.col - 1];
    const row = grid.store.row(place.row);
    const cell = grid.window.elementAt(place);
    if (!column || !row || !cell) return field.close();
    const was = row.data[column.key] ?? null;
    const isChoice = column.type === "select" || column.type === "multi_select";
    const isNative = !typed && text === undefined && (column.type === "date" || column.type === "datetime");
    this.at = { place, row: row.id, column, was };
    const start = text ?? toText(column, was);
    if (!typed) field.text.value = isChoice ? "" : start;
    this.isLong = !isChoice && isLong(column, start);
    field.place(cell);
    if (isNative) {
      field.native.type = column.type === "date" ? "date" : "datetime-local";
      field.native.value = toNative(column, was);
    }
    field.open(isNative ? "native" : this.isLong ? "long" : "one", `${column.name}, row ${place.row + 1}`);
    if (isChoice)
      this.choices = new Choices(grid, field, column, was, (isKey) => this.commit(isKey ? STEPS.Enter : null));
    this.typed();
  }

  /** Stay over the cell: a pinned one does not scroll along, in a very tall table none does as far. */
  follow() {
    const cell = this.at && this.grid.window.elementAt(this.at.place);
    if (!cell) return;
    this.field.place(cell);
    this.field.fit();
  }

  /** Something was typed: fit, and say what the server may object to. */
  typed() {
    if (!this.at) return;
    const { field } = this;
    if (this.choices) this.choices.search(field.text.value);
    else {
      const { hint, fault } = this.meant();
      const zone = field.input === field.native && this.at.column.type === "datetime" ? "UTC" : "";
      field.tell(fault || hint || (this.isLong ? LONG_KEYS : zone), Boolean(fault));
    }
    field.fit();
  }

  /** @returns {import("./kinds.js").Meant} */
  meant() {
    if (this.choices) return { value: this.choices.value };
    return fromText(this.at.column, this.field.input.value);
  }

  /** A key pressed in the field. Returns whether it was taken. */
  key(event) {
    if (event.key === "Escape") this.cancel();
    else if (event.key === "Tab") this.commit(turned(STEPS.Tab, event.shiftKey));
    else if (this.choices?.key(event)) return true;
    else if (event.key === "Enter" && event.altKey && !this.choices) this.write("\n");
    else if (event.key === "Enter" && (!this.isLong || isCtrl(event))) this.commit(turned(STEPS.Enter, event.shiftKey));
    else return false;
    return true;
  }

  write(text) {
    const { field } = this;
    field.text.setRangeText(text, field.text.selectionStart, field.text.selectionEnd, "end");
    this.typed();
  }

  cancel() {
    this.at = null;
    this.choices = null;
    this.field.offer(null);
    this.field.close();
  }

  /**
   * Write what is there and move on at once, whatever the server will say: it is shown meanwhile.
   * @param {{row: number, col: number}|null} step where to go then; null stays
   */
  async commit(step) {
    if (!this.at) return;
    const { at } = this;
    const meant = this.meant();
    const text = this.field.input.value;
    if (meant.fault) {
      this.field.tell(meant.fault, true);
      if (!isAt(this.grid.active, at.place)) this.grid.activate(at.place);
      return;
    }
    this.leave(step);
    if (isSame(meant.value, at.was)) return;
    const left = this.grid.active;
    try {
      const words = `change “${at.column.name}”`;
      await this.grid.writer.write([{ row: at.row, data: { [at.column.key]: meant.value } }], { words, throws: true });
    } catch (error) {
      this.refused(at, text, wordsOf(error), isAt(this.grid.active, left));
    }
  }

  leave(step) {
    const { place } = this.at;
    this.cancel();
    if (!step) return;
    const next = { row: place.row + step.row, col: Math.max(1, place.col + step.col) };
    this.grid.activate(within(next, this.grid.bounds));
  }

  /** What was refused is back in its field, with the server's words, or waits for who goes on elsewhere. */
  refused(at, text, words, isThere) {
    const again = () => {
      const row = this.grid.store.index.get(at.row);
      const col = this.grid.schema.columns.findIndex((column) => column.id === at.column.id) + 1;
      if (row === undefined || !col)
        return toast(`“${text}” could not be written: the cell is not here any more.`, { kind: "error" });
      this.grid.activate({ row, col });
      if (this.at) return this.refused(at, text, words, false); // what is typed elsewhere is wrong too: it comes first
      this.open({ row, col }, choicesOf(at.column).length ? {} : { text });
      this.field.tell(words, true);
    };
    const action = { label: "Edit again", run: again };
    if (isThere && this.field.hasFocus && !this.at) again();
    else toast(`Could not change “${at.column.name}”. ${words}`, { kind: "error", action });
  }
}

const isAt = (one, other) => Boolean(one) && one.row === other?.row && one.col === other.col;
const turned = (step, isBack) => (isBack ? { row: -step.row, col: -step.col } : step);
