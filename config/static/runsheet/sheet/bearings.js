// @ts-check
/** Selected rows are known again by their ids when others come or go above them. Pure. */

/**
 * By how many rows the ends of a range have moved, all of them alike; null when it is no longer the range it was: one
 * of its ends is gone, or rows came, went or moved between them.
 * @param {{row: number, id?: string}[]} ends
 * @param {(id: string, row: number) => number|null|undefined} find the ordinal of a row; null: it is gone, undefined:
 *   not known for now
 * @returns {number|null}
 */
export function drift(ends, find) {
  const now = ends.map(({ row, id }) => (id === undefined ? undefined : find(id, row)));
  if (now.includes(null)) return null;
  const moves = now.flatMap((row, place) => (typeof row === "number" ? [row - ends[place].row] : []));
  return moves.every((move) => move === moves[0]) ? (moves[0] ?? 0) : null;
}

/**
 * Where a row that stood at an ordinal stands in a store by now, for `drift`. A page that is to be read again says
 * nothing; of those that were, what is missing there and next to there is gone.
 * @param {any} store @param {number} page rows of one
 */
export const finder = (store, page) => (id, row) => {
  const numberOf = (ordinal) => Math.floor(ordinal / page);
  const isFresh = (number) => store.pages.get(number)?.stale === false;
  const found = store.index.get(id);
  if (found !== undefined) return isFresh(numberOf(found)) ? found : undefined;
  const here = numberOf(row);
  const isRead = (number) => !store.pages.has(number) || isFresh(number);
  return isFresh(here) && isRead(here - 1) && isRead(here + 1) ? null : undefined;
};
