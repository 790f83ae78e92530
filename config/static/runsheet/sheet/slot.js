// @ts-check
/** The elements of one recycled row: its number and the pinned cells in one pane, the others beside them. */
import { make } from "./dom.js";

/**
 * @param {string} prefix of the ids in this row
 * @param {{columns: any[], lefts: number[], pins: number, from: number, to: number, at: WeakMap<Element, any>}} shown
 *   columns of the right pane are from…to; `at` is filled with where each cell stands
 */
export function makeSlot(prefix, { columns, lefts, pins, from, to, at }) {
  const half = () => make("div", { class: "sheet-row", role: "row", hidden: true });
  const slot = { ordinal: -1, top: NaN, stale: "still", pin: half(), rest: half(), number: null, cells: [] };
  const put = (col, attributes, ...children) => {
    const found = make("div", { id: `${prefix}-${col}`, "aria-colindex": col + 1, ...attributes }, ...children);
    at.set(found, { slot, col });
    return found;
  };
  const cell = (col) => {
    const { key, width } = columns[col - 1];
    const found = put(col, { class: "cell", role: "gridcell", "data-column": key });
    found.style.left = `${lefts[col - 1]}px`;
    found.style.width = `${width}px`;
    slot.cells.push({ element: found, col });
    return found;
  };
  slot.number = put(0, { class: "cell number-cell", role: "rowheader" }, "", runButton());
  slot.pin.append(slot.number);
  for (let col = 1; col <= pins; col += 1) slot.pin.append(cell(col));
  for (let col = from + 1; col <= to; col += 1) slot.rest.append(cell(col));
  return slot;
}

/** Shown on hover and for the active row; the grid's own keys reach it too. */
const runButton = () =>
  make("button", { class: "row-button", type: "button", tabindex: -1, "aria-label": "Run this row" });
