// @ts-check
/**
 * The two-level header: a band per workflow group (play, name, percent, menu) above the column names.
 *
 * It draws; what can be done with a column or a group is wired by `tools/heads.js`. Of the names one is in the tab order.
 */
import { NUMBER_WIDTH, bandsOf } from "./schema.js";

export class Header {
  /** @param {{run: ((group: any, anchor: Element) => void)|null}} actions `run` is null for those who may not */
  constructor({ run }) {
    this.run = run;
    this.element = make("div", "sheet-head", "rowgroup");
    /** Stands behind the last column: a place for a button; not shown while it is empty. */
    this.end = make("div", "name-cell header-end", "columnheader");
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

  /** Give the focus to a column's name, which is in the tab order from then on. */
  focus(id) {
    const cells = this.names();
    const cell = cells.find((each) => each.dataset.id === id);
    if (!cell) return;
    for (const each of cells) each.tabIndex = each === cell ? 0 : -1;
    cell.focus();
  }

  /** A row of the header with its pinned part. */
  row(className, rowindex) {
    const row = make("div", className, "row");
    const pinned = make("div", "head-pinned", "presentation");
    row.setAttribute("aria-rowindex", rowindex);
    row.append(pinned);
    this.sized.push([pinned, this.schema.columns.slice(0, this.schema.pins), NUMBER_WIDTH]);
    return { row, pinned };
  }

  bandRow() {
    const { row, pinned } = this.row("sheet-band", "1");
    const { columns, pins } = this.schema;
    if (!columns.some((column) => column.group))
      for (const name of ["role", "aria-rowindex"]) row.removeAttribute(name); // it has no header then
    pinned.append(this.blank([], NUMBER_WIDTH));
    for (const [pane, from, to] of [
      [pinned, 0, pins],
      [row, pins, columns.length],
    ]) {
      const here = columns.slice(from, to);
      for (const band of bandsOf(here))
        pane.append(this.bandCell(here.slice(band.from, band.to), from + band.from + 2));
    }
    return row;
  }

  bandCell(columns, colindex) {
    const group = columns[0].group && this.schema.group.get(columns[0].group);
    if (!group) return this.blank(columns, 0);
    const cell = make("div", "band-cell", "columnheader");
    cell.setAttribute("aria-colindex", String(colindex));
    cell.setAttribute("aria-colspan", String(columns.length));
    cell.dataset.hue = String(group.hue);
    cell.dataset.group = group.id;
    this.sized.push([cell, columns, 0]);
    const name = make("span", "band-name");
    name.textContent = group.name;
    name.title = group.name;
    const percent = make("span", "band-percent");
    if (!this.percents.has(group.id)) this.percents.set(group.id, percent);
    cell.append(
      ...(this.run ? [this.playButton(group)] : []),
      name,
      percent,
      menuButton("band-menu", `Menu of ${group.name}`, 0),
    );
    return cell;
  }

  playButton(group) {
    const button = make("button", "band-play");
    button.setAttribute("type", "button");
    button.setAttribute("aria-label", `Run ${group.name}`);
    button.setAttribute("aria-haspopup", "menu");
    button.addEventListener("click", () => this.run?.(group, button));
    return button;
  }

  nameRow() {
    const { row, pinned } = this.row("sheet-names", "2");
    const number = make("div", "name-cell number-cell", "columnheader");
    number.textContent = "#";
    number.style.width = `${NUMBER_WIDTH}px`;
    number.setAttribute("aria-colindex", "1");
    number.dataset.col = "0";
    pinned.append(number);
    this.schema.columns.forEach((column, place) =>
      (place < this.schema.pins ? pinned : row).append(this.nameCell(column, place)),
    );
    row.append(this.end);
    return row;
  }

  nameCell(column, place) {
    const cell = make("div", "name-cell", "columnheader");
    cell.setAttribute("aria-colindex", String(place + 2));
    cell.setAttribute("aria-haspopup", "menu");
    cell.dataset.col = String(place + 1);
    cell.dataset.id = column.id;
    cell.tabIndex = place === 0 ? 0 : -1;
    cell.classList.toggle("right", column.type === "number" || column.type === "currency");
    this.sized.push([cell, [column], 0]);
    const name = make("span", "text");
    name.textContent = column.name;
    name.title = `${column.name} (${column.type})`;
    const signs = [make("span", "sort-mark"), menuButton("name-menu", "", -1), make("span", "resizer")];
    for (const sign of signs) sign.setAttribute("aria-hidden", "true"); // for the mouse: keys open the menu from the cell
    cell.append(name, ...signs);
    return cell;
  }

  blank(columns, more) {
    const cell = make("div", "band-cell", "presentation");
    this.sized.push([cell, columns, more]);
    return cell;
  }
}

function menuButton(className, label, tabIndex) {
  const button = make("button", className);
  button.setAttribute("type", "button");
  if (label) button.setAttribute("aria-label", label);
  button.setAttribute("aria-haspopup", "menu");
  button.tabIndex = tabIndex;
  return button;
}

function make(tag, className, role = "") {
  const found = document.createElement(tag);
  found.className = className;
  if (role) found.setAttribute("role", role);
  return found;
}
