// @ts-check
/** The menus of a column and of a workflow group in the header. */
import { openForm } from "../../ui/form.js";
import { html } from "../../ui/html.js";
import { openMenu } from "../../ui/menu.js";
import { stopGroups } from "../actions.js";
import { itemsOf } from "../controls.js";
import { openRun } from "../running.js";
import { moveStep } from "./order.js";
import { reorder } from "./reorder.js";
import { MOST_SORTED } from "./viewing.js";
import { NARROWEST, WIDEST, fit } from "./widths.js";

const ENDS = {
  number: ["1 → 9", "9 → 1"],
  currency: ["1 → 9", "9 → 1"],
  boolean: ["unchecked first", "checked first"],
  date: ["oldest first", "newest first"],
  datetime: ["oldest first", "newest first"],
};

/** @param {{x: number, y: number}} [at] a point of the screen; without, it is below `anchor` */
export function openColumnMenu(grid, column, anchor, at) {
  const { viewing, schema } = grid;
  const { id, name } = column;
  const isPinned = schema.columns.indexOf(column) < schema.pins;
  const sorted = viewing.sort.find((key) => key.column === id);
  const others = viewing.sort.filter((key) => key !== sorted);
  const [up, down] = ENDS[column.type] || ["A → Z", "Z → A"];
  open(grid, anchor, name, at, () => grid.header.focus(id), (item) => {
    const sort = (words, direction) => {
      const keys = [{ column: id, direction }, ...others].slice(0, MOST_SORTED);
      return item(words, () => viewing.set({ sort: keys }), { on: sorted?.direction === direction || null });
    };
    const move = (words, step) => {
      const order = moveStep(schema, id, step);
      return item(words, () => reorder(grid, order), { off: !order });
    };
    return [
      sort(`Sort ${up}`, "asc"),
      sort(`Sort ${down}`, "desc"),
      sorted && item("Do not sort by this", () => viewing.set({ sort: others })),
      item("Filter by this column…", () => grid.tools.filterBy(id)),
      html`<hr />`,
      item(isPinned ? "Unpin" : "Pin to the left", () => viewing.pin(id, !isPinned)),
      item("Hide", () => viewing.hide([id], true), { off: schema.columns.length < 2 }),
      item("Width…", () => askWidth(grid, column)),
      item("Fit to content", () => fit(grid, column)),
      grid.mayRun && [
        move("Move left", -1),
        move("Move right", 1),
        html`<hr />`,
        item("Edit column…", () => grid.openColumn(id)),
        item("Insert left…", () => grid.openColumn(null, { before: id })),
        item("Insert right…", () => grid.openColumn(null, { after: id })),
        item("Delete column…", () => grid.deleteColumn(id), { danger: true }),
      ],
    ];
  });
}

export function openGroupMenu(grid, group, anchor, at) {
  const outputs = group.outputs.map((column) => column.id);
  const isAll = grid.schema.columns.length <= outputs.length;
  open(grid, anchor, group.name, at, () => grid.header.focusGroup(group.id), (item) => [
    grid.mayRun && [
      item("Run…", () => openRun(grid, [group], `Run “${group.name}” on`, anchor)),
      item("Stop this group", () => stopGroups(grid.session, grid.store, [group.id]), { danger: true }),
      html`<hr />`,
      item("Edit group…", () => grid.openGroup(group.id)),
    ],
    item("Hide outputs", () => grid.viewing.hide(outputs, true), { off: isAll }),
  ]);
}

/**
 * A menu. What it is of has the focus again afterwards, even if the header was drawn anew meanwhile: by somebody else
 * (`back`), or by what was chosen, which may have asked something in a dialog (`after`). What is gone leaves it to the
 * grid.
 */
function open(grid, anchor, label, at, focus, view) {
  const back = () => focus() || grid.takeFocus();
  const after = () => {
    if (document.activeElement === document.body) back();
  };
  openMenu(anchor, (close) => [html`<h3>${label}</h3>`, view(itemsOf(close, after))], { label, at, back });
}

/** The width as a number: for those who cannot drag. */
function askWidth(grid, { id, name, width }) {
  const pixels = { name: "width", label: "Pixels", type: "number", min: NARROWEST, max: WIDEST, value: String(width) };
  return openForm({
    title: `Width of “${name}”`,
    yes: "Set width",
    fields: [pixels],
    act: async (values) => grid.viewing.widen(id, Number(values.width)),
  });
}
