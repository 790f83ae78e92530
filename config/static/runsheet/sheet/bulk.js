// @ts-check
/** Many rows at once: given values, or deleted. While they are few they are written, else it is a job of the server. */
import { Problem, api } from "../api.js";
import { count, plural } from "../format.js";
import { confirm } from "../ui/confirm.js";
import { report, toast } from "../ui/toast.js";
import { attempt } from "./attempt.js";
import { NAMED, currentRowsOf, isRange, scopesOf } from "./scopes.js";
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
    /** @type {import("./undo.js").Step[]} */
    const done = [];
    try {
      if (rows > NAMED && parts.every((part) => part.isUniform) && !grid.query.q) {
        await assignByJob(grid, parts, rows, { words, done });
        return done;
      }
      const found = await changesOf(grid, parts);
      const step = found.length && (await grid.writer.write(found, { words, undo: false }));
      return step ? [step] : [];
    } catch (error) {
      report(error, words);
      return done;
    }
  });
}

/** What each row is to hold and holds, for `writer.write`. */
async function changesOf(grid, parts) {
  const found = new Map();
  for (const part of parts) {
    (await currentRowsOf(grid, [part])).forEach((row, n) => {
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

/** `done` takes the steps that can be undone, whatever becomes of the rest. */
async function assignByJob(grid, parts, rows, { words, done }) {
  const many = manyOf(grid, rows);
  const calls = [];
  for (const part of parts)
    for (const scope of await scopesMeant(grid, [wholeOf(grid, part)], part.to - part.from + 1))
      calls.push({ scope, data: part.data(0) });
  const agreed = await confirm({
    title: `${upper(words)} on ${many}?`,
    text: `${many} are changed, one batch after the other. So many cannot be undone.`,
    yes: `Change ${many}`,
  });
  if (!agreed) return;
  toast(`${many} are being changed…`);
  let refused = 0;
  for (const { scope, data } of calls) {
    if (isNamed(scope)) {
      const changes = scope.rows.map((row) => ({ row, data }));
      const step = await grid.writer.write(changes, { words, undo: false });
      if (!step) return; // which has been told
      done.push(step);
    } else {
      const job = await begin(grid, "PATCH", { ...scope, data });
      grid.writer.seal(`${upper(words)} on ${many}: so many cannot be undone.`);
      refused += await ended(job);
    }
  }
  if (refused) toast(`${count(refused)} of ${many} could not be changed.`, { kind: "error" });
  else toast(`${upper(words)}: ${many} done.`);
}

/** Delete the rows of spans, asking first: those that are shown there now, wherever they stand after the answer. */
export async function deleteRows(grid, spans) {
  const rows = countOf(spans);
  const many = manyOf(grid, rows);
  const who = rows === 1 ? "It goes" : "They go";
  let isDone = false;
  await attempt(`delete ${many}`, async () => {
    const scopes = await scopesMeant(grid, spans, rows);
    const agreed = await confirm({
      title: `Delete ${many}?`,
      text: `${who} with all values and runs; what runs there is stopped. This cannot be undone.`,
      yes: `Delete ${many}`,
    });
    if (!agreed) return;
    if (rows > NAMED) toast(`${many} are being deleted…`);
    let refused = 0;
    for (const scope of scopes) {
      if (!isNamed(scope)) refused += await ended(await begin(grid, "DELETE", scope));
      else if (!(await grid.writer.remove(scope.rows))) return; // which has been told
    }
    if (refused) toast(`${count(refused)} of ${many} could not be deleted.`, { kind: "error" });
    else if (rows > NAMED) toast(`Deleted ${many}.`);
    isDone = true;
  });
  return isDone;
}

/** How these rows are named, for what cannot be undone: not as a range of a list that is another by now. */
async function scopesMeant(grid, spans, rows) {
  const scopes = await scopesOf(grid, spans, rows);
  if (!grid.hasMoved || !scopes.some(isRange)) return scopes;
  throw new Problem(409, {
    code: "rows_moved",
    detail: "Rows may have moved since this list was read: refresh it first, and look at what is selected.",
  });
}

const isNamed = (scope) => Array.isArray(scope.rows);

/** Rows of a part, which go to the end of the list when its column is selected. */
const wholeOf = ({ selection, bounds }, { from, to }) => ({
  from,
  to,
  isWhole: selection.isEverything && from === 0 && to >= bounds.rows - 1,
});

const manyOf = ({ store }, rows) =>
  `${store.isEstimate && rows >= store.total ? "about " : ""}${plural(rows, "row")}`;

const begin = (grid, method, body) => grid.writer.hold(api(method, `${grid.session.path}rows/`, { body }));

/** Wait for the end of a job. Answers how many rows it had to leave out, throws what it failed with. */
async function ended(job) {
  while (WORKING.has(job.status)) {
    await new Promise((resolve) => {
      setTimeout(resolve, LOOK_EVERY_MS);
    });
    job = await api("GET", `jobs/${job.id}/`);
  }
  if (job.status !== "completed")
    throw new Problem(0, { detail: job.error?.message || "The job was stopped before its end." });
  return job.progress.rows_rejected || 0;
}

const spanOf = ({ from, to }) => ({ from: { row: from, col: 0 }, to: { row: to, col: 0 } });
const upper = (words) => words[0].toUpperCase() + words.slice(1);
