// @ts-check
/** Editing: the field that takes what is typed, how an editor starts, and who may not. */
import { toast } from "../ui/toast.js";
import { isCtrl } from "./dom.js";
import { Editor } from "./edit/editor.js";
import { Field } from "./edit/field.js";

const LOCKED = { update: "cells cannot be changed", insert: "rows cannot be added", delete: "rows cannot be deleted" };

/** Part of the grid: `grid.edit(place)`, `grid.mayEdit(lock)`. */
export function attachEditing(grid) {
  const field = new Field(grid.scroller);
  const editor = new Editor(grid, field);

  /** Whether rows may be changed in a way that a lock may forbid; says why not, unless asked quietly. */
  grid.mayEdit = (lock = "update", isQuiet = false) => {
    const isLocked = grid.schema.locks.includes(lock);
    if (grid.mayRun && !isLocked) return true;
    if (!isQuiet)
      toast(isLocked ? `This table is locked: ${LOCKED[lock]}.` : "You may read this table, not change it.");
    return false;
  };
  /** Edit the cell at a place; a box is ticked or cleared at once. */
  grid.edit = (place, how) => {
    const column = grid.schema.columns[place.col - 1];
    const row = grid.store.row(place.row);
    if (!column || !row || !grid.mayEdit()) return;
    if (column.type !== "boolean") return editor.open(place, how);
    const words = `change “${column.name}”`;
    grid.writer.write([{ row: row.id, data: { [column.key]: row.data[column.key] !== true } }], { words });
  };

  // What is typed goes into the field; it opens as soon as there is something in it, composed or not.
  const began = () => {
    const column = grid.active && grid.schema.columns[grid.active.col - 1];
    if (editor.at) return;
    if (column && column.type !== "boolean") editor.open(grid.active, { typed: true });
    else field.text.value = "";
  };
  field.text.addEventListener("compositionstart", began);
  field.text.addEventListener("input", began);
  field.box.addEventListener("keydown", (event) => {
    const isComposing = event.isComposing || event.keyCode === 229;
    if (!isComposing && !editor.at) return;
    event.stopPropagation();
    if (!isComposing && editor.key(event)) event.preventDefault();
  });
  for (const type of ["copy", "cut", "paste", "contextmenu"])
    field.box.addEventListener(type, (event) => {
      if (editor.at) event.stopPropagation();
    });
  grid.scroller.addEventListener("blur", () => {
    if (document.hasFocus()) editor.commit(null);
  });
  grid.addEventListener("sheet:schema", () => {
    field.text.readOnly = !grid.mayEdit("update", true);
  });

  grid.window.body.addEventListener("dblclick", (event) => {
    const place = grid.window.placeOf(event.target);
    if (place && place.col > 0 && !isTick(event.target)) grid.edit(place);
  });
  grid.window.body.addEventListener("click", (event) => {
    const place = isTick(event.target) && !event.shiftKey && !isCtrl(event) && grid.window.placeOf(event.target);
    if (place) grid.edit(place);
  });
  grid.keys.push((event) => {
    const { active } = grid;
    if (!active || active.col === 0 || isCtrl(event) || event.shiftKey) return false;
    const isTicked = event.key === " " && grid.schema.columns[active.col - 1]?.type === "boolean";
    if (!isTicked && event.key !== "F2" && !(event.key === "Enter" && grid.mayEdit("update", true))) return false;
    grid.edit(active);
    return true;
  });
}

const isTick = (target) => target instanceof Element && target.classList.contains("box");
