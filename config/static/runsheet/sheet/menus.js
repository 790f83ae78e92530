// @ts-check
/** What can be done with a row, and with a cell. */
import { api } from "../api.js";
import { count, plural } from "../format.js";
import { runItems } from "../run/rowmenu.js";
import { html } from "../ui/html.js";
import { openMenu } from "../ui/menu.js";
import { toast } from "../ui/toast.js";
import { resumeCell, run, stopCell } from "./actions.js";
import { insertStep } from "./adding.js";
import { arrive, isOwnOrder } from "./arrival.js";
import { attempt } from "./attempt.js";
import { deleteRows } from "./bulk.js";
import { INFLIGHT } from "./cell.js";
import { itemsOf } from "./controls.js";
import { NAMED, rowsOf } from "./scopes.js";
import { countOf } from "./select.js";
import { asWhole, isEmpty } from "./values.js";

/** @typedef {[string, () => void, boolean?] | false | null | undefined} Item words, what it does, if it is dangerous */

/** @param {any} grid @param {{row: number, col: number}} place @param {{x: number, y: number}} [at] */
export function openMenuAt(grid, place, at) {
  const row = grid.store.row(place.row);
  const column = grid.schema.columns[place.col - 1];
  if (!row) return;
  const frame = grid.window.elementAt(place)?.getBoundingClientRect();
  const rows = place.col ? 1 : countOf(spansOf(grid, place.row));
  const number = count(place.row + 1);
  const label = column ? `${column.name}, row ${number}` : rows > 1 ? plural(rows, "row") : `Row ${number}`;
  const all = place.col ? cellItems(grid, place, row, column) : rowItems(grid, place, row);
  const sections = all.map((items) => items.filter(Boolean)).filter((items) => items.length);
  if (!sections.length) return;
  const draw = (close) => {
    const item = itemsOf(close);
    const items = (section) => section.map(([words, act, danger]) => item(words, act, { danger }));
    return html`<h3>${label}</h3>
      ${sections.map((section, place) => [place > 0 && html`<hr />`, items(section)])}`;
  };
  openMenu(grid.scroller, draw, { label, at: at || (frame && { x: frame.left + 8, y: frame.bottom + 2 }) });
}

/** @returns {Item[][]} */
function rowItems(grid, place, row) {
  const spans = spansOf(grid, place.row);
  const rows = countOf(spans);
  const first = spans[0].from;
  const last = spans.at(-1).to;
  const many = rows > 1 ? plural(rows, "row") : "row";
  const isFew = rows <= NAMED;
  const isOne = spans.length === 1;
  const ids = async () => (await rowsOf(grid, spans)).map((each) => each.id);
  const idOf = async (ordinal) => (await rowsOf(grid, [{ from: ordinal, to: ordinal }]))[0].id;
  const moveTo = async (beside, ordinal) => move(grid, await ids(), beside, ordinal);
  const mayInsert = grid.mayEdit("insert", true);
  const mayMove = grid.mayEdit("update", true) && isOwnOrder(grid);
  const above = grid.store.row(first - 1);
  const below = grid.store.row(last + 1);
  const total = grid.store.total;
  return [
    rows === 1 ? runItems(grid, row) : [], // more are run from the bar
    [
      mayInsert && ["Insert row above", () => grid.addRow({ before: row.id }, place.row)],
      mayInsert && ["Insert row below", () => grid.addRow({ after: row.id }, place.row + 1)],
      mayInsert && isFew && [`Duplicate ${many}`, async () => duplicate(grid, await ids(), last)],
    ],
    mayMove && isFew
      ? [
          first > 0 && ["Move to the top", async () => moveTo({ before: await idOf(0) }, 0)],
          above && isOne && ["Move up", () => moveTo({ before: above.id }, first - 1)],
          below && isOne && ["Move down", () => moveTo({ after: below.id }, first + 1)],
          last < total - 1 && ["Move to the end", () => moveTo({}, total - rows)],
        ]
      : [],
    [grid.mayEdit("delete", true) && [`Delete ${many}`, () => deleteRows(grid, spans), true]],
  ];
}

/** @returns {Item[][]} */
function cellItems(grid, place, row, column) {
  const { session, store } = grid;
  const group = column.group && grid.schema.group.get(column.group);
  const cell = group && row.cells[group.id];
  const value = row.data[column.key];
  const mayEdit = grid.mayEdit("update", true);
  const isFilled = !isEmpty(column.type, value);
  const inFlight = cell && INFLIGHT.has(cell.status);
  const mayRun = group && grid.mayRun;
  const again = () => run(session, { groups: [group.id], rows: [row.id], mode: "all" });
  const show = () => {
    grid.activate(place);
    grid.openDrawer(place);
  };
  const clear = () => {
    const words = `clear “${column.name}”`;
    return grid.writer.write([{ row: row.id, data: { [column.key]: null } }], { words });
  };
  return [
    [
      mayRun && !inFlight && [cell && cell.status ? "Run again" : "Run cell", again],
      mayRun && cell && cell.run && !inFlight && ["Run from here…", show],
      mayRun && cell && cell.run && cell.status === "failed" && ["Resume", () => resumeCell(session, row.id, group.id)],
      mayRun && (row.edited || []).includes(column.key) && ["Clear edit and run again", again],
      mayRun && inFlight && ["Stop", () => stopCell(session, store, row.id, group.id, cell.execution_id), true],
      group && ["Show details", show],
      cell && cell.run && ["Show run", () => location.assign(`/runs/${cell.run}/`)],
    ],
    [
      mayEdit && ["Edit", () => grid.edit(place)],
      isFilled && ["Read whole value", () => grid.read(place)],
      isFilled && ["Copy value", () => copy(asWhole(column, value))],
      mayEdit && isFilled && ["Clear", clear],
    ],
    grid.mayEdit("insert", true)
      ? [
          ["Insert row above", () => grid.addRow({ before: row.id }, place.row)],
          ["Insert row below", () => grid.addRow({ after: row.id }, place.row + 1)],
        ]
      : [],
  ];
}

/** The spans of rows a menu is about: what is selected when this row is among it, else this row alone. */
function spansOf(grid, ordinal) {
  const spans = grid.selection.rows();
  return spans.some(({ from, to }) => ordinal >= from && ordinal <= to) ? spans : [{ from: ordinal, to: ordinal }];
}

function duplicate(grid, ids, last) {
  const known = grid.store.total;
  const words = `duplicate ${plural(ids.length, "row")}`;
  return attempt(words, async () => {
    const made = api("POST", `${grid.session.path}rows/duplicate/`, { body: { rows: ids } });
    const { rows } = await grid.writer.hold(made);
    const data = rows.map((row) => row.data);
    grid.writer.record(words, [insertStep(rows, data)]);
    const copied = `${plural(rows.length, "row")} copied.`;
    arrive(grid, last + 1, known, `${copied} This view may list them elsewhere, or not at all.`);
  });
}

function move(grid, ids, beside, ordinal) {
  return attempt(`move ${plural(ids.length, "row")}`, async () => {
    await api("POST", `${grid.session.path}rows/move/`, { body: { rows: ids, ...beside } });
    grid.selection.goTo({ row: ordinal, col: 0 }, ids[0]);
    grid.refetch();
  });
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied.", { seconds: 2 });
  } catch {
    toast("This browser does not let the page copy. Select the cell and press Ctrl+C.", { kind: "error" });
  }
}
