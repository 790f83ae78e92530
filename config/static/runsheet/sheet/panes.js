// @ts-check
/** Where columns stand in the two panes, and which of very many have elements. Pure. */
import { NUMBER_WIDTH } from "./schema.js";

/** Beyond so many columns only those near the screen have elements. */
const ALL_COLUMNS = 100;
/** They come and go in steps, so that a short scroll rebuilds nothing. */
const STEP = 8;

/**
 * @param {{width: number}[]} columns @param {number} pins how many of them, the first, are pinned
 * @returns {{lefts: number[], pinned: number, rest: number}} where each begins within its pane; the panes' widths
 */
export function placeColumns(columns, pins) {
  const widths = [NUMBER_WIDTH, 0];
  const lefts = columns.map((column, place) => {
    const pane = place < pins ? 0 : 1;
    widths[pane] += column.width;
    return widths[pane] - column.width;
  });
  return { lefts, pinned: widths[0], rest: widths[1] };
}

/** Columns of the right pane that have elements, `[from, to]` (`to` exclusive): `left`…`right` is on screen. */
export function columnsNear(columns, lefts, pins, left, right) {
  const count = columns.length;
  if (count <= ALL_COLUMNS) return [pins, count];
  let first = pins;
  while (first < count && lefts[first] + columns[first].width < left) first += 1;
  let last = first;
  while (last < count && lefts[last] <= right) last += 1;
  return [Math.max(pins, Math.floor((first - 4) / STEP) * STEP), Math.min(count, Math.ceil((last + 4) / STEP) * STEP)];
}
