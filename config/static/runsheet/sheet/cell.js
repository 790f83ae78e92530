// @ts-check
/**
 * What a cell shows: value and status to text, pill and marks (`interface.md` 6). Pure.
 *
 * The old value stays, dimmed, while its cell is run again or has failed since; the pill then shrinks to its sign.
 */
import { clock } from "../format.js";
import { heldWords, pausedWords } from "../words.js";
import { ahead } from "./overlay.js";
import { asText, hueOf, isEmpty, isRight } from "./values.js";

/**
 * @typedef {{text: string, state: string|null, word: string, dim: boolean, mark: string|null, title: string,
 *   right: boolean, tags: [string, number][]|null, box: boolean, quiet: boolean}} Shown
 * `state` picks colour and sign of a pill, `word` is its text; `mark` is "edited" or "outdated"; `tags` are the chosen
 * with their hues, `box` draws a tick box
 */

/**
 * @param {any} column @param {any} row
 * @param {{schema: any, dispatches: Iterable<any>}} view
 * @returns {Shown}
 */
export function describe(column, row, view) {
  const value = row.data[column.key];
  const empty = isEmpty(column.type, value);
  const shown = {
    text: empty ? "" : asText(column, value),
    state: null,
    word: "",
    dim: false,
    mark: null,
    title: "",
    quiet: false,
    right: isRight(column.type),
    tags: empty ? null : tagsOf(column, value),
    box: column.type === "boolean" && typeof value !== "string",
  };
  if (!column.group) return shown;
  const edited = (row.edited || []).includes(column.key);
  const { state, word, title, cell } = statusOf(row.cells[column.group], row, column.group, view);
  const partial = cell?.partial?.[column.key];
  if (partial) {
    const text = asText(column, partial);
    return { ...shown, text, tags: null, box: false, state, word, title: "Still being written", dim: true };
  }
  if (state === "completed") return completed(shown, cell, empty, edited, value);
  if (state === null) return unrun(shown, empty, edited);
  const mark = edited ? "edited" : null;
  return { ...shown, box: shown.box && !empty, state, word, title, dim: !empty && !edited, mark };
}

/**
 * The status of one cell: `{state, word, title, cell}`; state null when nothing is known of a run.
 * @returns {{state: string|null, word: string, title: string, cell: any}}
 */
export function statusOf(cell, row, groupId, view) {
  const say = (state, word, title = word) => ({ state, word, title, cell });
  const until = cell && cell.wake_at ? clock(cell.wake_at) : null;
  const coming = ahead(view.schema, view.dispatches, row, groupId);
  if (coming && (!cell || !INFLIGHT.has(cell.status))) {
    return coming.columns.length ? say("waiting", `Waits for ${coming.columns.join(", ")}`) : say("queued", "Queued");
  }
  switch (cell ? cell.status : null) {
    case "pending":
      return say("queued", "Queued");
    case "queued": {
      const held = heldWords(cell.reason, until);
      return held ? say("waiting", held) : say("queued", "Queued");
    }
    case "running":
      return say("running", "Running", runningWords(cell));
    case "paused":
      return say("paused", pausedWords(cell.reason, until));
    case "failed":
      return say("failed", "Failed", errorWords(cell.error));
    case "cancelled":
      return say("cancelled", "Cancelled");
    case "completed":
      return say("completed", "Done");
    default:
      return say(null, "");
  }
}

export const INFLIGHT = new Set(["pending", "queued", "running", "paused"]);

/** "timeout: no answer after 30 s (block fetch_page)". */
export function errorWords(error) {
  if (!error) return "Failed";
  const where = error.block ? ` (block ${error.block})` : "";
  return `${error.code || "error"}: ${error.message || "no details"}${where}`;
}

function runningWords(cell) {
  const blocks = cell.running_blocks || [];
  return blocks.length ? `Running ${blocks.join(", ")}` : "Running";
}

function completed(shown, cell, empty, edited, value) {
  if (edited) return { ...shown, mark: "edited", title: "Edited by a person" };
  if (value === false) return shown;
  if (empty) {
    const title = "The run finished and gave nothing for this column";
    return { ...shown, box: false, text: "No output", quiet: true, title };
  }
  if (cell.outdated) return { ...shown, mark: "outdated", title: "Made by an older version" };
  return shown;
}

/** @returns {[string, number][]|null} */
function tagsOf(column, value) {
  if (column.type !== "select" && column.type !== "multi_select") return null;
  return [].concat(value).map((choice) => [String(choice), hueOf(column, choice)]);
}

function unrun(shown, empty, edited) {
  if (edited) return { ...shown, mark: "edited", title: "Edited by a person" };
  if (empty) return { ...shown, box: false };
  return { ...shown, dim: true, title: "Stale: its inputs changed since, or its run was cleared. Run it again." };
}
