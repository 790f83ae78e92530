// @ts-check
/** Run and stop, as every menu and button calls them: painted at once, corrected by the server's answer. */
import { api, intent } from "../api.js";
import { plural } from "../format.js";
import { cellsOf, countWords } from "../run/foresee.js";
import { confirm } from "../ui/confirm.js";
import { toast } from "../ui/toast.js";
import { skippedWords } from "../words.js";
import { attempt } from "./attempt.js";
import { INFLIGHT } from "./cell.js";

/**
 * @typedef {{groups: string[], mode: string, rows?: any, filter?: any, exclude_rows?: string[], limit?: number,
 *   expected?: number}} Wish what to run: `rows` are ids or a range, as the API takes them; `expected`: how many
 */

const WISH = ["groups", "mode", "rows", "filter", "exclude_rows", "limit", "expected"];
const isNothing = (part, value) => value === null || (part === "filter" && !Object.keys(value).length);
const bodyOf = (wish) =>
  Object.fromEntries(WISH.map((part) => [part, wish[part] ?? null]).filter(([part, value]) => !isNothing(part, value)));

/** What is shown of a dispatch until the server has answered. */
const PROVISIONAL = { status: "pending", is_manual: true, provisional: true, cursor: null, progress: null };

/**
 * Start a dispatch. While the server thinks, its cells already show Queued.
 * @param {import("../session.js").Session} session
 * @param {Wish} wish
 */
export async function run(session, wish) {
  const id = crypto.randomUUID();
  const { groups, mode, limit = null, expected, ...scope } = bodyOf(wish);
  const requested_at = new Date().toISOString();
  session.dispatches.set(id, { id, groups, mode, limit, scope, requested_at, ...PROVISIONAL });
  session.say("dispatches");
  await attempt("run this", async () => {
    const answer = await api("POST", `${session.path}dispatches/`, { body: bodyOf(wish), key: id });
    session.dispatches.delete(id);
    if (answer.id) session.takeDispatch(answer);
    else toast(nothingToRun(answer.skipped));
  });
  session.dispatches.delete(id);
  session.say("dispatches");
}

/** What a run would do, by the server's count: `{rows, groups: {id: {run, skipped}}, exact, estimated_cost…}`. */
export function plan(session, wish, signal) {
  return api("POST", `${session.path}dispatches/`, { body: { ...bodyOf(wish), dry_run: true }, signal });
}

/**
 * Run again what failed of a dispatch and that nobody has run since; asks first when that is more than was shown as
 * failed. Answers whether it is under way.
 */
export async function retryFailed(session, { id, progress }) {
  const path = `dispatches/${id}/retry-failed/`;
  let isUnderWay = false;
  await attempt("retry what failed", async () => {
    const planned = await api("POST", path, { body: { dry_run: true } });
    if (cellsOf(planned) > progress.failed && !(await isAgreed(planned, progress.failed))) return;
    const answer = await api("POST", path, { body: {}, key: intent() });
    isUnderWay = Boolean(answer.id);
    if (isUnderWay) session.takeDispatch(answer);
    else toast("Nothing of it is left to retry: it has been run again since, or is gone.");
  });
  return isUnderWay;
}

function isAgreed(planned, failed) {
  const words = countWords(planned);
  const text = `${plural(failed, "cell")} failed; with what follows from them ${words} run.`;
  return confirm({ title: "Retry what failed?", text, yes: `Run ${words.split(" · ")[0]}` });
}

/** Let a run that stopped itself go on where it stood. */
export const goOn = (session, { id }) =>
  attempt("let this run go on", async () => {
    session.takeDispatch(await api("POST", `dispatches/${id}/go-on/`, { body: {} }));
  });

/** Stop one dispatch. It ends on screen at once: its cells in flight show Cancelled, none is coming any more. */
export function stopDispatch(session, store, dispatch) {
  session.dispatches.set(dispatch.id, { ...dispatch, status: "cancelled", optimistic: true });
  session.say("dispatches");
  store?.foretell((row) => cancelled(row, (cell) => cell.dispatch === dispatch.id));
  return stopping(session, `dispatches/${dispatch.id}/cancel/`);
}

/** Stop what runs on a row, in some groups or all. */
export function stopRow(session, store, rowId, groups) {
  return stopRows(session, store, { rows: [rowId] }, groups, (row) => row.id === rowId);
}

/** Stop what runs on rows, named as `scopesOf` does; `isMeant` tells which of those here they are. */
export function stopRows(session, store, scope, groups, isMeant) {
  store.foretell((row) => (isMeant(row) ? cancelled(row, (cell, group) => !groups || groups.includes(group)) : null));
  return stopping(session, `${session.path}cancel/`, { ...scope, ...(groups && { groups }) });
}

/** Stop workflow groups on all rows, what is still to come of them too. */
export function stopGroups(session, store, groups) {
  store.foretell((row) => cancelled(row, (cell, group) => groups.includes(group)));
  return stopping(session, `${session.path}cancel/`, { groups });
}

/** Stop one cell: that very attempt if it has begun, else whatever waits there. */
export function stopCell(session, store, rowId, groupId, executionId) {
  if (!executionId) return stopRow(session, store, rowId, [groupId]);
  store.foretell((row) => (row.id === rowId ? cancelled(row, (cell, group) => group === groupId) : null));
  const cell = { row: rowId, group: groupId, execution_id: executionId };
  return stopping(session, `${session.path}cancel/`, { cell });
}

/** Take a failed cell's run up again at its first unfinished block. */
export const resumeCell = (session, rowId, groupId) =>
  foretold(session, "resume this", `${session.path}rows/${rowId}/cells/${groupId}/resume/`, {});

const stopping = (session, path, body) => foretold(session, "stop this", path, body);

/** Ask the server for what is shown already; when it refuses, read what is the case. */
async function foretold(session, doing, path, body) {
  if (!(await attempt(doing, () => api("POST", path, { body })))) session.resync();
}

/** The cells of a row as they look once stopped, or null if none is in flight. */
function cancelled(row, isMeant) {
  const found = Object.entries(row.cells).filter(([group, cell]) => INFLIGHT.has(cell.status) && isMeant(cell, group));
  if (!found.length) return null;
  return Object.fromEntries(found.map(([group, cell]) => [group, { ...cell, status: "cancelled", optimistic: true }]));
}

function nothingToRun(skipped) {
  const cells = Object.values(skipped || {}).reduce((sum, n) => sum + n, 0);
  const why = skippedWords(skipped || {});
  return why ? `Nothing to run: of ${plural(cells, "cell")} ${why}.` : "Nothing to run.";
}
