// @ts-check
/** The sort's panel: up to eight columns, the first decides first. */
import { html } from "../../ui/html.js";
import { openPanel } from "./panel.js";

const MOST = 8;

/** @param {any} grid @param {Element} anchor */
export const openSort = (grid, anchor) => openPanel(grid, anchor, "Sort", Panel);

function Panel({ grid }) {
  const { viewing, schema } = grid;
  const { sort } = viewing;
  const free = schema.all.filter((column) => !sort.some((key) => key.column === column.id));
  const set = (keys) => viewing.set({ sort: keys });
  const change = (place, part) => set(sort.map((key, at) => (at === place ? { ...key, ...part } : key)));
  const first = (key) => set([key, ...sort.filter((each) => each !== key)]);
  return html`${sort.length === 0 && html`<p class="note">Rows stand in the table's own order.</p>`}
    <div class="conditions">
      ${sort.map(
        (key, place) =>
          html`<div class="condition" key=${key.column}>
            <span class="joint">${place === 0 ? "Sort by" : "then by"}</span>
            <select
              aria-label="Column"
              value=${key.column}
              onChange=${(event) => change(place, { column: event.currentTarget.value })}
            >
              ${schema.all.filter((column) => column.id === key.column || free.includes(column)).map((column) => html`<option value=${column.id}>${column.name}</option>`)}
            </select>
            <select
              aria-label="Direction"
              value=${key.direction}
              onChange=${(event) => change(place, { direction: event.currentTarget.value })}
            >
              <option value="asc">ascending</option>
              <option value="desc">descending</option>
            </select>
            ${place > 0 && html`<button type="button" class="button small" onClick=${() => first(key)}>Make first</button>`}
            <button
              type="button"
              class="icon-button"
              aria-label="Remove"
              onClick=${() => set(sort.filter((each) => each !== key))}
            >
              ×
            </button>
          </div>`,
      )}
    </div>
    <div class="panel-adds">
      <button
        type="button"
        class="button small"
        disabled=${!free.length || sort.length >= MOST}
        onClick=${() => set([...sort, { column: free[0].id, direction: "asc" }])}
      >
        ${sort.length ? "Then by another column" : "Choose a column"}
      </button>
      ${sort.length > 0 && html`<button type="button" class="button small" onClick=${() => set([])}>Clear sort</button>`}
    </div>
    ${sort.length > 0 && html`<p class="note">Empty values come last. While a run changes these columns, rows stay where they are until you refresh.</p>`}`;
}
