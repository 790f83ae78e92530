// @ts-check
/** Copy, cut and paste of what is selected, to and from spreadsheets. */
import { count, plural } from "../format.js";
import { toast } from "../ui/toast.js";
import { carryOut, insertStep, planOf } from "./adding.js";
import { ask } from "./ask.js";
import { attempt } from "./attempt.js";
import { assign } from "./bulk.js";
import { asClip, format, parse, placing } from "./clipboard.js";
import { fromText } from "./edit/kinds.js";
import { clear, clearRows } from "./fill.js";
import { NAMED, currentRowsOf } from "./scopes.js";

const MOST_COPIED = 50_000;
/** Beyond so many rows it is said that copying takes a while. */
const SAID_BEYOND = 10_000;

/** Part of the grid. */
export function attachCopying(grid) {
  /** Text to put on the clipboard in place of the selection: it had to be fetched. @type {string|null} */
  let fetched = null;
  const on = (type, act) =>
    grid.addEventListener(type, (event) => {
      if (event.target !== grid.scroller) return; // text that is being typed
      event.preventDefault();
      act(event.clipboardData);
    });
  const chosen = () => {
    const { ranges, count: rows } = grid.selection;
    const held = ranges.map((range) => heldRows(grid, range));
    return { ranges, rows, held: held.every(Boolean) ? held : null };
  };
  const fetchAndCopy = ({ ranges, rows }, done) =>
    attempt(`copy ${plural(rows, "row")}`, async () => {
      if (rows > SAID_BEYOND) toast(`Copying ${plural(rows, "row")}: they are being fetched…`);
      const spans = ranges.map(({ from, to }) => [{ from: from.row, to: to.row }]);
      const all = await Promise.all(spans.map((each) => currentRowsOf(grid, each)));
      const text = textOf(grid, ranges, all);
      const put = () => {
        grid.takeFocus();
        fetched = text;
        const isDone = document.execCommand("copy"); // asks for a copy event once more
        fetched = null;
        if (isDone) done?.(all);
        return isDone;
      };
      if (put()) toast(`Copied ${plural(rows, "row")}.`);
      else toast(`${plural(rows, "row")} are here.`, { kind: "error", action: { label: "Copy them", run: put } });
    });
  on("copy", (clipboard) => {
    if (fetched !== null) return clipboard.setData("text/plain", fetched);
    const what = chosen();
    if (what.rows > MOST_COPIED) return tooMany(what.rows, "copy", MOST_COPIED, "Export the table instead.");
    if (what.held) return what.rows && clipboard.setData("text/plain", textOf(grid, what.ranges, what.held));
    return fetchAndCopy(what);
  });
  if (!grid.mayRun) return;
  on("cut", (clipboard) => {
    const what = chosen();
    const most = what.held ? MOST_COPIED : NAMED;
    if (!what.rows || !grid.mayEdit()) return undefined;
    if (what.rows > most) return tooMany(what.rows, "cut", most, "Copy them, then clear them.");
    const clearThese = (rowsOfEach) => clearRows(grid, what.ranges, rowsOfEach);
    if (!what.held) return fetchAndCopy(what, clearThese);
    clipboard.setData("text/plain", textOf(grid, what.ranges, what.held));
    return what.rows > NAMED ? clear(grid) : clearThese(what.held);
  });
  on("paste", (clipboard) => {
    const text = clipboard.getData("text/plain");
    const range = grid.selection.ranges.at(-1);
    if (text && range && grid.mayEdit()) paste(grid, parse(text), range);
  });
}

function tooMany(rows, verb, most, instead) {
  toast(`${plural(rows, "row")} are too many to ${verb}: at most ${count(most)}. ${instead}`, { kind: "error" });
}

/** The rows of a range, or null when one is not on this page or may be old. */
function heldRows(grid, { from, to }) {
  const rows = [];
  for (let row = from.row; row <= to.row; row += 1) {
    const found = grid.store.row(row);
    if (!found || grid.store.isStale(row)) return null;
    rows.push(found);
  }
  return rows;
}

function textOf(grid, ranges, rowsOfEach) {
  return format(
    ranges.flatMap((range, place) => {
      const columns = grid.selection.columns(range);
      return rowsOfEach[place].map((row) => columns.map((column) => asClip(column, row.data[column.key])));
    }),
  );
}

async function paste(grid, block, range) {
  const at = placing(block, range, grid.bounds);
  const columns = grid.schema.columns.slice(at.col - 1, at.col - 1 + at.cols);
  const wide = Math.max(...block.map((cells) => cells.length));
  const data = (n) => {
    const cells = columns.map((column, place) => ({ column, text: block[n % block.length][place % wide] }));
    const given = cells.filter(({ text }) => text !== undefined);
    return Object.fromEntries(given.map(({ column, text }) => [column.key, meant(column, text)]));
  };
  const added = at.beyond ? await askToAdd(at) : 0;
  if (added === undefined) return;
  const kept = at.rows - at.beyond;
  const words = at.rows * at.cols === 1 ? "paste a value" : `paste ${plural(kept + added, "row")}`;
  if (kept + added > MOST_COPIED) return tooMany(at.rows, "paste", MOST_COPIED, "Import a file instead.");
  grid.selection.set(
    { row: at.row, col: at.col },
    { head: { row: at.row + kept + added - 1, col: at.col + at.cols - 1 } },
  );
  const were = at.lost === 1 ? "was" : "were";
  if (at.lost) toast(`${plural(at.lost, "column")} of what was pasted did not fit and ${were} left out.`);
  const fresh = Array.from({ length: added }, (_, n) => data(kept + n));
  const part = { from: at.row, to: at.row + kept - 1, data, isUniform: block.length === 1 };
  await putRows(grid, planOf(fresh), kept ? [part] : [], words);
}

/** Add rows by a plan, then write to others; an addition that stopped goes on with what is left of both. */
function putRows(grid, plan, parts, words) {
  return grid.writer.remember(words, async () => {
    const from = plan.made.length;
    let written = false;
    const again = () => putRows(grid, plan, written ? [] : parts, words);
    const isWhole = plan.made.length === plan.rows.length;
    const made = isWhole ? [] : await carryOut(grid.writer, plan, { undo: false, words, again });
    if (!made) return [];
    written = true;
    const steps = parts.length ? await assign(grid, parts, { words, undo: false }) : [];
    return [...(made.length ? [insertStep(made, plan.rows.slice(from))] : []), ...steps];
  });
}

/** What a pasted text means in a column; what is no JSON is text, and the server judges all others. */
function meant(column, text) {
  const { value, fault } = fromText(column, text);
  return fault ? text : value;
}

/** How many rows to add for what goes past the end; undefined to paste nothing. */
function askToAdd({ rows, beyond }) {
  const more = plural(beyond, "row");
  const what = `${plural(rows, "row")} are pasted, and the list ends ${more} earlier.`;
  /** @type {[string, number, string?][]} */
  const answers = [[`Add ${more}`, beyond, "primary"]];
  if (rows > beyond) answers.unshift([`Paste ${plural(rows - beyond, "row")} only`, 0]);
  return ask(`Add ${more}?`, `${what} New rows go to the end of the table.`, answers);
}
