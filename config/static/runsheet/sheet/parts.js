// @ts-check
/** What a grid can do beyond showing rows: each part attaches itself to the `<run-sheet>` it is given. */
import { attachRunning } from "./running.js";

/** @type {((grid: any) => void)[]} */
export const PARTS = [attachRunning];
