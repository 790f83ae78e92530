// @ts-check
/** Selected rows that are not on this page: their values, their ids, and how to name them to the server. */
import { api } from "../api.js";

/** The largest page of rows the server gives. */
const PAGE = 500;
/** As many rows may be named by their ids. */
export const NAMED = 1_000;

/**
 * @typedef {{from: number, to: number, isWhole?: boolean}} Span ordinals, inclusive; `isWhole`: all that is listed,
 *   however many rows that are
 * @typedef {{rows: string[]} | {filter: any} | {rows: {from: string, to: string, filter?: any, sort?: any},
 *   expected: number}} Scope members of a body of the API; `expected` is how many rows the person saw there: the server
 *   refuses when they are another number by now
 */

/**
 * The rows of spans in order, from this page or else from the server.
 * @param {Span[]} spans
 * @returns {Promise<any[]>}
 */
export async function rowsOf(grid, spans) {
  const found = [];
  for (const { from, to } of spans) {
    for (let at = from; at <= to;) {
      const held = grid.store.row(at);
      const more = held ? [held] : (await grid.fetchPage(at, Math.min(PAGE, to - at + 1))).results;
      if (!more.length) break; // the list is shorter by now
      found.push(...more);
      at += more.length;
    }
  }
  return found;
}

/**
 * The same rows with what they hold by now: of pages that may be old they are read again. A row that has gone elsewhere
 * meanwhile is as it is shown.
 * @param {Span[]} spans
 */
export async function currentRowsOf(grid, spans) {
  const { store } = grid;
  const shown = await rowsOf(grid, spans);
  const fresh = new Map();
  for (const { from, to } of spans) {
    for (let at = from; at <= to; at += 1) {
      if (!store.row(at) || !store.isStale(at)) continue;
      const { results } = await grid.fetchPage(at, Math.min(PAGE, to - at + 1));
      for (const row of results) fresh.set(row.id, row);
      at += PAGE - 1;
    }
  }
  return shown.map((row) => fresh.get(row.id) || row);
}

/** The ids of the rows of spans: those that are shown, whatever the server lists there by now. @param {Span[]} spans */
export const idsOf = async (grid, spans) => (await rowsOf(grid, spans)).map((row) => row.id);

/**
 * How the API names the rows of these spans, for runs, stops and edits: ids when they are few (or searched for), all
 * that is listed by the filter it meets, else ranges by their first and last row, in the order listed. One call each.
 * @param {any} grid @param {Span[]} spans @param {number} count
 * @returns {Promise<Scope[]>}
 */
export async function scopesOf(grid, spans, count) {
  if (count <= NAMED || grid.query.q) {
    const ids = await idsOf(grid, spans);
    return Array.from({ length: Math.ceil(ids.length / NAMED) }, (_, part) => ({
      rows: ids.slice(part * NAMED, (part + 1) * NAMED),
    }));
  }
  const order = await orderOf(grid);
  if (spans.some((span) => span.isWhole)) return [{ filter: order.filter || {} }];
  return Promise.all(
    spans.map(async ({ from, to }) => {
      const [[first], last] = await Promise.all([idsOf(grid, [{ from, to: from }]), lastOf(grid, from, to)]);
      return { rows: { from: first, to: last.id, ...order }, expected: last.ordinal - from + 1 };
    }),
  );
}

/** Whether a scope is a range: it means other rows once the list is another. @param {Scope} scope */
export const isRange = (scope) => "rows" in scope && !Array.isArray(scope.rows);

/** The last row there is from…to: how many are listed may be an estimate, or old. */
async function lastOf(grid, from, to) {
  const idAt = async (ordinal) => (await idsOf(grid, [{ from: ordinal, to: ordinal }]))[0];
  const id = await idAt(to);
  if (id) return { ordinal: to, id };
  let [low, high] = [from, to - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (await idAt(middle)) low = middle;
    else high = middle - 1;
  }
  return { ordinal: low, id: await idAt(low) };
}

/** What is listed, as a range names it: the filter and sort asked for, else those of the saved view. */
async function orderOf({ query, session }) {
  const view =
    query.view && !(query.filter && query.sort) ? await api("GET", `${session.path}views/${query.view}/`) : {};
  const filter = query.filter ? JSON.parse(query.filter) : view.filter;
  const sort = query.sort ? sortOf(query.sort) : view.sort;
  return { ...(filter && { filter }), ...(sort?.length && { sort }) };
}

const sortOf = (text) => (text.trimStart().startsWith("[") ? JSON.parse(text) : text.split(",").filter(Boolean));
