// @ts-check
/**
 * What a grid can do beyond showing rows: each part attaches itself to the `<run-sheet>` it is given. The table may be shown
 * by then: `sheet:schema` and `sheet:rows` are said once more when all are there.
 */
import "../run/strip.js";
import { attachImport } from "../tables/import_part.js";
import { attachBeside } from "./beside.js";
import { attachDrawer } from "./drawer.js";
import { attachEditing } from "./edit.js";
import { attachHands } from "./hands.js";
import { attachRunning } from "./running.js";
import { attachSelection } from "./selection.js";
import { attachSide } from "./side/attach.js";
import { attachTools } from "./tools/bar.js";
import { attachWriting } from "./writing.js";

/** In the order they need each other. @type {((grid: any) => void)[]} */
export const PARTS = [
  attachDrawer,
  attachTools,
  attachWriting,
  attachSelection,
  attachHands,
  attachRunning,
  attachSide,
  attachImport,
  attachEditing,
  attachBeside,
];
