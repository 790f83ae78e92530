// @ts-check
/** What is done with a selection by hand: drawn, dragged, filled, copied, run. */
import { attachBar } from "./bar.js";
import { attachCopying } from "./copying.js";
import { attachDrag } from "./drag.js";
import { attachFill } from "./fill.js";
import { attachRanges } from "./ranges.js";

export function attachHands(grid) {
  for (const attach of [attachRanges, attachDrag, attachFill, attachCopying, attachBar]) attach(grid);
  grid.selection.changed();
}
