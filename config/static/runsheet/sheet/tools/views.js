// @ts-check
/** The views' menu: choose one, save what is listed as one, rename, delete; and how tall rows are. */
import { api } from "../../api.js";
import { Segments } from "../../ui/fields.js";
import { confirm } from "../../ui/confirm.js";
import { openForm } from "../../ui/form.js";
import { html } from "../../ui/html.js";
import { attempt } from "../attempt.js";
import { itemsOf } from "../controls.js";
import { openPanel } from "./panel.js";

const HEIGHTS = [
  ["compact", "Compact"],
  ["normal", "Normal"],
  ["tall", "Tall"],
];

export const openViews = (grid, anchor) => openPanel(grid, anchor, "View", Panel);

function Panel({ grid, close }) {
  const { viewing } = grid;
  const { view, filter, sort } = viewing;
  const height = viewing.layout.row_height || "normal";
  const isFirst = Boolean(view && grid.table.layout.default_view === view.id);
  const item = itemsOf(close);
  const named = (one) => item(one ? one.name : "All rows", () => viewing.choose(one), { on: one?.id === view?.id });
  const asNew = (name) => viewing.store(null, { name, filter, sort, layout: shown(viewing.layout) });
  const save = () => attempt("save the view", () => viewing.store(view, { filter, sort }));
  const rename = (name) => viewing.store(view, { name });
  const acts = () => [
    view && viewing.isChanged && item(`Save changes to “${view.name}”`, save),
    viewing.isChanged && item("Discard changes", () => viewing.choose(view)),
    item("Save as a new view…", () => askName("Save as a new view", "Save view", "", asNew)),
    view && isFirst && item("Do not open the table with it", () => viewing.openWith(null)),
    view && !isFirst && item("Open the table with this view", () => viewing.openWith(view)),
    view && item("Rename…", () => askName("Rename the view", "Rename", view.name, rename)),
    view && item("Delete view…", () => remove(viewing, view), { danger: true }),
  ];
  const setHeight = (row_height) => viewing.show({ row_height });
  return html`<div role="group" aria-label="Views">${[null, ...viewing.views].map(named)}</div>
    ${grid.mayRun && [html`<hr />`, acts()]}
    <hr />
    <h3>Row height</h3>
    <${Segments} label="Row height" options=${HEIGHTS} value=${height} onPick=${setHeight} />`;
}

/** A layout's parts that views have. */
const shown = ({ widths, hidden, pinned, row_height }) =>
  Object.fromEntries(Object.entries({ widths, hidden, pinned, row_height }).filter(([, part]) => part));

async function remove(viewing, view) {
  const title = `Delete the view “${view.name}”?`;
  if (!(await confirm({ title, text: "Everybody loses it. No row is deleted.", yes: "Delete view" }))) return;
  await attempt("delete the view", async () => {
    await api("DELETE", `${viewing.path}${view.id}/`);
    viewing.views = viewing.views.filter((each) => each.id !== view.id);
    await viewing.choose(null);
  });
}

/** Ask for a name until the server takes it. */
const askName = (title, yes, value, act) =>
  openForm({
    title,
    yes,
    fields: [{ name: "name", label: "Name", value, maxlength: 200 }],
    act: ({ name }) => act(name),
  });
