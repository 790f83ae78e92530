// @ts-check
/** Selecting by pointer: press and drag, with Shift to extend, with Ctrl to add; headers for columns and for all. */

import { isCtrl } from "./dom.js";

/** Nearer to an edge than this, or beyond it, dragging scrolls. */
const EDGE = 24;

/** Part of the grid: ranges by mouse and pen. A finger scrolls. */
export function attachDrag(grid) {
  const { window: shown, selection } = grid;
  let isGesture = false;
  shown.body.addEventListener("pointerdown", (event) => {
    const place = shown.placeOf(event.target);
    const isForMe = !event.target.closest("button, a, input, textarea, select");
    isGesture = false;
    if (!place || event.button || event.pointerType === "touch" || !isForMe) return;
    isGesture = press(event, place);
    follow(grid, event, (head) => {
      isGesture = true;
      selection.extend(head, { reveal: false });
    });
  });
  shown.body.addEventListener(
    "click",
    (event) => {
      if (!isGesture) return;
      event.stopPropagation(); // it selected: it opens nothing
      grid.takeFocus();
    },
    true,
  );
  grid.header.element.addEventListener("click", (event) => {
    const cell = event.target.closest(".name-cell");
    if (!cell || event.defaultPrevented || event.target.closest("button, input")) return;
    header(event, cell);
  });

  // The browser would scroll to the field that takes the focus, away from under the pointer.
  grid.window.body.addEventListener("mousedown", (event) => {
    if (event.target.closest("button, input")) return;
    event.preventDefault();
    grid.takeFocus();
  });

  /** Whether this began something other than making a cell the active one. */
  function press(event, place) {
    const ctrl = isCtrl(event);
    if (event.shiftKey && selection.anchor)
      selection.extend(selection.shape === "rows" ? { ...place, col: 0 } : place, { reveal: false });
    else selection.set(place, { add: ctrl, reveal: false }); // or the click would fall on what came under the pointer
    return event.shiftKey || ctrl;
  }

  function header(event, cell) {
    const col = Number(cell.dataset.col || NaN);
    grid.takeFocus();
    const row = selection.anchor?.row || 0;
    if (cell.classList.contains("number-cell")) selection.set({ row, col: 1 }, { shape: "all" });
    else if (event.shiftKey && selection.shape === "columns") selection.extend({ row, col });
    else if (col) selection.set({ row, col }, { shape: "columns", add: isCtrl(event) });
  }
}

/**
 * While the button is down, tell which place the pointer is over (or nearest to), scrolling at the edges.
 * @param {PointerEvent} event that pressed it
 * @param {(place: {row: number, col: number}) => void} over called when it changes
 * @param {() => void} [end]
 */
export function follow(grid, event, over, end = () => {}) {
  const { scroller, window: shown } = grid;
  let at = { x: event.clientX, y: event.clientY };
  let last = shown.placeOf(event.target);
  let frame = 0;
  const speed = (value, low, high) => Math.min(0, value - low) + Math.max(0, value - high);
  const look = () => {
    const box = scroller.getBoundingClientRect();
    const left = box.left + 1;
    const right = box.left + scroller.clientWidth - 1;
    const top = box.top + shown.body.offsetTop + 1;
    const bottom = box.top + scroller.clientHeight - 1;
    const found = document.elementsFromPoint(
      Math.max(left, Math.min(at.x, right)),
      Math.max(top, Math.min(at.y, bottom)),
    );
    const place = shown.placeOf(found.find((each) => each.closest(".cell")));
    if (place && !(last && place.row === last.row && place.col === last.col)) over((last = place));
    const sideways = last?.col ? speed(at.x, left + shown.pinned.offsetWidth, right - EDGE) : 0;
    return [sideways, speed(at.y, top + EDGE, bottom - EDGE)];
  };
  const step = () => {
    const [right, down] = look();
    if (right || down) scroller.scrollBy(right / 2, down / 2);
    frame = right || down ? requestAnimationFrame(step) : 0;
  };
  const moved = (more) => {
    at = { x: more.clientX, y: more.clientY };
    if (!frame) step();
  };
  const held = new AbortController();
  const stop = () => {
    cancelAnimationFrame(frame);
    held.abort();
    end();
  };
  document.addEventListener("pointermove", moved, { signal: held.signal });
  for (const type of ["pointerup", "pointercancel"]) document.addEventListener(type, stop, { signal: held.signal });
}
