// @ts-check
/** A value that its cell cuts off is read whole: Space, or a click on it. It goes once something else is looked at. */
import { isCtrl, make } from "./dom.js";
import { asWhole, isEmpty } from "./values.js";

/** Part of the grid: `grid.read(place)`. */
export function attachReading(grid) {
  /** @type {HTMLElement|null} */
  let box = null;
  const close = () => {
    const gone = box;
    const hadFocus = gone?.contains(document.activeElement);
    box = null; // it loses the focus by going, which closes it
    gone?.remove();
    if (hadFocus) grid.takeFocus();
  };
  grid.read = (place, { focus = true } = {}) => {
    close();
    const column = grid.schema.columns[place.col - 1];
    const row = grid.store.row(place.row);
    const cell = grid.window.elementAt(place);
    if (!column || !row || !cell || isEmpty(column.type, row.data[column.key])) return;
    box = draw(`${column.name}, row ${place.row + 1}`, column, row.data[column.key]);
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" && event.key !== " ") return;
      event.preventDefault();
      close();
    });
    box.addEventListener("focusout", () => {
      if (box) close();
    });
    grid.append(box);
    put(box, cell.getBoundingClientRect(), grid.getBoundingClientRect());
    if (focus) box.focus({ preventScroll: true });
  };
  grid.addEventListener("sheet:active", close);
  grid.scroller.addEventListener("scroll", close, { passive: true });
  grid.window.body.addEventListener("dblclick", close);
  grid.window.body.addEventListener("click", (event) => {
    const place = grid.window.placeOf(event.target);
    const text = event.target.closest(".cell")?.querySelector(".text");
    const isPlain = !event.shiftKey && !isCtrl(event) && event.detail === 1;
    if (place && isPlain && text && text.scrollWidth > text.clientWidth && !grid.schema.columns[place.col - 1]?.group)
      grid.read(place, { focus: false });
  });
  grid.addEventListener(
    "keydown",
    (event) => {
      if (box && event.key !== "Escape" && !box.contains(event.target)) close();
    },
    true,
  );
  grid.keys.push((event) => {
    if (event.key === "Escape" && box) return (close(), true);
    if (event.key !== " " || event.shiftKey || event.ctrlKey || !grid.active || grid.active.col === 0) return false;
    const column = grid.schema.columns[grid.active.col - 1];
    if (column.type === "boolean" && grid.mayEdit("update", true)) return false;
    if (column.group) grid.openDrawer(grid.active);
    else grid.read(grid.active);
    return true;
  });
}

function draw(label, column, value) {
  const words = make(column.type === "json" ? "pre" : "p", {}, asWhole(column, value));
  return make("section", { class: "whole-value", tabindex: 0, "aria-label": label }, words);
}

/** Below the cell, or above it where there is more room. */
function put(box, cell, own) {
  const under = own.bottom - cell.bottom - 8;
  const over = cell.top - own.top - 8;
  const isUnder = under >= Math.min(over, 220);
  box.style.maxHeight = `${Math.min(360, Math.max(80, isUnder ? under : over))}px`;
  box.style.left = `${Math.max(4, Math.min(cell.left - own.left, own.width - box.offsetWidth - 12))}px`;
  box.style.top = `${isUnder ? cell.bottom - own.top + 4 : cell.top - own.top - box.offsetHeight - 4}px`;
}
