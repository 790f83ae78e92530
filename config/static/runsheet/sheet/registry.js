// @ts-check
/** Which grid shows which table on this page, so that other islands can ask it to move. */

/** @type {Map<string, any>} */
const grids = new Map();

export const register = (tableId, grid) => {
  grids.set(tableId, grid);
};

/** The `<run-sheet>` of a table, or undefined while it is not there. */
export const gridOf = (tableId) => grids.get(tableId);
