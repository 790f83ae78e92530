// @ts-check
/**
 * Undo and redo: a deed is done back, or again, where its rows still are as it left them. What others have done since
 * stays, and so does what a run has made; that is said.
 */
import { api } from "../api.js";
import { report, toast } from "../ui/toast.js";
import { add, planOf } from "./adding.js";
import { leftWords } from "./undo.js";
import { isSame } from "./values.js";

/** Of rows that were written to since they were added so many are looked at, one by one. */
const FEW = 50;

/**
 * Undo or redo the last deed. Answers it, or undefined when there was none or nothing of it could be turned.
 * @param {any} writer @param {boolean} isUndo
 */
export async function turn(writer, isUndo) {
  const { history } = writer;
  const deed = history.take(isUndo);
  if (!deed || deed.refusal) return deed;
  /** @type {import("./undo.js").Step[]} */
  const turned = [];
  const said = [];
  const turning = turnSteps(writer, deed, isUndo, deed.ready, { turned, said });
  deed.ready = turning.catch(() => {});
  history.put(deed, isUndo);
  writer.changed();
  try {
    await turning;
  } catch (error) {
    const rest = deed.steps.filter((step) => step.rows.length);
    if (!error.status && rest.length) history.put({ words: deed.words, steps: rest }, !isUndo); // it was not reached
    report(error, `${isUndo ? "undo" : "redo"}: ${deed.words}`);
  }
  deed.steps = turned;
  if (!turned.length) history.drop(deed);
  writer.changed();
  if (said.length) toast(said.join(" "));
  return turned.length ? deed : undefined;
}

async function turnSteps(writer, deed, isUndo, ready, done) {
  await ready;
  for (const step of isUndo ? [...deed.steps].reverse() : [...deed.steps]) {
    if (isUndo && step.kind === "write") step.rows = step.rows.filter((row) => row.was);
    const of = step.rows.length;
    /** @type {import("./undo.js").Outcome} */
    const outcome = { turned: [], left: [] };
    try {
      await actOf(step, isUndo)(writer, step, isUndo, outcome);
    } finally {
      const rows = take(step, outcome.turned);
      take(step, outcome.left);
      if (rows.length) done.turned[isUndo ? "unshift" : "push"]({ ...step, rows });
      if (outcome.left.length) done.said.push(leftWords(outcome.left.length, of, outcome.verb));
    }
  }
}

const actOf = ({ kind }, isUndo) => (kind === "write" ? writeBack : isUndo ? takeAway : addAgain);

/** Rows of a step that belong to it no more. */
function take(step, ids) {
  const gone = new Set(ids);
  const rows = step.rows.filter((row) => gone.has(row.id));
  step.rows = step.rows.filter((row) => !gone.has(row.id));
  return rows;
}

function writeBack(writer, { rows }, isUndo, outcome) {
  const turns = rows.map(({ id, data, was }) =>
    isUndo ? { id, data: was, expected: data } : { id, data, expected: was },
  );
  return writer.send(turns, outcome);
}

async function addAgain(writer, step, _isUndo, outcome) {
  const fresh = step.rows.map((row) => row.data);
  const plan = planOf(fresh, step.place);
  try {
    await add(writer, plan);
  } finally {
    writer.history.rename(new Map(plan.made.map(({ id }, at) => [step.rows[at].id, id])));
    for (const [at, { id, data }] of plan.made.entries()) Object.assign(step.rows[at], { id, made: data });
    outcome.turned.push(...plan.made.map(({ id }) => id));
  }
}

async function takeAway(writer, { rows }, _isUndo, outcome) {
  outcome.verb = "kept";
  const ids = rows.map((row) => row.id);
  await writer.drop(ids, { outcome });
  const few = rows.filter((row) => outcome.left.includes(row.id)).slice(0, FEW);
  const looks = await Promise.all(few.map((row) => isAsMade(writer, row)));
  const same = few.filter((_, at) => looks[at]).map((row) => row.id);
  if (!same.length) return;
  await writer.drop(same);
  outcome.left = outcome.left.filter((id) => !same.includes(id));
  outcome.turned.push(...same);
}

/** Whether a row holds again what it was made with, and nothing ran on it: what was typed there was undone. */
async function isAsMade(writer, { id, made }) {
  const { data, cells } = await api("GET", `${writer.path}${id}/`);
  return isSame(data, made) && !Object.values(cells).some((cell) => cell.version);
}
