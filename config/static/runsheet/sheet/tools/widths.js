// @ts-check
/** How wide a column may be, and how wide it needs to be. */

export const NARROWEST = 48;
export const WIDEST = 1_200;

export const bounded = (width) => Math.max(NARROWEST, Math.min(WIDEST, Math.round(width)));

/** Make a column as wide as what it shows on screen. */
export function fit(grid, column) {
  const shown = [
    grid.scroller.querySelector(`.name-cell[data-id="${column.id}"]`),
    ...grid.window.body.querySelectorAll(`.sheet-row:not([hidden]) [data-column="${column.key}"]`),
  ];
  const needs = (cell) => {
    const children = [...cell.children].filter((child) => !child.matches(".resizer, .name-menu"));
    return children.reduce((sum, child) => sum + child.scrollWidth + 6, 22);
  };
  grid.viewing.widen(column.id, bounded(Math.min(640, Math.max(...shown.map(needs)))));
}
