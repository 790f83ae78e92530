// @ts-check
/** What can be done with the header: resize and move columns by pointer and keys, open menus of columns and groups. */
import { attempt } from "../attempt.js";
import { isCtrl, make } from "../dom.js";
import { moveBeside } from "./order.js";
import { reorder } from "./reorder.js";
import { bounded, fit } from "./widths.js";

const STEP = 16;
/** A press that moves less is a click. */
const DRAG_FROM = 6;

/** Part of the grid. */
export function attachHeads(grid) {
  const { header } = grid;
  const head = header.element;
  head.addEventListener("pointerdown", (event) => press(grid, event));
  head.addEventListener("mousedown", (event) => {
    if (event.target.closest(".name-cell") && !event.target.closest("button")) event.preventDefault();
  });
  head.addEventListener("click", (event) => {
    const button = event.target.closest(".name-menu, .band-menu");
    if (button) openMenuAt(grid, button);
    if (!event.target.closest(".resizer")) return;
    event.preventDefault(); // it selects no column
    if (event.detail === 2) fit(grid, header.columnOf(event.target)); // the header may have been drawn anew since
  });
  head.addEventListener("contextmenu", (event) => {
    const anchor = event.target.closest(".name-cell[data-id], .band-cell[data-group]");
    if (!anchor) return;
    event.preventDefault();
    openMenuAt(grid, anchor, { x: event.clientX, y: event.clientY });
  });
  head.addEventListener("keydown", (event) => {
    if (event.target.matches(".name-cell[data-id]") && key(grid, event)) event.preventDefault();
  });
  head.addEventListener("focusin", (event) => {
    if (event.target.matches(".name-cell[data-id]"))
      for (const cell of header.names()) cell.tabIndex = cell === event.target ? 0 : -1;
  });
  grid.keys.push((event) => upIntoHead(grid, event));
}

/** Arrow up on the first row. */
function upIntoHead(grid, event) {
  const { active } = grid;
  if (event.key !== "ArrowUp" || event.shiftKey || isCtrl(event) || active?.row !== 0 || !active.col) return false;
  grid.header.focus(grid.schema.columns[active.col - 1].id);
  return true;
}

/** @returns {boolean} whether the key meant something to the name of a column */
function key(grid, event) {
  const { header } = grid;
  const column = header.columnOf(event.target);
  const names = header.names();
  const here = names.indexOf(event.target);
  const sideways = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (sideways && event.altKey && event.shiftKey) {
    grid.viewing.widen(column.id, bounded(column.width + sideways * STEP));
    return true;
  }
  if (event.altKey || isCtrl(event)) return false;
  const to = sideways ? here + sideways : { Home: 0, End: names.length - 1 }[event.key];
  if (to !== undefined) {
    if (names[to]) header.focus(names[to].dataset.id);
    return true;
  }
  const isMenu = ["Enter", " ", "ContextMenu"].includes(event.key) || (event.key === "F10" && event.shiftKey);
  if (isMenu) openMenuAt(grid, event.target);
  if (isMenu) return true;
  if (event.key !== "ArrowDown" && event.key !== "Escape") return false;
  grid.takeFocus();
  if (grid.bounds.rows) grid.activate({ row: grid.active?.row ?? 0, col: here + 1 });
  return true;
}

const openMenuAt = (grid, anchor, at) =>
  attempt("open the menu", async () => {
    const menus = await import("./headmenu.js");
    const column = grid.header.columnOf(anchor);
    const group = anchor.closest(".band-cell")?.dataset.group;
    if (column) menus.openColumnMenu(grid, column, anchor, at);
    else if (group) menus.openGroupMenu(grid, grid.schema.group.get(group), anchor, at);
  });

function press(grid, event) {
  const cell = event.target.closest(".name-cell[data-id]");
  if (!cell || event.button !== 0 || event.target.closest("button")) return;
  const column = grid.header.columnOf(cell);
  if (event.target.closest(".resizer")) resize(grid, event, column);
  else if (grid.mayRun && event.pointerType !== "touch") drag(grid, event, cell, column);
}

/** Columns follow the pointer; the width is saved when it is let go. */
function resize(grid, event, column) {
  const handle = event.target;
  const before = column.width;
  event.stopPropagation();
  handle.setPointerCapture(event.pointerId);
  handle.addEventListener("pointermove", (move) => {
    column.width = bounded(before + move.clientX - event.clientX);
    grid.header.fit();
    grid.window.restyle();
  });
  const save = () => column.width !== before && grid.viewing.widen(column.id, column.width);
  handle.addEventListener("lostpointercapture", save, { once: true });
}

/** Carry a column elsewhere. A line shows where it would stand; Escape lets go. */
function drag(grid, start, cell, column) {
  const line = make("div", { class: "drop-line" });
  const level = cell.getBoundingClientRect().top + 8; // the header may be drawn anew meanwhile, and this cell with it
  let order = null;
  let isDragged = false;
  const move = (event) => {
    if (!isDragged && Math.abs(event.clientX - start.clientX) < DRAG_FROM) return;
    isDragged = true;
    cell.classList.add("dragged");
    const under = document.elementFromPoint(event.clientX, level);
    const over = under?.closest(".name-cell[data-id]");
    const frame = over?.getBoundingClientRect();
    const isAfter = frame && event.clientX > frame.left + frame.width / 2;
    order = over ? moveBeside(grid.schema, column.id, over.dataset.id, isAfter) : null;
    line.hidden = !order;
    if (over && line.parentElement !== over) over.append(line);
    line.classList.toggle("after", Boolean(isAfter));
  };
  const end = (event) => {
    carrying.abort();
    cell.classList.remove("dragged");
    line.remove();
    if (!isDragged) return;
    document.addEventListener("click", swallow, { capture: true, once: true }); // the press was no click
    setTimeout(() => document.removeEventListener("click", swallow, true));
    if (event.type === "pointerup" && order) reorder(grid, order);
  };
  const escape = (event) => event.key === "Escape" && end(event);
  const listening = { pointermove: move, pointerup: end, pointercancel: end, keydown: escape };
  const carrying = new AbortController();
  for (const [type, act] of Object.entries(listening))
    document.addEventListener(type, act, { capture: true, signal: carrying.signal });
}

const swallow = (event) => event.stopPropagation();
