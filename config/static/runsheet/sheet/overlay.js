// @ts-check
/**
 * What active dispatches are going to do about a cell they have not reached yet (T36). Pure.
 *
 * Where the browser can know – not of a dispatch over a filter, a range or the first n rows, nor of a group with a
 * condition – it judges by itself, so that what is shown follows every event; elsewhere it shows what the server told
 * with the page (`row.told`).
 */
import { isEmpty } from "./values.js";

const FINISHED = new Set(["completed", "failed", "cancelled"]);

/**
 * @returns {{columns: string[]} | null} null when nothing is coming; `columns` are names of those it waits for
 */
export function ahead(schema, dispatches, row, groupId) {
  const group = schema.group.get(groupId);
  if (!group) return null;
  const known = [...dispatches];
  return judged(schema, known, row, group) || told(schema, known, row, group);
}

function judged(schema, dispatches, row, group) {
  const groupId = group.id;
  for (const dispatch of dispatches) {
    if (!isActive(dispatch) || !isAsked(dispatch, groupId)) continue;
    if (!dispatch.is_manual && !group.auto_run) continue;
    const cell = row.cells[groupId];
    const waits = unmet(schema, group, row);
    if (covers(dispatch, row) && isBefore(dispatch, row)) {
      if (!wouldRun(dispatch, cell)) continue;
      const columns = ignoresDependencies(dispatch, group) ? [] : waits.map((column) => column.name);
      if (!columns.length && group.conditional) continue;
      return { columns };
    }
    if (waits.length && wouldRun(dispatch, cell) && waits.some((column) => isUnderWay(row, column))) {
      return { columns: waits.map((column) => column.name) };
    }
  }
  return null;
}

/** What the server said when the row was read, as long as nothing is known that overtakes it. */
function told(schema, dispatches, row, group) {
  const said = row.told && row.told[group.id];
  if (!said) return null;
  const dispatch = dispatches.find((one) => one.id === said.dispatch);
  if (dispatch && !(isActive(dispatch) && isBefore(dispatch, row) && isAsked(dispatch, group.id))) return null;
  if (said.status === "queued") return { columns: [] };
  const waits = unmet(schema, group, row).filter((column) => (said.waits_for || []).includes(column.key));
  return waits.length ? { columns: waits.map((column) => column.name) } : null;
}

export const isActive = (dispatch) => dispatch.status === "pending" || dispatch.status === "dispatching";

/** Whether it stopped itself because its cells failed one after the other: it may be told to go on. */
export const isStorm = (dispatch) => dispatch.error?.code === "failure_storm";

/** Whether the browser can tell which rows this dispatch is to run: else only the server can, with a page of rows. */
export function isPlain(dispatch) {
  const { filter, rows, exclude_rows: excluded, failed_of: failedOf, continues } = dispatch.scope || {};
  if (filter || failedOf || continues || dispatch.limit || dispatch.stopped_ahead) return false;
  return [rows, excluded].every((ids) => !ids || Array.isArray(ids));
}

const isAsked = (dispatch, groupId) => dispatch.groups.includes(groupId) && !dispatch.stopped_groups?.includes(groupId);

/** Whether the scope names this row, as far as it can be told here. */
function covers(dispatch, row) {
  const scope = dispatch.scope || {};
  if (!isPlain(dispatch)) return false;
  if ((scope.exclude_rows || []).includes(row.id)) return false;
  if (row.created_at && dispatch.requested_at && row.created_at > dispatch.requested_at) return false;
  return !scope.rows || scope.rows.includes(row.id);
}

/** Whether the walk has yet to come by. Positions are compared as the table orders them. */
function isBefore(dispatch, row) {
  const cursor = dispatch.cursor;
  if (!cursor) return true;
  if (row.position === undefined) return false;
  return row.position === cursor.position ? row.id > cursor.row : row.position > cursor.position;
}

/** The checks of `classify_cell` that look at the record and the mode. */
function wouldRun(dispatch, cell) {
  const status = cell ? cell.status : null;
  if (!status) return dispatch.mode !== "failed";
  if (!FINISHED.has(status) || cell.dispatch === dispatch.id) return false;
  if (status === "cancelled" && cell.optimistic) return false;
  if (cell.stopped > dispatch.sequence) return false; // stopped after this was requested (T25)
  if (dispatch.mode === "new" || !dispatch.is_manual) return false;
  return status !== "completed" || dispatch.mode === "all";
}

/** Columns this group still waits for: empty, or filled by a run that no longer stands (T7). */
function unmet(schema, group, row) {
  return group.depends.filter((column) => isEmpty(column.type, row.data[column.key]) || !isFresh(row, column));
}

function isFresh(row, column) {
  if (!column.group || (row.edited || []).includes(column.key)) return true;
  return row.cells[column.group]?.status === "completed";
}

const isUnderWay = (row, column) =>
  column.group && ["pending", "queued", "running"].includes(row.cells[column.group]?.status);

/** T7: a manual run of a group with auto-run off ignores dependencies, unless it runs their source too. */
function ignoresDependencies(dispatch, group) {
  return (
    dispatch.is_manual &&
    !group.auto_run &&
    !group.depends.some((column) => column.group && dispatch.groups.includes(column.group))
  );
}
