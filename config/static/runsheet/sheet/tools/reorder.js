// @ts-check
/** Puts the table's columns in another order. */
import { api } from "../../api.js";
import { confirm } from "../../ui/confirm.js";
import { attempt } from "../attempt.js";
import { lostBy } from "./order.js";

/** Groups that would lose what they read are named first. @param {any} grid @param {string[]} order ids of columns */
export async function reorder(grid, order) {
  const lost = lostBy(grid.table, order).map(
    ({ group, columns }) => `“${group}” will no longer read ${columns.join(", ")}`,
  );
  const text = `${lost.join("; ")}: a workflow reads only what stands left of its columns.`;
  if (lost.length && !(await confirm({ title: "Move the column?", yes: "Move it", text }))) return;
  const { table } = grid;
  const at = new Map(order.map((id, place) => [id, place]));
  grid.table = { ...table, columns: [...table.columns].sort((a, b) => at.get(a.id) - at.get(b.id)) };
  grid.applySchema();
  const isDone = await attempt("move the column", async () => {
    grid.table = await api("PUT", `${grid.session.path}layout/`, { body: { order } });
  });
  if (!isDone) grid.table = table;
  grid.applySchema();
}
