// @ts-check
/** The drawer beside the grid, kept in step with the cell it shows. */
import { details } from "../run/lazy.js";
import { html, render } from "../ui/html.js";
import { report } from "../ui/toast.js";

/** Part of the grid: `grid.drawer`. */
export function attachDrawer(grid) {
  grid.drawer = new Drawer(grid, document.getElementById("drawer"));
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
    if (!this.Details)
      details().then(
        (module) => {
          this.Details = module.Details;
          this.refresh();
        },
        (error) => report(error, "open the cell"),
      );
  }

  close() {
    if (!this.shown) return;
    this.shown = null;
    this.refresh();
    this.grid.scroller.focus({ preventScroll: true });
  }

  refresh() {
    if (!this.element || (this.shown && !this.Details)) return;
    const { store, schema, session } = this.grid;
    const row = this.shown && store.byId(this.shown.rowId);
    const group = this.shown && schema.group.get(this.shown.groupId);
    this.element.hidden = !row || !group;
    const props = row &&
      group && {
        session,
        store,
        row,
        group,
        view: this.grid.view,
        ordinal: store.index.get(row.id),
        mayRun: this.grid.mayRun,
        close: () => this.close(),
      };
    render(props ? html`<${this.Details} key=${`${row.id} ${group.id}`} ...${props} />` : null, this.element);
  }
}
