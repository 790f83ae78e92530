// @ts-check
/** The drawer beside the grid, kept in step with the cell it shows. */
import { Details } from "../run/details.js";
import { html, render } from "../ui/html.js";

export class Drawer {
  /** @param {any} grid @param {HTMLElement|null} element */
  constructor(grid, element) {
    this.grid = grid;
    this.element = element;
    /** @type {{rowId: string, groupId: string}|null} */
    this.shown = null;
    element?.addEventListener("keydown", (event) => { if (event.key === "Escape") this.close(); });
  }

  get isOpen() {
    return this.shown !== null;
  }

  show(rowId, groupId) {
    this.shown = { rowId, groupId };
    this.refresh();
  }

  close() {
    if (!this.shown) return;
    this.shown = null;
    this.refresh();
    this.grid.scroller.focus({ preventScroll: true });
  }

  refresh() {
    if (!this.element) return;
    const { store, schema, session } = this.grid;
    const row = this.shown && store.byId(this.shown.rowId);
    const group = this.shown && schema.group.get(this.shown.groupId);
    this.element.hidden = !row || !group;
    const props = row && group && {
      session, store, row, group, view: this.grid.view, ordinal: store.index.get(row.id), mayRun: this.grid.mayRun, close: () => this.close(),
    };
    render(props ? html`<${Details} ...${props} />` : null, this.element);
  }
}
