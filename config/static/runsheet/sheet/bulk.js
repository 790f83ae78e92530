// @ts-check
/** Many rows at once: values given to a selection and rows deleted, written while they are few, else a job of the server. */
import { api } from "../api.js";
import { count, plural } from "../format.js";
import { confirm } from "../ui/confirm.js";
import { report, toast } from "../ui/toast.js";
import { NAMED, rowsOf, scopesOf } from "./scopes.js";
import { countOf, rowSpans } from "./select.js";

const LOOK_EVERY_MS = 700;
const WORKING = new Set(["queued", "running"]);

/**
 * Rows from…to (ordinals) and what they are to hold: `data(n)` of the nth of them, by column key.
 * @typedef {{from: number, to: number, data: (n: number) => Object<string, any>, isUniform?: boolean}} Part
 *   `isUniform`: all of them the same
 */

/**
 * Give values to rows, loaded or not. Many that get the same are given it by a job, which is asked about once and cannot be
 * undone. Answers the steps that were done.
 * @param {Part[]} parts
 * @param {{words: string, undo?: boolean}} options `words` complete "Could not …", "Undo: …" and "… on 12,000 rows"
 */
export function assign(grid, parts, { words, undo = true }) {
  return grid.writer.remember(undo && words, async () => {
    const rows = countOf(rowSpans(parts.map(spanOf)));
    try {
      if (rows > NAMED && parts.every((part) => part.isUniform) && !grid.query.q)
        return await assignByJob(grid, parts, rows, words);
      const found = await changesOf(grid, parts);
      const step = found.length && (await grid.writer.write(found, { words, undo: false }));
      return step ? [step] : [];
    } catch (error) {
      report(error, words);
      return [];
    }
  });
}

/** What each row is to hold and holds, for `writer.write`. */
async function changesOf(grid, parts) {
  const found = new Map();
  for (const part of parts) {
    (await rowsOf(grid, [part])).forEach((row, n) => {
      const known = found.get(row.id) || { row: row.id, data: {}, was: {} };
      for (const [key, value] of Object.entries(part.data(n))) {
        known.data[key] = value;
        known.was[key] ??= row.data[key] ?? null;
      }
      found.set(row.id, known);
    });
  }
  return [...found.values()];
}

async function assignByJob(grid, parts, rows, words) {
  const agreed = await confirm({
    title: `${upper(words)} on ${plural(rows, "row")}?`,
    text: `${plural(rows, "row")} are changed, one batch after the other. So many cannot be undone.`,
    yes: `Change ${plural(rows, "row")}`,
  });
  if (!agreed) return [];
  grid.writer.seal(`${upper(words)} on ${plural(rows, "row")}: so many cannot be undone.`);
  toast(`${plural(rows, "row")} are being changed…`);
  for (const part of parts) {
    const data = part.data(0);
    await overScopes(grid, [part], part.to - part.from + 1, (scope) =>
      Array.isArray(scope)
        ? grid.writer.write(
            scope.map((row) => ({ row, data })),
            { words, undo: false },
          )
        : work(grid, "PATCH", { rows: scope, data }),
    );
  }
  toast(`${upper(words)}: ${plural(rows, "row")} done.`);
  return [];
}

/** Delete the rows of spans, asking first. Answers whether it did. */
export async function deleteRows(grid, spans) {
  const rows = countOf(spans);
  const words = `delete ${plural(rows, "row")}`;
  const agreed = await confirm({
    title: `${upper(words)}?`,
    text: `${rows === 1 ? "It goes" : "They go"} with all values and runs; what runs there is stopped. This cannot be undone.`,
    yes: upper(words),
  });
  if (!agreed) return false;
  try {
    if (rows > NAMED) toast(`${plural(rows, "row")} are being deleted…`);
    await overScopes(grid, spans, rows, (scope) =>
      Array.isArray(scope) ? grid.writer.remove(scope) : work(grid, "DELETE", { rows: scope }),
    );
    if (rows > NAMED) toast(`Deleted ${plural(rows, "row")}.`);
    return true;
  } catch (error) {
    report(error, words);
    return false;
  }
}

async function overScopes(grid, spans, rows, act) {
  for (const scope of await scopesOf(grid, spans, rows)) await act(scope);
}

/** Have a job done to its end. Throws what it failed with. */
async function work(grid, method, body) {
  let job = await api(method, `${grid.session.path}rows/`, { body });
  while (WORKING.has(job.status)) {
    await new Promise((resolve) => {
      setTimeout(resolve, LOOK_EVERY_MS);
    });
    job = await api("GET", `jobs/${job.id}/`);
  }
  const { rows_rejected: refused } = job.progress;
  if (refused) toast(`${count(refused)} of the rows could not be changed.`, { kind: "error" });
  if (job.status !== "completed") toast(job.error?.message || "The job was stopped before its end.", { kind: "error" });
}

const spanOf = ({ from, to }) => ({ from: { row: from, col: 0 }, to: { row: to, col: 0 } });
const upper = (words) => words[0].toUpperCase() + words.slice(1);
