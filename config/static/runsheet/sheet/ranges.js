// @ts-check
/** Draws what is selected: one box per range and pane. The cells on screen say it to screen readers, each by itself. */
import { make } from "./dom.js";
import { NUMBER_WIDTH } from "./schema.js";

/** Part of the grid: the boxes, with the handle that fills at the last one's corner. */
export function attachRanges(grid) {
  const { window: shown, selection } = grid;
  const layers = [shown.pinned, shown.rest].map((pane) => [pane, make("div", { class: "range-layer" })]);
  const handle = make("div", { class: "fill-handle" });
  grid.fillHandle = handle;
  const draw = () => {
    const { ranges, isMany } = selection;
    const boxes = isMany ? ranges : [];
    markSelected(shown.slots, ranges);
    for (const [pane, layer] of layers) {
      if (layer.parentElement !== pane) pane.append(layer); // rows were built anew
      const filling = layer.querySelectorAll(".filling"); // the handle is being dragged, whatever is drawn anew
      layer.replaceChildren(...boxes.map((range) => boxOf(shown, pane, range)).filter(Boolean), ...filling);
    }
    const last = ranges.at(-1);
    const place = grid.mayRun && last && last.from.col > 0 && spotOf(shown, last.to);
    if (!place) return handle.remove();
    handle.style.transform = `translate(${place.right}px, ${place.bottom}px)`;
    place.pane.lastElementChild.append(handle);
  };
  const before = shown.drawn;
  shown.drawn = () => {
    before?.();
    draw();
  };
  grid.addEventListener("sheet:selection", draw);
}

/** Say of the cells on screen which are selected. Rows that no range comes to are left alone. */
function markSelected(slots, ranges) {
  for (const slot of slots) {
    const here = slot.ordinal < 0 ? [] : ranges.filter(({ from, to }) => coversRow(from, to, slot.ordinal));
    if (!here.length && !slot.isMarked) continue;
    slot.isMarked = here.length > 0;
    const mark = (element, col) => {
      const isIn = here.some(({ from, to }) => col >= from.col && col <= to.col);
      if (isIn !== element.hasAttribute("aria-selected")) setSelected(element, isIn);
    };
    mark(slot.number, 0);
    for (const { element, col } of slot.cells) mark(element, col);
  }
}

const coversRow = (from, to, row) => row >= from.row && row <= to.row;

function setSelected(element, isIn) {
  if (isIn) element.setAttribute("aria-selected", "true");
  else element.removeAttribute("aria-selected");
}

/** The box of a range in a pane, as far as it is drawn; its edges only where the range has them. */
export function boxOf(shown, pane, { from, to }) {
  const across = acrossOf(shown, pane, from.col, to.col);
  const down = shown.spanOf(from.row, to.row);
  if (!across || !down) return null;
  const box = make("div", { class: "range" });
  box.classList.toggle("open-left", across.first > from.col);
  box.classList.toggle("open-right", across.last < to.col);
  const frame = { left: across.left, width: across.right - across.left, top: down.top, height: down.height };
  for (const [name, size] of Object.entries(frame)) box.style[name] = `${size}px`;
  return box;
}

/** Where columns stand in a pane, as far as they have elements: `{first, last, left, right}` or null. */
function acrossOf({ slots: [slot], pinned }, pane, from, to) {
  if (!slot) return null;
  const half = pane === pinned ? slot.pin : slot.rest;
  const cells = slot.cells.filter(({ col, element }) => col >= from && col <= to && half.contains(element));
  const hasNumber = from === 0 && pane === pinned;
  if (!cells.length) return hasNumber ? { first: 0, last: 0, left: 0, right: NUMBER_WIDTH } : null;
  const { col: last, element: end } = cells.at(-1);
  const right = pixels(end.style.left) + pixels(end.style.width);
  if (hasNumber) return { first: 0, last, left: 0, right };
  return { first: cells[0].col, last, left: pixels(cells[0].element.style.left), right };
}

/** As it was set: to ask the browser would make it lay out the page in the middle of a frame. */
const pixels = (length) => Number.parseFloat(length);

/** The lower right corner of a place, or null when it has no element. */
function spotOf(shown, { row, col }) {
  const down = shown.spanOf(row, row);
  const pane = [shown.pinned, shown.rest].find((each) => acrossOf(shown, each, col, col));
  if (!down || !pane) return null;
  return { pane, right: acrossOf(shown, pane, col, col).right, bottom: down.top + down.height };
}
