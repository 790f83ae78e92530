// @ts-check
/** Where the active cell goes and what is selected. Pure. A place is `{row, col}`, from 0; column 0 is the number. */
import { plural } from "../format.js";

/**
 * The place a key leads to, or null when the key does not move.
 * @param {{row: number, col: number}} from
 * @param {{key: string, ctrl?: boolean}} press
 * @param {{rows: number, cols: number, page: number}} bounds `page` is the rows of one screen
 */
export function move({ row, col }, { key, ctrl = false }, { rows, cols, page }) {
  const lastRow = rows - 1;
  const lastCol = cols - 1;
  const to = {
    ArrowUp: { row: ctrl ? 0 : row - 1, col },
    ArrowDown: { row: ctrl ? lastRow : row + 1, col },
    ArrowLeft: { row, col: ctrl ? 0 : col - 1 },
    ArrowRight: { row, col: ctrl ? lastCol : col + 1 },
    Home: { row: ctrl ? 0 : row, col: 0 },
    End: { row: ctrl ? lastRow : row, col: lastCol },
    PageUp: ctrl ? null : { row: row - page, col }, // screen readers take Ctrl+Page
    PageDown: ctrl ? null : { row: row + page, col },
  }[key];
  return to ? within(to, { rows, cols }) : null;
}

/** The nearest place that exists; null in an empty table. */
export function within({ row, col }, { rows, cols }) {
  if (rows < 1 || cols < 1) return null;
  return { row: Math.max(0, Math.min(row, rows - 1)), col: Math.max(0, Math.min(col, cols - 1)) };
}

/**
 * A range of cells, ends included, `from` before `to`. Whole rows begin at column 0; where a range goes to the end,
 * however many rows or columns there will be, `to` is Infinity.
 * @typedef {{from: {row: number, col: number}, to: {row: number, col: number}}} Range
 */

/**
 * What lies between two places.
 * @param {"cells"|"rows"|"columns"|"all"} shape
 * @returns {Range}
 */
export function between(a, b, shape) {
  const wholeRows = shape === "rows" || shape === "all";
  const wholeColumns = shape === "columns" || shape === "all";
  return {
    from: { row: wholeColumns ? 0 : Math.min(a.row, b.row), col: wholeRows ? 0 : Math.max(1, Math.min(a.col, b.col)) },
    to: {
      row: wholeColumns ? Infinity : Math.max(a.row, b.row),
      col: wholeRows ? Infinity : Math.max(1, a.col, b.col),
    },
  };
}

/** The part of a range that exists, or null. @param {Range} range @returns {Range|null} */
export function clip({ from, to }, { rows, cols }) {
  const end = { row: Math.min(to.row, rows - 1), col: Math.min(to.col, cols - 1) };
  return end.row < from.row || end.col < Math.max(1, from.col) ? null : { from, to: end };
}

/** The rows of ranges as spans in order, each row once: `[{from, to}]`. @param {Range[]} ranges */
export function rowSpans(ranges) {
  const spans = [];
  for (const { from, to } of [...ranges].sort((a, b) => a.from.row - b.from.row)) {
    const last = spans.at(-1);
    if (last && from.row <= last.to + 1) last.to = Math.max(last.to, to.row);
    else spans.push({ from: from.row, to: to.row });
  }
  return spans;
}

export const countOf = (spans) => spans.reduce((sum, { from, to }) => sum + to - from + 1, 0);

/** How many columns a range has. @param {Range} range */
export const width = ({ from, to }) => to.col - Math.max(1, from.col) + 1;

/** Whether it is one cell and no more. @param {Range[]} ranges */
export const isOneCell = (ranges) =>
  ranges.length === 1 && ranges[0].from.col > 0 && ranges[0].from.row === ranges[0].to.row && width(ranges[0]) === 1;

/** "4 rows × 3 columns", "38 rows", "3 ranges, 12 rows". @param {Range[]} ranges @param {number} total of rows */
export function selectionWords(ranges, total) {
  const rows = plural(countOf(rowSpans(ranges)), "row");
  if (ranges.length > 1) return `${ranges.length} ranges, ${rows}`;
  const [range] = ranges;
  if (range.from.col === 0) return rows;
  const columns = plural(width(range), "column");
  return range.from.row === 0 && range.to.row === total - 1 ? columns : `${rows} × ${columns}`;
}
