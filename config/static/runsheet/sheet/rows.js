// @ts-check
/** Rows come: the line at the end, Shift+Enter; and the menus of rows and cells, which come when they are needed. */
import { arrive } from "./arrival.js";
import { isCtrl, make } from "./dom.js";

/** Part of the grid: `grid.openMenu(place, at)`, `grid.addRow(place, ordinal)`. */
export function attachRows(grid) {
  const line = addLine(grid);
  grid.scroller.append(line);
  const show = () => {
    line.hidden = !grid.mayEdit("insert", true) || grid.store.total === null || !grid.schema.columns.length;
  };
  grid.addEventListener("sheet:schema", show);
  grid.addEventListener("sheet:total", show);
  show();

  /** Add an empty row before or after another one, or at the end, and go there. */
  grid.addRow = async (place, ordinal = grid.store.total || 0) => {
    if (!grid.mayEdit("insert")) return;
    const known = grid.store.total;
    const made = await grid.writer.insert([{}], place);
    if (made) arrive(grid, ordinal, known, "The row was added. This view may list it elsewhere, or not at all.");
  };
  /** The menu of a row (on its number) or of a cell, beside it or at a point of the screen. */
  grid.openMenu = async (place, at) => (await import("./menus.js")).openMenuAt(grid, place, at);

  grid.addEventListener("contextmenu", (event) => {
    if (event.defaultPrevented) return;
    if (event.target === grid.scroller) event.preventDefault(); // the key, which has been heard
    const place = grid.window.placeOf(event.target);
    if (!place || !grid.store.row(place.row)) return;
    event.preventDefault();
    grid.takeFocus();
    if (!isChosen(grid, place)) grid.activate(place);
    grid.openMenu(place, { x: event.clientX, y: event.clientY });
  });
  grid.keys.push((event) => {
    const { active } = grid;
    if (!active || isCtrl(event)) return false;
    const row = grid.store.row(active.row);
    if (event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey)) grid.openMenu(active);
    else if (event.key === "Enter" && event.shiftKey && row) grid.addRow({ after: row.id }, active.row + 1);
    else if (event.key === "Enter" && active.col === 0) grid.openMenu(active);
    else return false;
    return true;
  });
}

/** Whether a place lies in what is selected, when that is more than the active cell. */
function isChosen(grid, { row, col }) {
  return grid.selection.ranges.some(
    ({ from, to }) => row >= from.row && row <= to.row && (from.col === 0 || (col >= from.col && col <= to.col)),
  );
}

function addLine(grid) {
  const button = make("button", { type: "button" }, "+ Add row");
  button.addEventListener("click", () => {
    grid.takeFocus();
    grid.addRow({});
  });
  return make("div", { class: "add-row", role: "row", hidden: true }, make("div", { role: "gridcell" }, button));
}
