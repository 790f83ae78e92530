// @ts-check
/** What is wanted soon, but not before the first rows are seen: adding rows, menus, reading whole values, cards. */
import { attachNarrow } from "./narrow.js";
import { attachRows } from "./rows.js";
import { attachReading } from "./whole.js";

export function attachBeside(grid) {
  for (const attach of [attachRows, attachReading, attachNarrow]) attach(grid);
}
