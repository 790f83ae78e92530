// @ts-check
/**
 * The two-level header: a band per workflow group (play, name, percent, menu) above the column names.
 *
 * It draws; what can be done with a column or a group is wired by `tools/heads.js`. One name is in the tab order.
 */
import { make } from "./dom.js";
import { NUMBER_WIDTH, bandsOf } from "./schema.js";
import { isRight } from "./values.js";

export class Header {
  /** @param {{run: ((group: any, anchor: Element) => void)|null}} actions `run` is null for those who may not */
  constructor({ run }) {
    this.run = run;
    this.element = make("div", { class: "sheet-head", role: "rowgroup" });
    /** Stands behind the last column: a place for a button; not shown while it is empty. */
    this.end = make("div", { class: "name-cell header-end", role: "columnheader" });
    /** @type {Map<string, HTMLElement>} */
    this.percents = new Map();
    /** @type {{columns: any[], pins: number, group: Map<string, any>}} */
    this.schema = { columns: [], pins: 0, group: new Map() };
    /** @type {{sort: {column: string, direction: string}[], filtered: Set<string>}} */
    this.marks = { sort: [], filtered: new Set() };
  }

  setSchema(schema) {
    const held = this.element.contains(document.activeElement) ? this.columnOf(document.activeElement) : null;
    this.schema = schema;
    this.percents.clear();
    /** @type {[HTMLElement, any[], number][]} elements as wide as these columns and so many pixels */
    this.sized = [];
    this.element.replaceChildren(this.bandRow(), this.nameRow());
    this.fit();
    this.mark(this.marks);
    if (held) this.focus(held.id);
  }

  /** Fill in how much of each group is done; `counts` by group and status, as the server says. */
  setCounts(counts, rows) {
    for (const [id, line] of this.percents) {
      const done = (counts[id] || {}).completed || 0;
      line.textContent = rows && done ? `${Math.floor((100 * done) / rows)}%` : "";
      line.title = rows ? `${done.toLocaleString("en")} of ${rows.toLocaleString("en")} rows completed` : "";
    }
  }

  /** Make everything as wide as its columns are. */
  fit() {
    for (const [element, columns, more] of this.sized) {
      element.style.width = `${columns.reduce((sum, column) => sum + column.width, more)}px`;
    }
  }

  /** Show what the rows are sorted and filtered by. */
  mark(marks) {
    this.marks = marks;
    for (const cell of this.names()) {
      const place = marks.sort.findIndex((key) => key.column === cell.dataset.id);
      const direction = place < 0 ? null : marks.sort[place].direction;
      if (direction && place === 0) cell.setAttribute("aria-sort", direction === "desc" ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
      cell.toggleAttribute("data-filtered", marks.filtered.has(String(cell.dataset.id)));
      cell.dataset.sort = direction || "";
    }
  }

  /** @returns {HTMLElement[]} the cells of the columns' names, from left to right */
  names() {
    return [...this.element.querySelectorAll(".name-cell[data-id]")].map((found) => /** @type {HTMLElement} */ (found));
  }

  /** The column at an element of the header, or null. */
  columnOf(element) {
    const col = Number(element?.closest(".name-cell[data-id]")?.dataset.col);
    return this.schema.columns[col - 1] || null;
  }

  /** Give the focus to a column's name, which is in the tab order from then on. Answers whether it is shown. */
  focus(id) {
    const cells = this.names();
    const cell = cells.find((each) => each.dataset.id === id);
    if (!cell) return false;
    for (const each of cells) each.tabIndex = each === cell ? 0 : -1;
    cell.focus();
    return true;
  }

  /** Give the focus to the menu's button of a workflow group. Answers whether it is shown. */
  focusGroup(id) {
    const button = this.element.querySelector(`.band-cell[data-group="${id}"] .band-menu`);
    if (button instanceof HTMLElement) button.focus();
    return button !== null;
  }

  /** A row of the header with its pinned part. */
  row(attributes) {
    const pinned = make("div", { class: "head-pinned", role: "presentation" });
    const row = make("div", attributes, pinned);
    this.sized.push([pinned, this.schema.columns.slice(0, this.schema.pins), NUMBER_WIDTH]);
    return { row, pinned };
  }

  bandRow() {
    const { columns, pins } = this.schema;
    const isHeader = columns.some((column) => column.group);
    const { row, pinned } = this.row({ class: "sheet-band", ...(isHeader && { role: "row", "aria-rowindex": 1 }) });
    const add = (pane, from, to) => {
      const here = columns.slice(from, to);
      for (const band of bandsOf(here))
        pane.append(this.bandCell(here.slice(band.from, band.to), from + band.from + 2));
    };
    pinned.append(this.blank([], NUMBER_WIDTH));
    add(pinned, 0, pins);
    add(row, pins, columns.length);
    return row;
  }

  bandCell(columns, colindex) {
    const group = columns[0].group && this.schema.group.get(columns[0].group);
    if (!group) return this.blank(columns, 0);
    const { id, name, hue } = group;
    const percent = make("span", { class: "band-percent" });
    if (!this.percents.has(id)) this.percents.set(id, percent);
    const cell = make(
      "div",
      {
        class: "band-cell",
        role: "columnheader",
        "aria-colindex": colindex,
        "aria-colspan": columns.length,
        "data-hue": hue,
        "data-group": id,
      },
      ...(this.run ? [this.playButton(group)] : []),
      make("span", { class: "band-name", title: name }, name),
      percent,
      menuButton({ class: "band-menu", "aria-label": `Menu of ${name}`, tabindex: 0 }),
    );
    this.sized.push([cell, columns, 0]);
    return cell;
  }

  playButton(group) {
    const button = menuButton({ class: "band-play", "aria-label": `Run ${group.name}` });
    button.addEventListener("click", () => this.run?.(group, button));
    return button;
  }

  nameRow() {
    const { row, pinned } = this.row({ class: "sheet-names", role: "row", "aria-rowindex": 2 });
    const about = { class: "name-cell number-cell", role: "columnheader", "aria-colindex": 1, "data-col": 0 };
    const number = make("div", about, "#");
    number.style.width = `${NUMBER_WIDTH}px`;
    pinned.append(number);
    for (const [place, column] of this.schema.columns.entries())
      (place < this.schema.pins ? pinned : row).append(this.nameCell(column, place));
    row.append(this.end);
    return row;
  }

  nameCell(column, place) {
    const forMouse = { "aria-hidden": "true" }; // keys open the menu from the cell
    const cell = make(
      "div",
      {
        class: isRight(column.type) ? "name-cell right" : "name-cell",
        role: "columnheader",
        "aria-colindex": place + 2,
        "aria-haspopup": "menu",
        "data-col": place + 1,
        "data-id": column.id,
        tabindex: place === 0 ? 0 : -1,
      },
      make("span", { class: "text", title: `${column.name} (${column.type})` }, column.name),
      make("span", { class: "sort-mark", ...forMouse }),
      menuButton({ class: "name-menu", tabindex: -1, ...forMouse }),
      make("span", { class: "resizer", ...forMouse }),
    );
    this.sized.push([cell, [column], 0]);
    return cell;
  }

  blank(columns, more) {
    const cell = make("div", { class: "band-cell", role: "presentation" });
    this.sized.push([cell, columns, more]);
    return cell;
  }
}

const menuButton = (attributes) => make("button", { type: "button", "aria-haspopup": "menu", ...attributes });
