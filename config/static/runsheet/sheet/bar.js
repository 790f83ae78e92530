// @ts-check
/** The bar for a selection: what can be done with its rows, loaded or not. */
import { money, plural } from "../format.js";
import { cellsOf } from "../run/foresee.js";
import { confirm } from "../ui/confirm.js";
import { html, icon, render } from "../ui/html.js";
import { button } from "../ui/parts.js";
import { plan, run, stopRows } from "./actions.js";
import { attempt } from "./attempt.js";
import { deleteRows } from "./bulk.js";
import { make } from "./dom.js";
import { selectionWords } from "./select.js";

/** Running more rows than this asks once. */
const ASK_BEYOND = 1_000;

/** Part of the grid: the bar below a selection of more than one cell, for those who may change rows. */
export function attachBar(grid) {
  if (!grid.mayRun) return;
  const box = make("div", { class: "selection-bar", hidden: true, role: "group", "aria-label": "Selected rows" });
  grid.append(box);
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    grid.selection.collapse();
    grid.scroller.focus();
  });
  grid.addEventListener("sheet:selection", () => {
    if (grid.selection.isMany) drawBar(grid, box);
    box.hidden = !grid.selection.isMany;
  });
}

function drawBar(grid, box) {
  const { selection, schema } = grid;
  const groups = groupsOf(grid);
  const isAll = groups.length === schema.groups.length;
  const act = (label, run, look = "") => button(label, run, `small ${look}`);
  const ran = selection.count === 1 && ranOf(grid, groups);
  const what = isAll ? "" : ` · ${groups.map((group) => group.name).join(", ")}`;
  const runs = () => [
    act(html`${icon("play")}Run`, () => start(grid, groups, "incomplete"), "primary"),
    act("Run again", () => start(grid, groups, "all")),
    act(html`${icon("stop")}Stop`, () => stop(grid, groups), "danger"),
    ran && act("View run", () => view(grid, ran)),
  ];
  const words = `${selectionWords(selection.ranges, grid.bounds.rows)}${what}`;
  render(
    html`<span class="words">${words}</span> ${groups.length > 0 && runs()}
      ${act("Delete rows", () => remove(grid), "danger")}`,
    box,
  );
}

/** The workflow groups of the selected columns, or all when no column of any is selected. */
function groupsOf({ selection, schema }) {
  const meant = new Set(selection.ranges.flatMap((range) => selection.columns(range).map((column) => column.group)));
  const found = schema.groups.filter((group) => meant.has(group.id));
  return found.length ? found : schema.groups;
}

/** The first cell of the selected row that has run, by its place; or undefined. */
function ranOf({ selection, store, schema }, groups) {
  const row = selection.rows()[0].from;
  const cells = store.row(row)?.cells || {};
  const ran = new Set(groups.map((group) => group.id).filter((id) => cells[id]?.run));
  const at = schema.columns.findIndex((column) => ran.has(column.group));
  return at < 0 ? undefined : { row, col: at + 1 };
}

function view(grid, place) {
  grid.activate(place);
  grid.openDrawer(place);
}

async function start(grid, groups, mode) {
  const ids = groups.map((group) => group.id);
  const { selection, session } = grid;
  const rows = selection.count;
  await attempt("run this", async () => {
    const wishes = (await selection.scopes()).map((scope) => ({ groups: ids, ...scope, mode }));
    if (rows > ASK_BEYOND && !(await isAgreed(session, wishes, rows, mode))) return;
    for (const wish of wishes) run(session, wish);
  });
}

async function isAgreed(session, wishes, rows, mode) {
  const planned = await Promise.all(wishes.map((wish) => plan(session, wish)));
  const sum = (of) => planned.reduce((before, each) => before + of(each), 0);
  const cells = plural(sum(cellsOf), "cell");
  const cost = sum((each) => Number(each.estimated_cost));
  const costs = cost ? `, which may cost about ${money(cost)}` : "";
  const again = mode === "all" ? " Finished ones run again too, and values are replaced as results come." : "";
  const text = `${cells} on ${plural(rows, "row")} run${costs}.${again}`;
  return confirm({ title: `Run ${cells}?`, text, yes: `Run ${cells}` });
}

async function stop(grid, groups) {
  const { selection, session, store } = grid;
  const ids = groups.map((group) => group.id);
  const spans = selection.rows();
  const isMeant = (row) => {
    const ordinal = store.index.get(row.id);
    return spans.some(({ from, to }) => ordinal >= from && ordinal <= to);
  };
  await attempt("stop this", async () => {
    for (const scope of await selection.scopes()) await stopRows(session, store, scope, ids, isMeant);
  });
}

async function remove(grid) {
  if (await deleteRows(grid, grid.selection.rows())) grid.selection.collapse();
  grid.takeFocus();
}
