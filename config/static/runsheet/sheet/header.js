// @ts-check
/** The two-level header: a band per workflow group (play, name, percent) above the column names. */
import { NUMBER_WIDTH, bandsOf } from "./schema.js";

export class Header {
  /** @param {{run: ((group: any, anchor: Element) => void)|null}} actions `run` is null for those who may not */
  constructor({ run }) {
    this.run = run;
    this.element = make("div", "sheet-head", "rowgroup");
    /** @type {Map<string, HTMLElement>} */
    this.percents = new Map();
  }

  setSchema(schema) {
    this.percents.clear();
    this.element.replaceChildren(this.bandRow(schema), this.nameRow(schema.columns));
  }

  /** Fill in how much of each group is done; `counts` by group and status, as the server says. */
  setCounts(counts, rows) {
    for (const [id, line] of this.percents) {
      const done = (counts[id] || {}).completed || 0;
      line.textContent = rows && done ? `${Math.floor((100 * done) / rows)}%` : "";
      line.title = rows ? `${done.toLocaleString("en")} of ${rows.toLocaleString("en")} rows completed` : "";
    }
  }

  bandRow(schema) {
    const row = make("div", "sheet-band", "row");
    row.setAttribute("aria-rowindex", "1");
    const [first, ...others] = schema.columns;
    const pinned = pinnedPart(first);
    pinned.append(blank(NUMBER_WIDTH));
    if (first) pinned.append(this.bandCell(schema, { group: first.group, from: 0, to: 1 }, [first], 2));
    row.append(pinned);
    for (const band of bandsOf(others)) {
      row.append(this.bandCell(schema, band, others.slice(band.from, band.to), band.from + 3));
    }
    return row;
  }

  bandCell(schema, band, columns, colindex) {
    const group = band.group && schema.group.get(band.group);
    const width = columns.reduce((sum, column) => sum + column.width, 0);
    if (!group) return blank(width);
    const cell = make("div", "band-cell", "columnheader");
    cell.setAttribute("aria-colindex", String(colindex));
    cell.setAttribute("aria-colspan", String(columns.length));
    cell.dataset.hue = String(group.hue);
    cell.style.width = `${width}px`;
    const name = make("span", "band-name");
    name.textContent = group.name;
    name.title = group.name;
    const percent = make("span", "band-percent");
    if (!this.percents.has(group.id)) this.percents.set(group.id, percent);
    cell.append(...(this.run ? [this.playButton(group)] : []), name, percent);
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

  nameRow(columns) {
    const row = make("div", "sheet-names", "row");
    row.setAttribute("aria-rowindex", "2");
    const pinned = pinnedPart(columns[0]);
    const number = make("div", "name-cell number-cell", "columnheader");
    number.textContent = "#";
    number.style.width = `${NUMBER_WIDTH}px`;
    number.setAttribute("aria-colindex", "1");
    pinned.append(number);
    row.append(pinned);
    columns.forEach((column, place) => (place === 0 ? pinned : row).append(nameCell(column, place + 2)));
    return row;
  }
}

function nameCell(column, colindex) {
  const cell = make("div", "name-cell", "columnheader");
  cell.setAttribute("aria-colindex", String(colindex));
  cell.style.width = `${column.width}px`;
  cell.classList.toggle("right", column.type === "number" || column.type === "currency");
  const name = make("span", "text");
  name.textContent = column.name;
  name.title = `${column.name} (${column.type})`;
  cell.append(name);
  return cell;
}

/** The part of a header row that stays in place with the pinned pane. */
function pinnedPart(first) {
  const found = make("div", "head-pinned", "presentation");
  found.style.width = `${NUMBER_WIDTH + (first ? first.width : 0)}px`;
  return found;
}

function blank(width) {
  const cell = make("div", "band-cell", "presentation");
  cell.style.width = `${width}px`;
  return cell;
}

function make(tag, className, role) {
  const found = document.createElement(tag);
  found.className = className;
  if (role) found.setAttribute("role", role);
  return found;
}
