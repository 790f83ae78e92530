// @ts-check
/** Selected rows that are not on this page: their values, their ids, and how to name them to the server. */
import { api } from "../api.js";

/** The largest page of rows the server gives. */
const PAGE = 500;
/** As many rows may be named by their ids. */
export const NAMED = 1_000;

/**
 * The rows of spans in order, from this page or else from the server.
 * @param {{from: number, to: number}[]} spans ordinals, inclusive
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
 * How the API names the rows of these spans, for runs, stops and edits: ids when they are few (or searched for), else
 * ranges by their first and last row, in the order listed. One call each.
 * @returns {Promise<(string[] | {from: string, to: string, filter?: any, sort?: any})[]>}
 */
export async function scopesOf(grid, spans, count) {
  if (count <= NAMED || grid.query.q) {
    const ids = (await rowsOf(grid, spans)).map((row) => row.id);
    return Array.from({ length: Math.ceil(ids.length / NAMED) }, (_, part) =>
      ids.slice(part * NAMED, (part + 1) * NAMED),
    );
  }
  const order = await orderOf(grid);
  return Promise.all(
    spans.map(async ({ from, to }) => {
      const [[first], [last]] = await Promise.all([from, to].map((row) => rowsOf(grid, [{ from: row, to: row }])));
      return { from: first.id, to: last.id, ...order };
    }),
  );
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
