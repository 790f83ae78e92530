// @ts-check
/** What the grid's page loads of runs at its first use. */
export const details = () => import("./details.js");
export const runMenu = () => import("./menu.js");
