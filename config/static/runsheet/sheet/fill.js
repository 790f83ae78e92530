// @ts-check
/** Clearing, filling down, undo and redo: keys, the handle at the selection's corner, the tool bar's Undo. */
import { toast } from "../ui/toast.js";
import { assign } from "./bulk.js";
import { isCtrl } from "./dom.js";
import { follow } from "./drag.js";
import { boxOf } from "./ranges.js";
import { currentRowsOf } from "./scopes.js";

/** Part of the grid. */
export function attachFill(grid) {
  attachUndo(grid);
  if (!grid.mayRun) return;
  grid.keys.push((event) => {
    const isDown = isCtrl(event) && event.key.toLowerCase() === "d";
    if (!isDown && event.key !== "Delete" && event.key !== "Backspace") return false;
    if (grid.mayEdit()) (isDown ? fillDown : clear)(grid);
    return true;
  });
  grid.fillHandle.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    event.stopPropagation();
    if (grid.mayEdit()) drag(grid, event);
  });
}

/** Empty what is selected. */
export function clear(grid) {
  const parts = grid.selection.ranges.map((range) => {
    const empty = emptyOf(grid, range);
    return { from: range.from.row, to: range.to.row, data: () => empty, isUniform: true };
  });
  return assign(grid, parts, { words: "clear cells" });
}

/** Empty the cells of ranges in these very rows, wherever they stand by now. */
export function clearRows(grid, ranges, rowsOfEach) {
  const found = new Map();
  for (const [place, range] of ranges.entries()) {
    const empty = emptyOf(grid, range);
    for (const { id, data } of rowsOfEach[place]) {
      const known = found.get(id) || { row: id, data: {}, was: {} };
      Object.assign(known.data, empty);
      for (const key of Object.keys(empty)) known.was[key] = data[key] ?? null;
      found.set(id, known);
    }
  }
  return grid.writer.write([...found.values()], { words: "cut cells" });
}

const emptyOf = (grid, range) => Object.fromEntries(grid.selection.columns(range).map((column) => [column.key, null]));

/** The first row of each range goes into those below; a single row takes what stands above it. */
async function fillDown(grid) {
  const parts = [];
  for (const range of grid.selection.ranges) {
    const isRow = range.from.row === range.to.row;
    const source = isRow ? range.from.row - 1 : range.from.row;
    if (source < 0) continue;
    const [data] = await sources(grid, range, source, source);
    parts.push({ from: source + 1, to: range.to.row, data: () => data, isUniform: true });
  }
  if (parts.length) await assign(grid, parts, { words: "fill down" });
}

/** What rows hold in the columns of a range, by key. */
async function sources(grid, range, from, to) {
  const columns = grid.selection.columns(range);
  const rows = await currentRowsOf(grid, [{ from, to }]);
  return rows.map((row) => Object.fromEntries(columns.map((column) => [column.key, row.data[column.key] ?? null])));
}

/** Drag the handle up or down: the range is repeated over the rows it is dragged to. */
function drag(grid, event) {
  const { window: shown, selection } = grid;
  const range = selection.ranges.at(-1);
  const { from, to } = range;
  const boxes = [];
  let target = null;
  const over = ({ row }) => {
    target = null;
    if (row > to.row) target = { from: to.row + 1, to: row };
    if (row < from.row) target = { from: row, to: from.row - 1 };
    for (const box of boxes.splice(0)) box.remove();
    if (!target) return;
    const area = { from: { row: target.from, col: from.col }, to: { row: target.to, col: to.col } };
    for (const pane of [shown.pinned, shown.rest]) {
      const box = boxOf(shown, pane, area);
      if (!box) continue;
      box.classList.add("filling");
      boxes.push(box);
      pane.lastElementChild.append(box);
    }
  };
  follow(grid, event, over, async () => {
    for (const box of boxes) box.remove();
    if (!target) return;
    const span = target;
    const data = await sources(grid, range, from.row, to.row);
    const isUp = span.to < from.row;
    const lacking = isUp ? (data.length - ((span.to - span.from + 1) % data.length)) % data.length : 0;
    selection.set(
      { row: Math.min(from.row, span.from), col: from.col || 1 },
      { head: { row: Math.max(to.row, span.to), col: to.col } },
    );
    const part = { ...span, data: (n) => data[(n + lacking) % data.length], isUniform: data.length === 1 };
    await assign(grid, [part], { words: "fill cells" });
  });
}

function attachUndo(grid) {
  const button = /** @type {HTMLButtonElement|null} */ (document.getElementById("undo"));
  const turn = async (isUndo) => {
    const deed = await grid.writer.back(isUndo);
    if (deed?.refusal) toast(deed.refusal);
    else if (deed) grid.selection.status.textContent = `${isUndo ? "Undone" : "Done again"}: ${deed.words}`;
  };
  const show = () => {
    const last = grid.writer.history.done.at(-1);
    if (!button) return;
    button.disabled = !last;
    button.title = last ? `Undo: ${last.words || "not possible"} (Ctrl+Z)` : "";
  };
  grid.keys.push((event) => {
    const key = event.key.toLowerCase();
    if (!isCtrl(event) || (key !== "z" && key !== "y")) return false;
    turn(key === "z" && !event.shiftKey);
    return true;
  });
  button?.addEventListener("click", () => turn(true));
  grid.writer.addEventListener("history", show);
  show();
}
