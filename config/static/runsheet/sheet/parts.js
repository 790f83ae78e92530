// @ts-check
/** What a grid can do beyond showing rows: each part attaches itself to the `<run-sheet>` it is given. */
import { attachImport } from "../tables/import_part.js";
import { attachEditing } from "./edit.js";
import { attachRunning } from "./running.js";
import { attachSelection } from "./selection.js";
import { attachSide } from "./side/attach.js";
import { attachTools } from "./tools/bar.js";
import { attachWriting } from "./writing.js";

/** @type {((grid: any) => void)[]} */
export const PARTS = [attachTools, attachWriting, attachSelection, attachRunning, attachSide, attachImport, attachEditing];
