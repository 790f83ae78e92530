// @ts-check
/** What the server refused of a write, in words about the rows as they are listed; and the way to write the others. */
import { Problem } from "../api.js";
import { plural } from "../format.js";
import { report, toast } from "../ui/toast.js";

/**
 * @param {any} grid
 * @param {any} error with the rows `sent` before it
 * @param {{id: string, data: any, was?: any}[]} rows of the write
 * @param {string} words complete "Could not …"
 */
export function tell(grid, error, rows, words) {
  const left = rows.slice(error.sent.length);
  const bad = Object.entries(error instanceof Problem ? error.errors : {}).map(([place, said]) => {
    const [, number, key] = /^rows\[(\d+)\]\.(.+)$/.exec(place) || [];
    return { row: left[Number(number)], key, said: [].concat(said).join(" ") };
  });
  const done = error.sent.length ? `The first ${plural(error.sent.length, "row")} are written. ` : "";
  if (!bad.length || bad.some(({ row, key }) => !row || !(key in row.data))) return report(error, words);
  const [{ row, key, said }] = bad;
  const column = grid.schema.columns.find((each) => each.key === key);
  const ordinal = grid.store.index.get(row.id);
  const where = `${column ? column.name : key}${ordinal === undefined ? "" : `, row ${ordinal + 1}`}`;
  const more =
    bad.length > 1 ? ` ${plural(bad.length - 1, "more cell")} ${bad.length === 2 ? "does" : "do"} not fit either.` : "";
  for (const each of bad) each.row.data = without(each.row.data, each.key);
  const others = left
    .filter((each) => Object.keys(each.data).length)
    .map(({ id, data, was }) => ({ row: id, data, was }));
  const write = () => {
    grid.takeFocus();
    grid.writer.write(others, { words });
  };
  const action = others.length ? { label: "Write the others", run: write } : undefined;
  toast(`Could not ${words}. ${done}${where}: ${said}${more}`, { kind: "error", action });
}

function without(data, key) {
  const { [key]: gone, ...others } = data;
  return others;
}
