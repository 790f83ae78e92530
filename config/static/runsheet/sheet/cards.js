// @ts-check
/** Rows as cards, for a screen too narrow for columns: read, run, stop. The first column is the title. */
import { count } from "../format.js";
import { runItems } from "../run/rowmenu.js";
import { cross, html, render } from "../ui/html.js";
import { describe } from "./cell.js";
import { measure, visible } from "./scroll.js";
import { element } from "./slot.js";
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
    this.list = element("div", "cards-scroll");
    this.panel = element("section", "row-panel");
    this.panel.hidden = true;
    this.panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      if (grid.drawer.isOpen)
        grid.drawer.close(); // it stands before the row
      else this.show(null);
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
    const places = Array.from({ length: range.last - range.first }, (_, place) => range.first + place);
    render(
      html`${store.total === 0 && html`<p class="quiet cards-none">${this.grid.note.textContent}</p>`}
        <ol
          class="cards"
          ref=${(list) => {
            if (list) list.style.height = `${measure(total, this.list.clientHeight, height).canvas}px`;
          }}
          aria-label=${this.grid.getAttribute("label")}
        >
          ${places.map(
            (ordinal) =>
              html`<${Card}
                key=${ordinal}
                grid=${this.grid}
                ordinal=${ordinal}
                total=${total}
                top=${range.top + (ordinal - range.first) * height}
                height=${height}
                onOpen=${(id) => this.show(id)}
              />`,
          )}
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
  return html`<li ref=${place} aria-setsize=${total} aria-posinset=${ordinal + 1} data-row=${row ? row.id : null}>
    ${
      row &&
      first &&
      html`<article>
        <h2>
          <button type="button" onClick=${() => onOpen(row.id)}>
            ${describe(first, row, grid.view).text || `Row ${count(ordinal + 1)}`}
          </button>
          <span class="quiet number">${count(ordinal + 1)}</span>
        </h2>
        <dl>
          ${others.slice(0, MOST_LINES).map(
            (column) =>
              html`<div>
                <dt>${column.name}</dt>
                <dd><${Value} grid=${grid} row=${row} column=${column} /></dd>
              </div>`,
          )}
        </dl>
      </article>`
    }
  </li>`;
}

/** A cell's look, as `paint.js` draws it. */
function Value({ grid, row, column, none = "" }) {
  const shown = describe(column, row, grid.view);
  if (!shown.state && !shown.text && !shown.box) return html`<span class="quiet">${none}</span>`;
  return html`${
    shown.state &&
    html`<span class=${shown.text ? "pill sign" : "pill"} data-state=${shown.state} title=${shown.title}>
      <span class=${shown.text ? "visually-hidden" : "word"}>${shown.word}</span></span
    >`
  }
  ${
    shown.box
      ? html`<span class=${shown.text ? "box on" : "box"}>${shown.text}</span>`
      : shown.tags
        ? shown.tags.map(([text, hue]) => html`<span class="tag" data-hue=${hue < 0 ? null : hue}>${text}</span>`)
        : shown.text && html`<span class=${shown.dim || shown.quiet ? "text dim" : "text"}>${shown.text}</span>`
  }`;
}

function Row({ grid, row, ordinal, close }) {
  const { columns } = grid.schema;
  return html`<header class="drawer-head">
      <div><h2>Row ${count(ordinal + 1)}</h2></div>
      <button type="button" class="icon-button" aria-label="Close row" onClick=${close}>${cross}</button>
    </header>
    ${
      grid.mayRun &&
      html`<div class="drawer-actions">
        ${runItems(grid, row).map(
          ([label, act, isDanger]) =>
            html`<button type="button" class=${isDanger ? "button danger" : "button"} onClick=${act}>
              ${label}
            </button>`,
        )}
      </div>`
    }
    <dl>
      ${columns.map(
        (column) =>
          html`<dt>${column.name}</dt>
            <dd><${Whole} grid=${grid} row=${row} column=${column} /></dd>`,
      )}
    </dl>`;
}

/** A value to read to its end; a workflow's leads to what its run did. */
function Whole({ grid, row, column }) {
  const value = row.data[column.key];
  const { name } = grid.schema.group.get(column.group) || {};
  if (name) {
    return html`<button type="button" class="plain-button" onClick=${() => grid.drawer.show(row.id, column.group)}>
      <${Value} grid=${grid} row=${row} column=${column} none="Not run yet" /><span class="visually-hidden"
        >Details of ${name}</span
      >
    </button>`;
  }
  if (isEmpty(column.type, value)) return html`<span class="quiet">Empty</span>`;
  if (column.type === "json") return html`<pre>${asWhole(column, value)}</pre>`;
  return column.type === "text" ? asWhole(column, value) : html`<${Value} grid=${grid} row=${row} column=${column} />`;
}
