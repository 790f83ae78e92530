// @ts-check
/**
 * Rows are inserted by a plan, in calls of a thousand, each under a key of its own: a plan that stopped half-way goes
 * on from there, and a call whose answer was lost makes nothing twice.
 *
 * @typedef {{rows: any[], place: {before?: string, after?: string}, made: any[], keys: string[]}} Plan `rows` are their
 *   data, `made` what the server answered so far
 */
import { api, intent, linesOf } from "../api.js";
import { count, plural } from "../format.js";
import { toast } from "../ui/toast.js";
import { BATCH } from "./batches.js";

/** @returns {Plan} */
export const planOf = (rows, place = {}) => ({ rows, place, made: [], keys: [] });

/** Insert what is not there yet of a plan. @param {any} writer @param {Plan} plan */
export function add(writer, plan) {
  return writer.after(async () => {
    for (let from = plan.made.length; from < plan.rows.length; from = plan.made.length) {
      const rows = plan.rows.slice(from, from + BATCH).map((data) => ({ data }));
      const key = (plan.keys[from / BATCH] ||= intent());
      const answer = await api("POST", writer.path, { body: { rows, ...placeOf(plan) }, key });
      plan.made.push(...answer.rows);
    }
  });
}

/**
 * The same, remembered; says how far it came when it stopped, and offers to do it `again`. Answers what it made now, or
 * null when that is nothing.
 * @param {any} writer @param {Plan} plan
 * @param {{undo?: boolean, words: string, again?: () => void}} options
 */
export async function carryOut(writer, plan, options) {
  const { undo = true, words, again = () => carryOut(writer, plan, options) } = options;
  const from = plan.made.length;
  const place = placeOf(plan);
  await writer.remember(undo && words, async () => {
    try {
      await add(writer, plan);
    } catch (error) {
      stopped(plan, error, words, again);
    }
    const made = plan.made.slice(from);
    return made.length ? [insertStep(made, plan.rows.slice(from), place)] : [];
  });
  return plan.made.length > from ? plan.made.slice(from) : null;
}

/** The step of an insertion. @returns {import("./undo.js").Step} */
export const insertStep = (made, rows, place = {}) => ({
  kind: "insert",
  place,
  rows: made.map((row, at) => ({ id: row.id, data: rows[at], made: row.data })),
});

/** Where the next rows of a plan go. @param {Plan} plan */
const placeOf = ({ place, made }) => (place.after && made.length ? { after: made.at(-1).id } : place);

function stopped({ rows, made }, error, words, again) {
  const done = made.length ? ` ${count(made.length)} of ${plural(rows.length, "row")} added.` : "";
  const isWorthwhile = made.length || !error.status; // what was refused whole would be so again
  const action = isWorthwhile ? { label: made.length ? "Add the others" : "Try again", run: again } : undefined;
  toast(`Could not ${words}.${done} ${linesOf(error).join(" ")}`, { kind: "error", action });
}
