// @ts-check
/** Rows come: the line at the end, Shift+Enter; and the menus of rows and cells, which come when they are needed. */
import { arrive } from "./arrival.js";
import { element } from "./slot.js";

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

  /** Add an empty row next to another one, or at the end, and go there. @param {{before?: string, after?: string}} place */
  grid.addRow = async (place, ordinal = grid.store.total || 0) => {
    if (!grid.mayEdit("insert")) return;
    const known = grid.store.total;
    const made = await grid.writer.insert([{}], place);
    if (made) arrive(grid, ordinal, known, "The row was added. This view may list it elsewhere, or not at all.");
  };
  /** The menu of a row (on its number) or of a cell. @param {{row: number, col: number}} place @param {{x: number, y: number}} [at] */
  grid.openMenu = async (place, at) => {
    const { openMenuAt } = await import("./menus.js");
    openMenuAt(grid, place, at);
  };

  grid.addEventListener("contextmenu", (event) => {
    if (event.defaultPrevented) return;
    if (event.target === grid.scroller) event.preventDefault(); // the key, which has been heard
    const place = grid.window.placeOf(event.target);
    if (!place || !grid.store.row(place.row)) return;
    event.preventDefault();
    grid.scroller.focus({ preventScroll: true });
    if (!isChosen(grid, place)) grid.activate(place);
    grid.openMenu(place, { x: event.clientX, y: event.clientY });
  });
  grid.keys.push((event) => {
    const { active } = grid;
    const isPlain = !event.ctrlKey && !event.metaKey;
    if (!active || !isPlain) return false;
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
  const ranges = grid.selection ? grid.selection.ranges : [];
  return ranges.some(
    ({ from, to }) => row >= from.row && row <= to.row && (from.col === 0 || (col >= from.col && col <= to.col)),
  );
}

function addLine(grid) {
  const line = element("div", "add-row");
  const cell = element("div", "");
  const button = element("button", "");
  line.setAttribute("role", "row");
  cell.setAttribute("role", "gridcell");
  button.setAttribute("type", "button");
  button.textContent = "+ Add row";
  button.addEventListener("click", () => {
    grid.scroller.focus({ preventScroll: true });
    grid.addRow({});
  });
  cell.append(button);
  line.append(cell);
  line.hidden = true;
  return line;
}
