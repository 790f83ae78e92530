// @ts-check
/** Rows and columns as text with tabs, as spreadsheets put them on the clipboard; and where such a block goes. Pure. */

/** What a block is repeated over when more is selected than it has rows; larger selections take it once. */
const MOST_REPEATED = 10_000;

/**
 * The cells of a text. A cell in quotes may hold tabs, line breaks and doubled quotes; one line break at the very end
 * belongs to no row.
 * @returns {string[][]}
 */
export function parse(text) {
  const source = text.replace(/\r\n?/g, "\n").replace(/\n$/, "");
  const rows = [[]];
  for (let at = 0; ;) {
    const quoted = source[at] === '"' ? quotedAt(source, at) : null;
    const end = quoted ? quoted.end : endOf(source, at);
    rows[rows.length - 1].push(quoted ? quoted.text : source.slice(at, end));
    if (end >= source.length) return rows;
    if (source[end] === "\n") rows.push([]);
    at = end + 1;
  }
}

/** A quoted cell that begins here, or null when the quote is part of the text. */
function quotedAt(source, from) {
  for (let at = from + 1; at < source.length; at += 1) {
    if (source[at] !== '"') continue;
    if (source[at + 1] === '"') at += 1;
    else if (at + 1 === source.length || source[at + 1] === "\t" || source[at + 1] === "\n") {
      return { text: source.slice(from + 1, at).replaceAll('""', '"'), end: at + 1 };
    } else return null;
  }
  return null;
}

function endOf(source, from) {
  const tab = source.indexOf("\t", from);
  const line = source.indexOf("\n", from);
  return Math.min(tab < 0 ? source.length : tab, line < 0 ? source.length : line);
}

/** @param {string[][]} rows */
export const format = (rows) => rows.map((cells) => cells.map(quote).join("\t")).join("\n");

const quote = (text) => (/[\t\n\r]|^"/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** A stored value as text that pastes back as the same value. */
export function asClip({ type }, value) {
  if (value === null || value === undefined) return "";
  if (type === "multi_select" && Array.isArray(value)) return value.join(", ");
  return typeof value === "string" && type !== "json" ? value : JSON.stringify(value);
}

/**
 * Where a block goes: from the selection's first cell on, repeated over a selection that is a multiple of it.
 * @param {string[][]} block
 * @param {import("./select.js").Range} range that is selected
 * @param {{rows: number, cols: number}} bounds
 * @returns {{row: number, col: number, rows: number, cols: number, beyond: number, lost: number}} `rows` and `cols`
 *   that are written, of these rows `beyond` the table's end; `lost` columns of the block find no place
 */
export function placing(block, { from, to }, bounds) {
  const tall = block.length;
  const wide = Math.max(...block.map((cells) => cells.length));
  const col = Math.max(1, from.col);
  const repeated = (chosen, size) => (chosen % size === 0 && (size === 1 || chosen <= MOST_REPEATED) ? chosen : size);
  const rows = repeated(to.row - from.row + 1, tall);
  const cols = repeated(to.col - col + 1, wide);
  const room = bounds.cols - col;
  return {
    row: from.row,
    col,
    rows,
    cols: Math.min(cols, room),
    beyond: Math.max(0, from.row + rows - bounds.rows),
    lost: Math.max(0, cols - room),
  };
}
