// @ts-check
/** From scroll position to rows and back. Browsers cap an element's height, so tall tables are scaled. Pure. */

export const ROW_HEIGHT = 34;
/** 400,000 rows; the browsers' cap lies near 17 million pixels. */
export const TALLEST = 400_000 * ROW_HEIGHT;

/**
 * @param {number} total rows
 * @param {number} height of the part that shows rows
 */
export function measure(total, height) {
  const content = total * ROW_HEIGHT;
  const canvas = Math.min(content, TALLEST);
  const scrollable = Math.max(1, canvas - height);
  const factor = content > canvas ? (content - height) / scrollable : 1;
  return { content, canvas, factor };
}

/** The rows on screen and where the first stands on the canvas: `{first, last, top}` (`last` exclusive). */
export function visible(total, height, scrollTop, overscan) {
  const { factor } = measure(total, height);
  const virtualTop = scrollTop * factor;
  const first = Math.max(0, Math.floor(virtualTop / ROW_HEIGHT) - overscan);
  const last = Math.min(total, Math.ceil((virtualTop + height) / ROW_HEIGHT) + overscan);
  return { first, last, top: scrollTop + first * ROW_HEIGHT - virtualTop };
}

/** The scroll position that brings a row into view, nearest to the present one. */
export function bring(row, total, height, scrollTop) {
  const { factor } = measure(total, height);
  const top = row * ROW_HEIGHT, virtualTop = scrollTop * factor;
  if (top < virtualTop) return top / factor;
  if (top + ROW_HEIGHT > virtualTop + height) return (top + ROW_HEIGHT - height) / factor;
  return scrollTop;
}
