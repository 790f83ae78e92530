// @ts-check
/** The columns' panel: show and hide, pin, put in order by dragging or with the arrow keys. */
import { html, useState } from "../../ui/html.js";
import { button } from "../../ui/parts.js";
import { box, text } from "../controls.js";
import { moveBeside } from "./order.js";
import { openPanel } from "./panel.js";
import { reorder } from "./reorder.js";

export const openColumns = (grid, anchor) => openPanel(grid, anchor, "Columns", Panel);

function Panel({ grid }) {
  const { viewing, schema } = grid;
  const [sought, setSought] = useState("");
  const [carried, setCarried] = useState("");
  const found = schema.all.filter((column) => column.name.toLowerCase().includes(sought.trim().toLowerCase()));
  const hidden = schema.all.filter((column) => !schema.columns.includes(column)).map((column) => column.id);
  const drop = (event, column) => {
    event.preventDefault();
    const frame = event.currentTarget.getBoundingClientRect();
    const order = moveBeside(schema, carried, column.id, event.clientY > frame.top + frame.height / 2);
    if (order) reorder(grid, order);
  };
  const over = (event) => {
    if (carried) event.preventDefault();
  };
  const line = (column) => {
    const { id, name } = column;
    const isLast = schema.columns.length === 1 && schema.columns[0] === column;
    const isCarried = carried === id ? "" : null;
    return html`<li key=${id} data-carried=${isCarried} onDragOver=${over} onDrop=${(event) => drop(event, column)}>
      <${Handle} grid=${grid} column=${column} onCarry=${setCarried} />
      <label>
        ${box(!hidden.includes(id), (isOn) => viewing.hide([id], !isOn), isLast)}
        <span>${name}</span>
      </label>
      <${Pin} viewing=${viewing} column=${column} isPinned=${schema.columns.slice(0, schema.pins).includes(column)} />
    </li>`;
  };
  const showAll = button("Show all", () => viewing.hide(hidden, false), "small", { disabled: !hidden.length });
  const search = { type: "search", class: "panel-search", placeholder: "Find a column" };
  return html`${text("Find a column", sought, setSought, search)}
    <ul class="column-list" aria-label="Columns in their order">
      ${found.map(line)}
    </ul>
    ${found.length === 0 && html`<p class="note">No column has this in its name.</p>`}
    <div class="panel-adds">${showAll}</div>`;
}

/** Arrow keys move the column by one; it can be dragged by mouse. */
function Handle({ grid, column, onCarry }) {
  if (!grid.mayRun) return null;
  const move = (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const { all } = grid.schema;
    if (!step) return;
    event.preventDefault();
    const beside = all[all.indexOf(column) + step];
    const order = beside && moveBeside(grid.schema, column.id, beside.id, step > 0);
    if (order) reorder(grid, order);
  };
  return html`<button
    type="button"
    class="handle"
    draggable="true"
    aria-label=${`Move ${column.name} with the arrow keys`}
    title="Drag, or use the arrow keys"
    onKeyDown=${move}
    onDragStart=${() => onCarry(column.id)}
    onDragEnd=${() => onCarry("")}
  ></button>`;
}

const Pin = ({ viewing, column, isPinned }) =>
  html`<button
    type="button"
    class="pin"
    aria-label=${`Pin ${column.name}`}
    aria-pressed=${String(isPinned)}
    title=${isPinned ? "Unpin" : "Pin to the left"}
    onClick=${() => viewing.pin(column.id, !isPinned)}
  ></button>`;
