// @ts-check
/** The views' menu: choose one, save what is listed as one, rename, delete; and how tall rows are. */
import { Problem, api } from "../../api.js";
import { confirm } from "../../ui/confirm.js";
import { openDialog } from "../../ui/dialog.js";
import { html, useState } from "../../ui/html.js";
import { report } from "../../ui/toast.js";
import { openPanel } from "./panel.js";

const HEIGHTS = [
  ["compact", "Compact"],
  ["normal", "Normal"],
  ["tall", "Tall"],
];

/** @param {any} grid @param {Element} anchor */
export const openViews = (grid, anchor) => openPanel(grid, anchor, "View", Panel);

function Panel({ grid, close }) {
  const { viewing } = grid;
  const { view, filter, sort } = viewing;
  const height = viewing.layout.row_height || "normal";
  const isFirst = Boolean(view && grid.table.layout.default_view === view.id);
  const choose = (one) => {
    close();
    viewing.choose(one);
  };
  const then = (act) => () => {
    close();
    act();
  };
  const item = (words, act, danger = false) =>
    html`<button type="button" class=${danger ? "item danger" : "item"} onClick=${then(act)}>${words}</button>`;
  return html`<div role="group" aria-label="Views">
      ${[null, ...viewing.views].map(
        (one) =>
          html`<button
            type="button"
            class="item"
            key=${one?.id}
            aria-pressed=${String((one?.id ?? null) === (view?.id ?? null))}
            onClick=${() => choose(one)}
          >
            <span>${one ? one.name : "All rows"}</span>
          </button>`,
      )}
    </div>
    ${
      grid.mayRun &&
      html`<hr />
        ${view && viewing.isChanged && item(`Save changes to “${view.name}”`, () => save(viewing, view, { filter, sort }))}
        ${viewing.isChanged && item("Discard changes", () => viewing.choose(view))}
        ${item("Save as a new view…", () => askName("Save as a new view", "Save view", "", (name) => viewing.store(null, { name, filter, sort, layout: shown(viewing.layout) })))}
        ${view && item(isFirst ? "Do not open the table with it" : "Open the table with this view", () => viewing.openWith(isFirst ? null : view))}
        ${view && item("Rename…", () => askName("Rename the view", "Rename", view.name, (name) => viewing.store(view, { name })))}
        ${view && item("Delete view…", () => remove(viewing, view), true)}`
    }
    <hr />
    <h3 id="row-height">Row height</h3>
    <div class="segments" role="radiogroup" aria-labelledby="row-height">
      ${HEIGHTS.map(([name, words]) => html`<button type="button" role="radio" aria-checked=${String(name === height)} onClick=${() => viewing.show({ row_height: name })}>${words}</button>`)}
    </div>`;
}

/** A layout's parts that views have. */
const shown = ({ widths, hidden, pinned, row_height }) =>
  Object.fromEntries(Object.entries({ widths, hidden, pinned, row_height }).filter(([, part]) => part));

async function save(viewing, view, fields) {
  try {
    await viewing.store(view, fields);
  } catch (error) {
    report(error, "save the view");
  }
}

async function remove(viewing, view) {
  if (
    !(await confirm({
      title: `Delete the view “${view.name}”?`,
      text: "Everybody loses it. No row is deleted.",
      yes: "Delete view",
    }))
  )
    return;
  try {
    await api("DELETE", `${viewing.path}${view.id}/`);
    viewing.views = viewing.views.filter((each) => each.id !== view.id);
    await viewing.choose(null);
  } catch (error) {
    report(error, "delete the view");
  }
}

/** Ask for a name until the server takes it. */
function askName(title, verb, name, act) {
  return openDialog((close) => html`<${Name} ...${{ title, verb, name, act, close }} />`);
}

function Name({ title, verb, name, act, close }) {
  const [fault, setFault] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await act(String(new FormData(event.currentTarget).get("name")));
      close();
    } catch (error) {
      setFault(
        error instanceof Problem
          ? (error.errors.name || [error.message]).join(" ")
          : "The server could not be reached. Try again.",
      );
      setBusy(false);
    }
  };
  return html`<form onSubmit=${submit}>
    <h2 id="dialog-title">${title}</h2>
    <div class="field">
      <label for="view-name">Name</label>
      <input
        id="view-name"
        name="name"
        required
        maxlength="200"
        autofocus
        autocomplete="off"
        defaultValue=${name}
        aria-invalid=${fault ? "true" : null}
        aria-describedby="view-name-fault"
      />
      <p id="view-name-fault" class="errors" role="alert">${fault}</p>
    </div>
    <div class="actions">
      <button type="button" class="button" onClick=${() => close()}>Cancel</button
      ><button class="button primary" disabled=${busy}>${verb}</button>
    </div>
  </form>`;
}
