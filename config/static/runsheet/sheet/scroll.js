// @ts-check
/** From scroll position to rows and back. Browsers cap an element's height, so tall tables are scaled. Pure. */

export const ROW_HEIGHT = 34;
/** 400,000 rows of that height; the browsers' cap lies near 17 million pixels. */
export const TALLEST = 400_000 * ROW_HEIGHT;

/**
 * @param {number} total rows
 * @param {number} height of the part that shows rows
 * @param {number} [rowHeight]
 */
export function measure(total, height, rowHeight = ROW_HEIGHT) {
  const content = total * rowHeight;
  const canvas = Math.min(content, TALLEST);
  const scrollable = Math.max(1, canvas - height);
  const factor = content > canvas ? (content - height) / scrollable : 1;
  return { content, canvas, factor };
}

/** The rows on screen and where the first stands on the canvas: `{first, last, top}` (`last` exclusive). */
export function visible(total, height, scrollTop, overscan, rowHeight = ROW_HEIGHT) {
  const { factor } = measure(total, height, rowHeight);
  const virtualTop = scrollTop * factor;
  const first = Math.max(0, Math.floor(virtualTop / rowHeight) - overscan);
  const last = Math.min(total, Math.ceil((virtualTop + height) / rowHeight) + overscan);
  return { first, last, top: scrollTop + first * rowHeight - virtualTop };
}

/** The scroll position that brings a row into view, nearest to the present one. */
export function bring(row, total, height, scrollTop, rowHeight = ROW_HEIGHT) {
  const { factor } = measure(total, height, rowHeight);
  const top = row * rowHeight;
  const virtualTop = scrollTop * factor;
  if (top < virtualTop) return top / factor;
  if (top + rowHeight > virtualTop + height) return (top + rowHeight - height) / factor;
  return scrollTop;
}
