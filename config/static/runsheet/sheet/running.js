// @ts-check
/** The grid's run menus, and the way from a count of failures to the cells. */
import { runMenu } from "../run/lazy.js";
import { attempt } from "./attempt.js";

/** Part of the grid: `grid.openRun(groups, title, anchor)` and the page's Run all button. */
export function attachRunning(grid) {
  grid.openRun = (groups, title, anchor) => openRun(grid, groups, title, anchor);
  const button = /** @type {HTMLButtonElement|null} */ (document.getElementById("run-all"));
  button?.addEventListener("click", () => openRun(grid, grid.schema.groups, "Run all columns on", button));
  grid.addEventListener("sheet:schema", () => {
    if (button) button.disabled = grid.schema.groups.length === 0;
  });
}

/** The menu that asks which rows and cells of these groups to run. */
export const openRun = (grid, groups, title, anchor) =>
  attempt("open the run menu", async () => (await runMenu()).openRunMenu(anchor, { grid, groups, title }));

/** List only the rows whose cell in one of these groups has a status. */
export function showOnly(grid, groups, status) {
  const each = groups.map((group) => ({ group, status }));
  grid.setQuery({ ...grid.query, filter: JSON.stringify(each.length === 1 ? each[0] : { any: each }) });
}
