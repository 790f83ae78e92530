// @ts-check
/** What a run will touch: the groups that read from others, and the server's count in words. Pure. */
import { count, money } from "../format.js";

/** The groups that depend on what these fill, through others too. @param {any} schema @param {any[]} groups */
export function followers(schema, groups) {
  const found = new Set(groups.map((group) => group.id));
  for (let before = 0; before !== found.size;) {
    before = found.size;
    for (const group of schema.groups) if (group.depends.some((column) => found.has(column.group))) found.add(group.id);
  }
  return schema.groups.filter((group) => found.has(group.id) && !groups.includes(group));
}

const sum = (numbers) => numbers.reduce((total, one) => total + one, 0);

/** Cells that a dry run says would run, those that follow by themselves included. */
export const cellsOf = (planned) =>
  sum(Object.values(planned.groups).map((group) => group.run)) + sum(Object.values(planned.carried_on || {}));

/** "38 cells · $0.04"; "about" where the server could not count to the end. */
export function countWords(planned) {
  const cells = cellsOf(planned);
  const about = planned.exact === false ? "about " : "";
  const cost =
    planned.estimated_cost === null || planned.estimated_cost === undefined
      ? ""
      : ` · ${about}${money(planned.estimated_cost)}`;
  return `${about}${count(cells)} ${cells === 1 ? "cell" : "cells"}${cells ? cost : ""}`;
}
