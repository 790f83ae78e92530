// @ts-check
/** The elements of one recycled row: its number and the pinned cells in one pane, the others beside them. */

/**
 * @param {string} prefix of the ids in this row
 * @param {{all: any[], lefts: number[], pins: number, from: number, to: number}} columns those of the right pane are from…to
 * @param {WeakMap<Element, {slot: any, col: number}>} at filled with where each cell stands
 */
export function makeSlot(prefix, columns, at) {
  const pin = element("div", "sheet-row");
  const rest = element("div", "sheet-row");
  const number = element("div", "cell number-cell");
  const slot = { ordinal: -1, top: NaN, stale: "still", pin, rest, number, cells: /** @type {any[]} */ ([]) };
  const identify = (found, col) => {
    found.id = `${prefix}-${col}`;
    found.setAttribute("aria-colindex", String(col + 1));
    at.set(found, { slot, col });
  };
  const cell = (place) => {
    const found = element("div", "cell");
    found.setAttribute("role", "gridcell");
    found.style.left = `${columns.lefts[place]}px`;
    found.style.width = `${columns.all[place].width}px`;
    found.dataset.column = columns.all[place].key;
    identify(found, place + 1);
    slot.cells.push({ element: found, col: place + 1 });
    return found;
  };
  number.setAttribute("role", "rowheader");
  number.append(document.createTextNode(""), runButton());
  identify(number, 0);
  pin.setAttribute("role", "row");
  rest.setAttribute("role", "row");
  pin.append(number);
  for (let place = 0; place < columns.pins; place += 1) pin.append(cell(place));
  for (let place = columns.from; place < columns.to; place += 1) rest.append(cell(place));
  pin.hidden = rest.hidden = true;
  return slot;
}

export function element(tag, className) {
  const found = document.createElement(tag);
  found.className = className;
  return found;
}

/** Shown on hover and for the active row; the grid's own keys reach it too. */
function runButton() {
  const found = element("button", "row-button");
  found.setAttribute("type", "button");
  found.tabIndex = -1;
  found.setAttribute("aria-label", "Run this row");
  return found;
}
