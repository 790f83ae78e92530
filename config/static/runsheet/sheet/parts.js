// @ts-check
/**
 * What a grid can do beyond showing rows: each part attaches itself to the `<run-sheet>` it is given. The table may be
 * shown by then: `sheet:schema` and `sheet:rows` are said once more when all are there.
 */
import "../run/strip.js";
import { attachImport } from "../tables/import_part.js";
import { attachBar } from "./bar.js";
import { attachCopying } from "./copying.js";
import { attachDrag } from "./drag.js";
import { attachDrawer } from "./drawer.js";
import { attachEditing } from "./edit.js";
import { attachFill } from "./fill.js";
import { attachNarrow } from "./narrow.js";
import { attachRanges } from "./ranges.js";
import { attachRows } from "./rows.js";
import { attachRunning } from "./running.js";
import { attachSelection } from "./selection.js";
import { attachSide } from "./side/attach.js";
import { attachTools } from "./tools/bar.js";
import { attachReading } from "./whole.js";
import { attachWriting } from "./writing.js";

/** In the order they need each other. @type {((grid: any) => void)[]} */
export const PARTS = [
  attachDrawer,
  attachTools,
  attachWriting,
  attachSelection,
  attachRanges,
  attachDrag,
  attachFill,
  attachCopying,
  attachBar,
  attachRunning,
  attachSide,
  attachImport,
  attachEditing,
  attachRows,
  attachReading,
  attachNarrow,
];
