// @ts-check
/** What can be run and stopped in one row, as items of its menu. */
import { run, stopRow } from "../sheet/actions.js";
import { INFLIGHT } from "../sheet/cell.js";

/**
 * `[label, act, isDanger]` of each.
 * @param {any} grid @param {any} row
 * @returns {[string, () => void, boolean?][]}
 */
export function runItems(grid, row) {
  const { session, store } = grid;
  const groups = grid.schema.groups.map((group) => group.id);
  if (!grid.mayRun || !groups.length) return [];
  const start = (mode) => run(session, { groups, rows: [row.id], mode });
  const inFlight = Object.values(row.cells).some((cell) => INFLIGHT.has(cell.status));
  /** @type {[string, () => void, boolean?][]} */
  const items = [
    ["Run empty or failed", () => start("incomplete")],
    ["Run everything", () => start("all")],
  ];
  if (inFlight) items.push(["Stop this row", () => stopRow(session, store, row.id, null), true]);
  return items;
}
