// @ts-check
/** What else is done with rows: added, read whole, shown as cards; and their menus. */
import { attachNarrow } from "./narrow.js";
import { attachRows } from "./rows.js";
import { attachReading } from "./whole.js";

export function attachBeside(grid) {
  for (const attach of [attachRows, attachReading, attachNarrow]) attach(grid);
}
