// @ts-check
/** The drawer beside the grid, kept in step with the cell it shows. */
import { details } from "../run/lazy.js";
import { html, render } from "../ui/html.js";
import { attempt } from "./attempt.js";

/** Part of the grid: `grid.drawer`, and `grid.openDrawer(place)`, which closes it where there is nothing to show. */
export function attachDrawer(grid) {
  const drawer = new Drawer(grid, document.getElementById("drawer"));
  grid.drawer = drawer;
  grid.openDrawer = (place) => {
    const column = grid.schema.columns[place.col - 1];
    const row = grid.store.row(place.row);
    if (!row || !column || !column.group) return drawer.close();
    drawer.show(row.id, column.group);
  };
}

class Drawer {
  /** @param {any} grid @param {HTMLElement|null} element */
  constructor(grid, element) {
    this.grid = grid;
    this.element = element;
    /** @type {{rowId: string, groupId: string}|null} */
    this.shown = null;
    /** @type {any} */
    this.Details = null;
    element?.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
  }

  get isOpen() {
    return this.shown !== null;
  }

  /** Show a cell, unless a panel with a form in it stands in this place. */
  show(rowId, groupId) {
    if (this.grid.side?.isOpen) return;
    this.shown = { rowId, groupId };
    this.refresh();
    if (this.Details) return;
    attempt("open the cell", async () => {
      this.Details = (await details()).Details;
      this.refresh();
    });
  }

  close() {
    if (!this.shown) return;
    this.shown = null;
    this.refresh();
    this.grid.takeFocus();
  }

  refresh() {
    if (!this.element || (this.shown && !this.Details)) return;
    const { store, schema, session, view, mayRun } = this.grid;
    const row = this.shown && store.byId(this.shown.rowId);
    const group = this.shown && schema.group.get(this.shown.groupId);
    const takesRoom = this.element.hidden;
    this.element.hidden = !row || !group;
    if (!row || !group) return render(null, this.element);
    const showActive = () => this.grid.active && this.grid.window.bringIntoView(this.grid.active);
    if (takesRoom) requestAnimationFrame(showActive);
    const cell = { session, store, row, group, view, mayRun, ordinal: store.index.get(row.id) };
    const key = `${row.id} ${group.id}`;
    render(html`<${this.Details} key=${key} ...${cell} close=${() => this.close()} />`, this.element);
  }
}
