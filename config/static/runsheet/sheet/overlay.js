// @ts-check
/**
 * What active dispatches are going to do about a cell they have not reached yet (T36). Pure.
 *
 * It only speaks where the browser can know: a dispatch over a filter, a range or the first n rows is not foretold.
 */
import { isEmpty } from "./values.js";

const FINISHED = new Set(["completed", "failed", "cancelled"]);

/**
 * @returns {{columns: string[]} | null} null when nothing is coming; `columns` are names of those it waits for
 */
export function ahead(schema, dispatches, row, groupId) {
  const group = schema.group.get(groupId);
  if (!group) return null;
  for (const dispatch of dispatches) {
    if (!isActive(dispatch) || !dispatch.groups.includes(groupId)) continue;
    if (!dispatch.is_manual && !group.auto_run) continue;
    const cell = row.cells[groupId];
    const waits = unmet(schema, group, row);
    if (covers(dispatch, row) && isBefore(dispatch, row)) {
      if (!wouldRun(dispatch, cell)) continue;
      return { columns: ignoresDependencies(dispatch, group) ? [] : waits.map((column) => column.name) };
    }
    if (waits.length && wouldRun(dispatch, cell) && waits.some((column) => isUnderWay(row, column))) {
      return { columns: waits.map((column) => column.name) };
    }
  }
  return null;
}

export const isActive = (dispatch) => dispatch.status === "pending" || dispatch.status === "dispatching";

/** Whether the scope names this row, as far as it can be told here. */
function covers(dispatch, row) {
  const scope = dispatch.scope || {};
  if (scope.filter || dispatch.limit) return false;
  if ((scope.exclude_rows || []).includes(row.id)) return false;
  if (row.created_at && dispatch.requested_at && row.created_at > dispatch.requested_at) return false;
  return !scope.rows || (Array.isArray(scope.rows) && scope.rows.includes(row.id));
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

const isUnderWay = (row, column) => column.group && ["pending", "queued", "running"].includes(row.cells[column.group]?.status);

/** T7: a manual run of a group with auto-run off ignores dependencies, unless it runs their source too. */
function ignoresDependencies(dispatch, group) {
  return dispatch.is_manual && !group.auto_run && !group.depends.some((column) => column.group && dispatch.groups.includes(column.group));
}
