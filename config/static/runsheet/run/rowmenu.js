// @ts-check
/** What can be done with one row. */
import { run, stopRow } from "../sheet/actions.js";
import { INFLIGHT } from "../sheet/cell.js";
import { html } from "../ui/html.js";
import { openMenu } from "../ui/menu.js";

/** @param {Element} anchor @param {{grid: any, row: any, ordinal: number, at?: {x: number, y: number}}} what */
export function openRowMenu(anchor, { grid, row, ordinal, at }) {
  const { session, store } = grid;
  const groups = grid.schema.groups.map((group) => group.id);
  const inFlight = Object.values(row.cells).some((cell) => INFLIGHT.has(cell.status));
  const start = (mode) => run(session, { groups, rows: [row.id], mode });
  openMenu(anchor, (close) => {
    const item = (label, act, danger = false) => html`
      <button type="button" class=${danger ? "item danger" : "item"} onClick=${() => { close(); act(); }}>${label}</button>`;
    return html`
      <h3>Row ${ordinal + 1}</h3>
      ${item("Run empty or failed", () => start("incomplete"))}
      ${item("Run everything", () => start("all"))}
      ${inFlight && item("Stop this row", () => stopRow(session, store, row.id, null), true)}`;
  }, { label: `Row ${ordinal + 1}`, at });
}
