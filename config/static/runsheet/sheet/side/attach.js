// @ts-check
/** The panels beside the grid: a column, a workflow group, the history of runs. One is open at a time, loaded at its first use. */
import { confirm } from "../../ui/confirm.js";
import { html, render } from "../../ui/html.js";
import { openMenu } from "../../ui/menu.js";
import { report, toast } from "../../ui/toast.js";

/** Part of the grid: `openColumn(id or null, {before, after})`, `deleteColumn(id)`, `openGroup(id or null)`, `openHistory()`, and "+" at the end of the header. */
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
  const button = document.createElement("button");
  button.type = "button";
  button.className = "head-plus";
  button.setAttribute("aria-label", "Add a column");
  button.setAttribute("aria-haspopup", "menu");
  button.addEventListener("click", () =>
    openMenu(
      button,
      (close) =>
        html`<button
            type="button"
            class="item"
            onClick=${() => {
              close();
              grid.openColumn();
            }}
          >
            Column…
          </button>
          <button
            type="button"
            class="item"
            onClick=${() => {
              close();
              grid.openGroup();
            }}
          >
            Columns filled by a workflow…
          </button>`,
      { label: "Add" },
    ),
  );
  return button;
}

class Side {
  constructor(grid) {
    this.grid = grid;
    /** Whether something was typed that is not saved. */
    this.isDirty = false;
    /** @type {Element|null} */
    this.before = null;
    this.box = document.createElement("aside");
    this.box.className = "drawer side";
    this.box.hidden = true;
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
    const back =
      this.before instanceof HTMLElement && this.before.isConnected && this.before !== document.body
        ? this.before
        : this.grid.scroller;
    back.focus({ preventScroll: true });
  }

  async mayLeave() {
    return (
      !this.isDirty ||
      confirm({
        title: "Leave without saving?",
        text: "What you changed in this panel is not saved yet.",
        yes: "Leave",
      })
    );
  }
}
