// @ts-check
/** The panels beside the grid: a column, a workflow group, the history of runs. One at a time, loaded at first use. */
import { confirm } from "../../ui/confirm.js";
import { html, render } from "../../ui/html.js";
import { openMenu } from "../../ui/menu.js";
import { report, toast } from "../../ui/toast.js";
import { itemsOf } from "../controls.js";
import { make } from "../dom.js";

/**
 * Part of the grid: `openColumn(id or null, {before, after})`, `deleteColumn(id)`, `openGroup(id or null)`,
 * `openHistory()`, and "+" at the end of the header.
 */
export function attachSide(grid) {
  const side = new Side(grid);
  grid.side = side;
  grid.openColumn = (columnId = null, place = {}) =>
    side.open(() => import("./column.js"), columnId ? "Column" : "New column", { columnId, place });
  grid.deleteColumn = async (columnId) =>
    (await import("./column.js")).remove(grid, grid.schema.column.get(columnId), (words) => {
      toast(words);
      grid.loadSchema();
    });
  grid.openGroup = (groupId = null) =>
    side.open(() => import("./group.js"), groupId ? "Workflow columns" : "New workflow columns", { groupId });
  grid.openHistory = () => side.open(() => import("./history.js"), "Run history", {});
  document.getElementById("run-history")?.addEventListener("click", () => grid.openHistory());
  if (grid.mayRun) grid.header.end.append(plus(grid));
}

function plus(grid) {
  const says = { "aria-label": "Add a column", "aria-haspopup": "menu" };
  const button = make("button", { type: "button", class: "head-plus", ...says });
  const draw = (close) => {
    const item = itemsOf(close);
    const byHand = item("Column…", () => grid.openColumn());
    return [byHand, item("Columns filled by a workflow…", () => grid.openGroup())];
  };
  button.addEventListener("click", () => openMenu(button, draw, { label: "Add" }));
  return button;
}

class Side {
  constructor(grid) {
    this.grid = grid;
    /** Whether something was typed that is not saved. */
    this.isDirty = false;
    /** @type {Element|null} */
    this.before = null;
    this.box = make("aside", { class: "drawer side", hidden: true });
    (grid.closest(".sheet-area") || grid).append(this.box);
    this.box.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      event.preventDefault(); // or the question about leaving would be dismissed by the same press
      this.close();
    });
  }

  get isOpen() {
    return !this.box.hidden;
  }

  /** @param {() => Promise<any>} load @param {string} label @param {any} props */
  async open(load, label, props) {
    if (!(await this.mayLeave())) return;
    const before = this.isOpen ? this.before : document.activeElement;
    let module;
    try {
      module = await load();
    } catch (error) {
      return report(error, "open this");
    }
    this.grid.drawer.close();
    this.before = before;
    this.isDirty = false;
    this.box.setAttribute("aria-label", label);
    this.box.hidden = false;
    render(null, this.box);
    render(html`<${module.Panel} grid=${this.grid} side=${this} ...${props} />`, this.box);
    this.box.scrollTop = 0;
    const first = this.box.querySelector("input, select") || this.box.querySelector("button");
    if (first instanceof HTMLElement) first.focus();
  }

  async close() {
    if (await this.mayLeave()) this.leave();
  }

  /** Close without asking. */
  leave() {
    this.isDirty = false;
    this.box.hidden = true;
    render(null, this.box);
    const { before } = this;
    const isThere = before instanceof HTMLElement && before.isConnected && before !== document.body;
    (isThere ? before : this.grid.scroller).focus({ preventScroll: true });
  }

  async mayLeave() {
    const text = "What you changed in this panel is not saved yet.";
    return !this.isDirty || confirm({ title: "Leave without saving?", text, yes: "Leave" });
  }
}
