// @ts-check
/** The tool bar above the grid: its buttons open panels, loaded at first use; it says what is listed, and how much. */
import { count, plural } from "../../format.js";
import { attempt } from "../attempt.js";
import { isCtrl } from "../dom.js";
import { askedOf, countOf } from "./asked.js";
import { attachHeads } from "./heads.js";
import { attachMoved } from "./moved.js";

/** Part of the grid: the tool bar and the header. */
export function attachTools(grid) {
  grid.tools = {
    filterBy: (columnId) => openers.filter(grid, button("filter"), columnId),
    find: () => openers.search(grid, button("search")),
  };
  attachHeads(grid);
  attachMoved(grid);
  arm(grid);
  grid.addEventListener("sheet:view", () => show(grid));
  grid.addEventListener("sheet:schema", () => show(grid));
  for (const type of ["sheet:total", "sheet:query"]) grid.addEventListener(type, () => showCount(grid));
  grid.session.addEventListener("summary", () => showCount(grid));
  document.addEventListener("keydown", (event) => {
    const isFind = event.key.toLowerCase() === "f" && isCtrl(event) && !event.shiftKey && !event.altKey;
    if (!isFind || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    grid.tools.find();
  });
}

/** What each button opens: `(grid, button, columnId?)`. */
const openers = {
  view: async (...asked) => (await import("./views.js")).openViews(...asked),
  filter: async (...asked) => (await import("./filter.js")).openFilter(...asked),
  sort: async (...asked) => (await import("./sort.js")).openSort(...asked),
  columns: async (...asked) => (await import("./columns.js")).openColumns(...asked),
  search: async (...asked) => (await import("./find.js")).openFind(...asked),
  export: async (...asked) => (await import("./export.js")).openExport(...asked),
};

const button = (name) => /** @type {HTMLButtonElement|null} */ (document.getElementById(`tool-${name}`));

/** The buttons come disabled: until the table is here they would do nothing. */
function arm(grid) {
  const bar = document.getElementById("sheet-tools");
  if (!bar) return;
  for (const [name, open] of Object.entries(openers))
    button(name)?.addEventListener("click", () => attempt("open this", () => open(grid, button(name))));
  grid.addEventListener("sheet:schema", () => {
    for (const each of bar.querySelectorAll("[id^=tool-]:disabled")) each.disabled = false;
  });
  rove(bar);
}

/** A tool bar is one stop of the Tab key; arrows go on inside. */
function rove(bar) {
  const all = () => [...bar.querySelectorAll("button:not(:disabled)")].filter((each) => each.offsetParent);
  const only = (one) => {
    for (const each of bar.querySelectorAll("button")) each.tabIndex = each === one ? 0 : -1;
  };
  only(bar.querySelector("button"));
  bar.addEventListener("focusin", (event) => only(event.target));
  bar.addEventListener("keydown", (event) => {
    const buttons = all();
    const here = buttons.indexOf(event.target);
    const to = { ArrowRight: (here + 1) % buttons.length, ArrowLeft: here - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined || here < 0) return;
    event.preventDefault();
    buttons.at(to).focus();
  });
}

function show(grid) {
  const { viewing, schema } = grid;
  label("view", viewing.view ? viewing.view.name : "All rows");
  button("view")?.toggleAttribute("data-changed", viewing.isChanged);
  chip("filter", countOf(viewing.filter), "condition");
  chip("sort", viewing.sort.length, "column");
  chip("columns", schema.all.length - schema.columns.length, "hidden column");
  chip("search", viewing.q ? 1 : 0, "text");
  grid.header.mark({ sort: viewing.sort, filtered: askedOf(viewing.filter) });
  showCount(grid);
}

function label(name, words) {
  const found = button(name)?.querySelector("b");
  if (found) found.textContent = words;
}

/** A number beside a button's word; a text search shows as a dot. */
function chip(name, number, noun) {
  const found = button(name)?.querySelector(".tool-count");
  if (!(found instanceof HTMLElement)) return;
  found.hidden = !number;
  found.textContent = name === "search" ? "on" : count(number);
  found.title = plural(number, noun);
}

/** "12,430 of 100,000 rows" while something narrows what is listed. */
function showCount(grid) {
  const found = document.getElementById("row-count");
  const { store, viewing } = grid;
  const isNarrowed = Boolean(viewing.filter || viewing.q);
  const all = grid.session.summary?.rows ?? grid.table?.row_count;
  if (!found || all === undefined) return;
  found.textContent = isNarrowed ? partWords(store, all) : plural(store.total ?? all, "row");
  if (isNarrowed) grid.note.textContent = "No row meets this filter or search. Change it, or clear it in the tool bar.";
}

function partWords({ total, isEstimate }, all) {
  if (total === null) return "Counting…";
  return `${isEstimate ? "about " : ""}${count(total)} of ${plural(Math.max(all, total), "row")}`;
}
