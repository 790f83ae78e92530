// @ts-check
/** The sort's panel: up to eight columns, the first decides first. */
import { html } from "../../ui/html.js";
import { button, crossButton } from "../../ui/parts.js";
import { choose } from "../controls.js";
import { openPanel } from "./panel.js";
import { MOST_SORTED } from "./viewing.js";

const DIRECTIONS = [
  ["asc", "ascending"],
  ["desc", "descending"],
];
const ABOUT = "Empty values come last. While a run changes these columns, rows stay where they are until you refresh.";

export const openSort = (grid, anchor) => openPanel(grid, anchor, "Sort", Panel);

function Panel({ grid }) {
  const { viewing, schema } = grid;
  const { sort } = viewing;
  const free = schema.all.filter((column) => !sort.some((key) => key.column === column.id));
  const set = (keys) => viewing.set({ sort: keys });
  const change = (place, part) => set(sort.map((key, at) => (at === place ? { ...key, ...part } : key)));
  const first = (key) => set([key, ...sort.filter((each) => each !== key)]);
  const line = (key, place) => {
    const offered = schema.all.filter((column) => column.id === key.column || free.includes(column));
    const columns = offered.map(({ id, name }) => [id, name]);
    return html`<div class="condition" key=${key.column}>
      <span class="joint">${place === 0 ? "Sort by" : "then by"}</span>
      ${choose("Column", key.column, columns, (column) => change(place, { column }))}
      ${choose("Direction", key.direction, DIRECTIONS, (direction) => change(place, { direction }))}
      ${place > 0 && button("Make first", () => first(key), "small")}
      ${crossButton("Remove", () => set(sort.filter((each) => each !== key)))}
    </div>`;
  };
  const isFull = !free.length || sort.length >= MOST_SORTED;
  const add = () => set([...sort, { column: free[0].id, direction: "asc" }]);
  return html`${!sort.length && html`<p class="note">Rows stand in the table's own order.</p>`}
    <div class="conditions">${sort.map(line)}</div>
    <div class="panel-adds">
      ${button(sort.length ? "Then by another column" : "Choose a column", add, "small", { disabled: isFull })}
      ${sort.length > 0 && button("Clear sort", () => set([]), "small")}
    </div>
    ${sort.length > 0 && html`<p class="note">${ABOUT}</p>`}`;
}
