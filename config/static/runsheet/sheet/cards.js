// @ts-check
/** Rows as cards, for a screen too narrow for columns: read, run, stop. The first column is the title. */
import { count } from "../format.js";
import { runItems } from "../run/rowmenu.js";
import { html, render } from "../ui/html.js";
import { button, crossButton } from "../ui/parts.js";
import { describe } from "./cell.js";
import { make } from "./dom.js";
import { measure, visible } from "./scroll.js";
import { asWhole, isEmpty } from "./values.js";

/** As cards.css has it: what is around the lines, and a line. */
const AROUND = 58;
const LINE = 26;
const MOST_LINES = 6;
const OVERSCAN = 3;
const EVENTS = ["sheet:rows", "sheet:schema", "sheet:total"];

export class Cards {
  constructor(grid) {
    this.grid = grid;
    this.frame = 0;
    /** The row shown whole. @type {string|null} */
    this.open = null;
    this.list = make("div", { class: "cards-scroll" });
    this.panel = make("section", { class: "row-panel", hidden: true });
    this.panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      if (!grid.drawer.isOpen) return this.show(null);
      grid.drawer.close(); // it stands before the row
    });
    this.list.addEventListener("scroll", this.later, { passive: true });
    this.sized = new ResizeObserver(this.later);
    this.sized.observe(this.list);
    grid.scroller.inert = true;
    grid.append(this.list, this.panel);
    for (const type of EVENTS) grid.addEventListener(type, this.later);
  }

  remove() {
    for (const type of EVENTS) this.grid.removeEventListener(type, this.later);
    this.sized.disconnect();
    cancelAnimationFrame(this.frame);
    for (const box of [this.list, this.panel]) {
      render(null, box);
      box.remove();
    }
    this.grid.scroller.inert = false;
  }

  later = () => {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  };

  /** Show one row whole, or the list again. @param {string|null} id */
  show(id) {
    const before = this.open;
    this.open = id;
    this.draw();
    if (id) this.panel.querySelector("button")?.focus();
    else /** @type {HTMLElement|null} */ (this.list.querySelector(`[data-row="${before}"] button`))?.focus();
  }

  draw() {
    const { store, schema, session } = this.grid;
    const total = store.total || 0;
    const height = AROUND + LINE * Math.min(MOST_LINES, Math.max(0, schema.columns.length - 1));
    const range = visible(total, this.list.clientHeight, this.list.scrollTop, OVERSCAN, height);
    if (session.isReady && (range.last > range.first || store.total === null))
      store.want(range.first, Math.max(range.first, range.last - 1));
    const { canvas } = measure(total, this.list.clientHeight, height);
    const fit = (list) => {
      if (list) list.style.height = `${canvas}px`;
    };
    const props = { grid: this.grid, total, height, onOpen: (id) => this.show(id) };
    const cards = Array.from({ length: range.last - range.first }, (_, place) => {
      const ordinal = range.first + place;
      return html`<${Card} key=${ordinal} ...${props} ordinal=${ordinal} top=${range.top + place * height} />`;
    });
    render(
      html`${store.total === 0 && html`<p class="quiet cards-none">${this.grid.note.textContent}</p>`}
        <ol class="cards" ref=${fit} aria-label=${this.grid.getAttribute("label")}>
          ${cards}
        </ol>`,
      this.list,
    );
    this.drawPanel();
  }

  drawPanel() {
    const row = this.open && this.grid.store.byId(this.open);
    this.panel.hidden = !row;
    if (!row) return render(null, this.panel);
    const ordinal = this.grid.store.index.get(row.id);
    this.panel.setAttribute("aria-label", `Row ${count(ordinal + 1)}`);
    render(html`<${Row} grid=${this.grid} row=${row} ordinal=${ordinal} close=${() => this.show(null)} />`, this.panel);
  }
}

function Card({ grid, ordinal, total, top, height, onOpen }) {
  const row = grid.store.row(ordinal);
  const [first, ...others] = grid.schema.columns;
  const place = (card) => {
    if (!card) return;
    card.style.transform = `translateY(${top}px)`;
    card.style.height = `${height}px`;
  };
  const line = (column) =>
    html`<div>
      <dt>${column.name}</dt>
      <dd><${Value} grid=${grid} row=${row} column=${column} /></dd>
    </div>`;
  const whole = () =>
    html`<article>
      <h2>
        <button type="button" onClick=${() => onOpen(row.id)}>
          ${describe(first, row, grid.view).text || `Row ${count(ordinal + 1)}`}
        </button>
        <span class="quiet number">${count(ordinal + 1)}</span>
      </h2>
      <dl>${others.slice(0, MOST_LINES).map(line)}</dl>
    </article>`;
  return html`<li ref=${place} aria-setsize=${total} aria-posinset=${ordinal + 1} data-row=${row ? row.id : null}>
    ${row && first && whole()}
  </li>`;
}

/** A cell's look, as `paint.js` draws it. */
function Value({ grid, row, column, none = "" }) {
  const shown = describe(column, row, grid.view);
  if (!shown.state && !shown.text && !shown.box) return html`<span class="quiet">${none}</span>`;
  return [shown.state && html`<${Pill} ...${shown} />`, inside(shown)];
}

const Pill = ({ text, state, word, title }) =>
  html`<span class=${text ? "pill sign" : "pill"} data-state=${state} title=${title}>
    <span class=${text ? "visually-hidden" : "word"}>${word}</span>
  </span>`;

function inside({ text, box, tags, dim, quiet }) {
  if (box) return html`<span class=${text ? "box on" : "box"}>${text}</span>`;
  if (tags)
    return tags.map(([choice, hue]) => html`<span class="tag" data-hue=${hue < 0 ? null : hue}>${choice}</span>`);
  return text && html`<span class=${dim || quiet ? "text dim" : "text"}>${text}</span>`;
}

function Row({ grid, row, ordinal, close }) {
  const acts = runItems(grid, row).map(([label, act, isDanger]) => button(label, act, isDanger ? "danger" : ""));
  const line = (column) =>
    html`<dt>${column.name}</dt>
      <dd><${Whole} grid=${grid} row=${row} column=${column} /></dd>`;
  return html`<header class="drawer-head">
      <div><h2>Row ${count(ordinal + 1)}</h2></div>
      ${crossButton("Close row", close)}
    </header>
    ${grid.mayRun && html`<div class="drawer-actions">${acts}</div>`}
    <dl>${grid.schema.columns.map(line)}</dl>`;
}

/** A value to read to its end; a workflow's leads to what its run did. */
function Whole({ grid, row, column }) {
  const value = row.data[column.key];
  const { name } = grid.schema.group.get(column.group) || {};
  if (name) {
    return html`<button type="button" class="plain-button" onClick=${() => grid.drawer.show(row.id, column.group)}>
      <${Value} grid=${grid} row=${row} column=${column} none="Not run yet" />
      <span class="visually-hidden">Details of ${name}</span>
    </button>`;
  }
  if (isEmpty(column.type, value)) return html`<span class="quiet">Empty</span>`;
  if (column.type === "json") return html`<pre>${asWhole(column, value)}</pre>`;
  return column.type === "text" ? asWhole(column, value) : html`<${Value} grid=${grid} row=${row} column=${column} />`;
}
