// @ts-check
/** Where rows that were just made are found. */
import { toast } from "../ui/toast.js";

/** Go where rows that were just made stand, once they are listed. */
export function arrive(grid, ordinal, known, elsewhere) {
  if (isOwnOrder(grid)) {
    const go = () => grid.activate({ row: ordinal, col: Math.max(1, grid.active ? grid.active.col : 1) });
    if (grid.store.total !== known) return go();
    grid.addEventListener("sheet:total", go, { once: true });
  } else toast(elsewhere);
  grid.refetch();
}

/** Whether the rows are listed as the table has them, all of them. */
export const isOwnOrder = (grid) => !Object.values(grid.query).some(Boolean);
