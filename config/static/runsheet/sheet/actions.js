// @ts-check
/** Run and stop, as every menu and button calls them: painted at once, corrected by the server's answer. */
import { api } from "../api.js";
import { plural } from "../format.js";
import { report, toast } from "../ui/toast.js";
import { skippedWords } from "../words.js";
import { INFLIGHT } from "./cell.js";

/**
 * @typedef {{groups: string[], mode: string, rows?: any, filter?: any, exclude_rows?: string[], limit?: number}} Wish
 * what to run: `rows` are ids or a range, as the API takes them
 */

const WISH = ["groups", "mode", "rows", "filter", "exclude_rows", "limit"];
const bodyOf = (wish) =>
  Object.fromEntries(
    WISH.filter((part) => wish[part] !== undefined && wish[part] !== null).map((part) => [part, wish[part]]),
  );

/**
 * Start a dispatch. While the server thinks, its cells already show Queued.
 * @param {import("../session.js").Session} session
 * @param {Wish} wish
 */
export async function run(session, wish) {
  const id = crypto.randomUUID();
  const { groups, mode, limit = null, ...scope } = bodyOf(wish);
  session.dispatches.set(id, {
    id,
    groups,
    mode,
    limit,
    scope,
    status: "pending",
    is_manual: true,
    provisional: true,
    cursor: null,
    requested_at: new Date().toISOString(),
    progress: null,
  });
  session.say("dispatches");
  try {
    const answer = await api("POST", `${session.path}dispatches/`, { body: bodyOf(wish), key: id });
    session.dispatches.delete(id);
    if (answer.id) session.takeDispatch(answer);
    else toast(nothingToRun(answer.skipped));
  } catch (error) {
    report(error, "run this");
  } finally {
    session.dispatches.delete(id);
    session.say("dispatches");
  }
}

/** What a run would do, by the server's count: `{rows, groups: {id: {run, skipped}}, carried_on, exact, estimated_cost}`. */
export function plan(session, wish, signal) {
  return api("POST", `${session.path}dispatches/`, { body: { ...bodyOf(wish), dry_run: true }, signal });
}

/** Run again what failed of a dispatch, on the rows it was asked for. */
export function retryFailed(session, { groups, scope }) {
  const { rows, ...others } = scope || {};
  return run(session, { groups, mode: "failed", ...others, rows: rows && "seq_from" in rows ? null : rows });
}

/** Stop one dispatch. It ends on screen at once: its cells in flight show Cancelled, none is coming any more. */
export function stopDispatch(session, store, dispatch) {
  session.dispatches.set(dispatch.id, { ...dispatch, status: "cancelled", optimistic: true });
  session.say("dispatches");
  store?.foretell((row) => cancelled(row, (cell) => cell.dispatch === dispatch.id));
  return stopping(() => api("POST", `dispatches/${dispatch.id}/cancel/`), session);
}

/** Stop what runs on a row, in some groups or all. */
export function stopRow(session, store, rowId, groups) {
  return stopRows(session, store, [rowId], groups, (row) => row.id === rowId);
}

/** Stop what runs on rows, named as the API takes them; `isMeant` tells which of those here they are. */
export function stopRows(session, store, rows, groups, isMeant) {
  store.foretell((row) => (isMeant(row) ? cancelled(row, (cell, group) => !groups || groups.includes(group)) : null));
  return stopping(() => api("POST", `${session.path}cancel/`, { body: { rows, ...(groups && { groups }) } }), session);
}

/** Stop workflow groups on all rows, what is still to come of them too. */
export function stopGroups(session, store, groups) {
  store.foretell((row) => cancelled(row, (cell, group) => groups.includes(group)));
  return stopping(() => api("POST", `${session.path}cancel/`, { body: { groups } }), session);
}

/** Stop one cell: that very attempt if it has begun, else whatever waits there. */
export function stopCell(session, store, rowId, groupId, executionId) {
  if (!executionId) return stopRow(session, store, rowId, [groupId]);
  store.foretell((row) => (row.id === rowId ? cancelled(row, (cell, group) => group === groupId) : null));
  const body = { cell: { row: rowId, group: groupId, execution_id: executionId } };
  return stopping(() => api("POST", `${session.path}cancel/`, { body }), session);
}

/** Take a failed cell's run up again at its first unfinished block. */
export async function resumeCell(session, rowId, groupId) {
  try {
    await api("POST", `${session.path}rows/${rowId}/cells/${groupId}/resume/`, { body: {} });
  } catch (error) {
    report(error, "resume this");
    session.resync();
  }
}

async function stopping(call, session) {
  try {
    await call();
  } catch (error) {
    report(error, "stop this");
    session.resync();
  }
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
