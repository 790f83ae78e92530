// @ts-check
/** The grid's run menus, and the way from a count of failures to the cells. */
import { openRunMenu } from "../run/menu.js";
import { statusOf } from "./cell.js";

/** Part of the grid: the page's Run all button. */
export function attachRunning(grid) {
  const button = /** @type {HTMLButtonElement|null} */ (document.getElementById("run-all"));
  button?.addEventListener("click", () => openRun(grid, grid.schema.groups, "Run all columns on", button));
  grid.addEventListener("sheet:schema", () => { if (button) button.disabled = grid.schema.groups.length === 0; });
}

/** The menu that asks which rows and cells of these groups to run. */
export function openRun(grid, groups, title, anchor) {
  openRunMenu(anchor, { session: grid.session, groups, title });
}

/** Go to the next row here whose cell in one of the groups has a status, from the active one on. */
export function showNext(grid, groups, status) {
  const from = grid.active ? grid.active.row : -1;
  const isMeant = (row, id) => statusOf(row.cells[id], row, id, grid.view).state === status;
  const rows = [...grid.store.held()].filter(([, row]) => groups.some((id) => isMeant(row, id))).map(([ordinal]) => ordinal);
  rows.sort((a, b) => a - b);
  const next = rows.find((ordinal) => ordinal > from) ?? rows[0];
  if (next === undefined) return;
  const row = grid.store.row(next);
  const col = grid.schema.columns.findIndex((column) => groups.includes(column.group) && row.cells[column.group]?.status === status);
  grid.activate({ row: next, col: col + 1 });
  grid.openDrawer({ row: next, col: col + 1 });
}
