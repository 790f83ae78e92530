// @ts-check
/** The menus of a column and of a workflow group in the header. */
import { openDialog } from "../../ui/dialog.js";
import { html } from "../../ui/html.js";
import { openMenu } from "../../ui/menu.js";
import { stopGroups } from "../actions.js";
import { openRun } from "../running.js";
import { moveStep } from "./order.js";
import { fit } from "./widths.js";

const ENDS = {
  number: ["1 → 9", "9 → 1"],
  currency: ["1 → 9", "9 → 1"],
  boolean: ["unchecked first", "checked first"],
  date: ["oldest first", "newest first"],
  datetime: ["oldest first", "newest first"],
};

/** @param {any} grid @param {any} column @param {Element} anchor @param {{x: number, y: number}} [at] */
export function openColumnMenu(grid, column, anchor, at) {
  const { viewing, schema } = grid;
  const isPinned = schema.columns.indexOf(column) < schema.pins;
  const sorted = viewing.sort.find((key) => key.column === column.id);
  const [up, down] = ENDS[column.type] || ["A → Z", "Z → A"];
  const sort = (direction) =>
    viewing.set({
      sort: [{ column: column.id, direction }, ...viewing.sort.filter((key) => key.column !== column.id)].slice(0, 8),
    });
  open(
    grid,
    anchor,
    column.name,
    at,
    (item) =>
      html`${item(`Sort ${up}`, () => sort("asc"), { on: sorted?.direction === "asc" })}
        ${item(`Sort ${down}`, () => sort("desc"), { on: sorted?.direction === "desc" })}
        ${sorted && item("Do not sort by this", () => viewing.set({ sort: viewing.sort.filter((key) => key !== sorted) }))}
        ${item("Filter by this column…", () => grid.tools.filterBy(column.id))}
        <hr />
        ${item(isPinned ? "Unpin" : "Pin to the left", () => viewing.pin(column.id, !isPinned))}
        ${item("Hide", () => viewing.hide([column.id], true), { off: schema.columns.length < 2 })}
        ${item("Width…", () => askWidth(grid, column))}${item("Fit to content", () => fit(grid, column))}
        ${
          grid.mayRun &&
          html`${[
            ["Move left", -1],
            ["Move right", 1],
          ].map(([words, step]) => {
            const order = moveStep(schema, column.id, step);
            return item(words, () => viewing.reorder(order), { off: !order });
          })}`
        }
        ${
          grid.mayRun &&
          grid.openColumn &&
          html`<hr />
            ${item("Edit column…", () => grid.openColumn(column.id))}
            ${item("Insert left…", () => grid.openColumn(null, { before: column.id }))}
            ${item("Insert right…", () => grid.openColumn(null, { after: column.id }))}
            ${item("Delete column…", () => grid.deleteColumn(column.id), { danger: true })}`
        }`,
    column.id,
  );
}

/** @param {any} grid @param {any} group @param {Element} anchor @param {{x: number, y: number}} [at] */
export function openGroupMenu(grid, group, anchor, at) {
  const outputs = group.outputs.map((column) => column.id);
  open(
    grid,
    anchor,
    group.name,
    at,
    (item) =>
      html`${
        grid.mayRun &&
        html`${item("Run…", () => openRun(grid, [group], `Run “${group.name}” on`, anchor))}
          ${item("Stop this group", () => stopGroups(grid.session, grid.store, [group.id]), { danger: true })}
          <hr />
          ${grid.openGroup && item("Edit group…", () => grid.openGroup(group.id))}`
      }
      ${item("Hide outputs", () => grid.viewing.hide(outputs, true), { off: grid.schema.columns.length <= outputs.length })}`,
  );
}

/** A menu whose items close it; a column's name has the focus again afterwards, even if the header was drawn anew. */
function open(grid, anchor, label, at, view, columnId = "") {
  openMenu(
    anchor,
    (close) =>
      html`<h3>${label}</h3>
        ${view(
          (words, act, { off = false, on = false, danger = false } = {}) =>
            html`<button
              type="button"
              class=${danger ? "item danger" : "item"}
              disabled=${off}
              aria-pressed=${on ? "true" : null}
              onClick=${async () => {
                close();
                await act();
                if (document.activeElement === document.body) grid.header.focus(columnId);
              }}
            >
              ${words}
            </button>`,
        )}`,
    { label, at },
  );
}

/** The width as a number: for those who cannot drag. */
function askWidth(grid, column) {
  return openDialog((close) => {
    const submit = (event) => {
      event.preventDefault();
      grid.viewing.widen(column.id, Number(new FormData(event.currentTarget).get("width")));
      close();
    };
    return html`<form onSubmit=${submit}>
      <h2 id="dialog-title">Width of “${column.name}”</h2>
      <div class="field">
        <label for="column-width">Pixels</label>
        <input
          id="column-width"
          name="width"
          type="number"
          min="48"
          max="1200"
          required
          autofocus
          value=${column.width}
        />
      </div>
      <div class="actions">
        <button type="button" class="button" onClick=${() => close()}>Cancel</button
        ><button class="button primary">Set width</button>
      </div>
    </form>`;
  });
}
