// @ts-check
/** How a value arrives: its background fades once, its text is written out. Off when too much happens or unwanted. */

const FADE_MS = 400;
const CHAR_MS = 15;
const LONGEST_MS = 1_000;
const MOST_PER_SECOND = 200;

const reduced = matchMedia("(prefers-reduced-motion: reduce)");
/** @type {number[]} */
let recent = [];
/** @type {WeakMap<Element, number>} what is being written, so that a recycled cell can stop it */
const writing = new WeakMap();

/** Count a visible change; tell whether it may move. */
export function mayMove(now = performance.now()) {
  recent.push(now);
  if (recent[0] < now - 1_000) recent = recent.filter((at) => at > now - 1_000);
  return !reduced.matches && recent.length <= MOST_PER_SECOND && !document.hidden;
}

/** A new value in a cell: fade, and write its text if it is text. */
export function arrive(cell, textNode, isWritten) {
  const flash = getComputedStyle(cell).getPropertyValue("--flash");
  cell.animate([{ backgroundColor: flash }, { backgroundColor: "transparent" }], {
    duration: FADE_MS,
    easing: "ease-out",
  });
  if (isWritten && textNode && textNode.data.length > 1) write(cell, textNode);
}

/** The cell shows something else now: no more writing into it. */
export function settle(cell) {
  const frame = writing.get(cell);
  if (frame) cancelAnimationFrame(frame);
  writing.delete(cell);
}

function write(cell, textNode) {
  const text = textNode.data;
  const visible = Math.min(text.length, 80); // what a cell can show; the rest comes at the end
  const whole = Math.min(visible * CHAR_MS, LONGEST_MS);
  const began = performance.now();
  const step = (now) => {
    const shown = Math.ceil((visible * (now - began)) / whole);
    if (shown >= visible) {
      textNode.data = text;
      writing.delete(cell);
      return;
    }
    textNode.data = text.slice(0, Math.max(0, shown));
    writing.set(cell, requestAnimationFrame(step));
  };
  textNode.data = "";
  writing.set(cell, requestAnimationFrame(step));
}
