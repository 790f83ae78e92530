// @ts-check
/** Where the selection goes. Pure: a place is `{row, col}`, ordinals from 0; column 0 is the row number. */

/**
 * The place a key leads to, or null when the key does not move.
 * @param {{row: number, col: number}} from
 * @param {{key: string, ctrl?: boolean}} press
 * @param {{rows: number, cols: number, page: number}} bounds `page` is the rows of one screen
 */
export function move(from, { key, ctrl = false }, { rows, cols, page }) {
  const to = { ...from };
  const lastRow = rows - 1, lastCol = cols - 1;
  switch (key) {
    case "ArrowUp": to.row = ctrl ? 0 : from.row - 1; break;
    case "ArrowDown": to.row = ctrl ? lastRow : from.row + 1; break;
    case "ArrowLeft": to.col = ctrl ? 0 : from.col - 1; break;
    case "ArrowRight": to.col = ctrl ? lastCol : from.col + 1; break;
    case "Home": to.col = 0; if (ctrl) to.row = 0; break;
    case "End": to.col = lastCol; if (ctrl) to.row = lastRow; break;
    case "PageUp": if (ctrl) return null; to.row = from.row - page; break; // screen readers take Ctrl+Page
    case "PageDown": if (ctrl) return null; to.row = from.row + page; break;
    default: return null;
  }
  return within(to, { rows, cols });
}

/** The nearest place that exists; null in an empty table. */
export function within({ row, col }, { rows, cols }) {
  if (rows < 1 || cols < 1) return null;
  return { row: Math.max(0, Math.min(row, rows - 1)), col: Math.max(0, Math.min(col, cols - 1)) };
}
