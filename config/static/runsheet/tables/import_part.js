// @ts-check
/** Import into the table that is shown: the tool bar's button, and a file dropped on the grid. */
import { takeDrops } from "./drops.js";

/** @param {any} grid */
export function attachImport(grid) {
  if (!grid.mayRun) return;
  const open = async (file = null) =>
    (await import("./import.js")).openImport({ file, table: grid.table?.id || grid.getAttribute("table-id") });
  takeDrops(grid, open);
  const button = /** @type {HTMLButtonElement|null} */ (document.getElementById("import-open"));
  if (!button) return;
  button.disabled = false;
  button.addEventListener("click", () => open());
}
