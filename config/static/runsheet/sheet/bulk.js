// @ts-check
/** Many rows at once: given values, or deleted. While they are few they are written, else it is a job of the server. */
import { api } from "../api.js";
import { count, plural } from "../format.js";
import { confirm } from "../ui/confirm.js";
import { report, toast } from "../ui/toast.js";
import { attempt } from "./attempt.js";
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
 * Give values to rows, loaded or not. Many that get the same are given it by a job, which is asked about once and
 * cannot be undone. Answers the steps that were done.
 * @param {Part[]} parts
 * @param {{words: string, undo?: boolean}} options `words` complete "Could not …" and "Undo: …"
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
  const many = plural(rows, "row");
  const agreed = await confirm({
    title: `${upper(words)} on ${many}?`,
    text: `${many} are changed, one batch after the other. So many cannot be undone.`,
    yes: `Change ${many}`,
  });
  if (!agreed) return [];
  grid.writer.seal(`${upper(words)} on ${many}: so many cannot be undone.`);
  toast(`${many} are being changed…`);
  for (const part of parts) {
    const data = part.data(0);
    const write = (ids) => {
      const changes = ids.map((row) => ({ row, data }));
      return grid.writer.write(changes, { words, undo: false });
    };
    for (const scope of await scopesOf(grid, [part], part.to - part.from + 1))
      await (Array.isArray(scope) ? write(scope) : work(grid, "PATCH", { rows: scope, data }));
  }
  toast(`${upper(words)}: ${many} done.`);
  return [];
}

/** Delete the rows of spans, asking first. Answers whether it did. */
export async function deleteRows(grid, spans) {
  const rows = countOf(spans);
  const many = plural(rows, "row");
  const who = rows === 1 ? "It goes" : "They go";
  const agreed = await confirm({
    title: `Delete ${many}?`,
    text: `${who} with all values and runs; what runs there is stopped. This cannot be undone.`,
    yes: `Delete ${many}`,
  });
  if (!agreed) return false;
  return attempt(`delete ${many}`, async () => {
    if (rows > NAMED) toast(`${many} are being deleted…`);
    for (const scope of await scopesOf(grid, spans, rows))
      await (Array.isArray(scope) ? grid.writer.remove(scope) : work(grid, "DELETE", { rows: scope }));
    if (rows > NAMED) toast(`Deleted ${many}.`);
  });
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
