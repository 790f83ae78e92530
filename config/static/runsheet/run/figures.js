// @ts-check
/** How a dispatch stands, in figures: for the strip above the grid and the history of a table's runs. Pure. */
import { count, money, plural, span } from "../format.js";
import { isActive } from "../sheet/overlay.js";

/** Cells this dispatch can come to: all in scope less the skipped ones; null while the rows are still counted. */
function cellsOf(dispatch) {
  const { progress } = dispatch;
  if (!progress || progress.rows_total === null || progress.rows_total === undefined) return null;
  const skipped = Object.values(progress.skipped || {}).reduce((sum, n) => sum + n, 0);
  const rows = dispatch.limit ? Math.min(dispatch.limit, progress.rows_total) : progress.rows_total;
  const begun =
    progress.completed + progress.failed + progress.cancelled + progress.running + progress.queued + progress.paused;
  const most = rows * dispatch.groups.length - (dispatch.limit ? 0 : skipped);
  return isActive(dispatch) ? Math.max(begun, most) : begun;
}

/** The parts of the bar: `{kind, share}`, shares of all cells. */
export function partsOf(dispatch) {
  const cells = Math.max(1, cellsOf(dispatch) || 0);
  return ["completed", "failed", "running"].map((kind) => ({
    kind,
    share: Math.min(1, (dispatch.progress?.[kind] || 0) / cells),
  }));
}

/** @returns {{text: string, kind?: string}[]} */
export function figuresOf(dispatch, live) {
  const { progress, error } = dispatch;
  if (!progress) return [{ text: "starting" }];
  const took = (Date.parse(dispatch.finished_at) - Date.parse(dispatch.requested_at)) / 1000;
  const cells = cellsOf(dispatch);
  const unit = dispatch.groups.length === 1 ? "row" : "cell";
  const done = progress.completed + progress.failed + progress.cancelled;
  const hasCost = progress.cost !== null && progress.cost !== undefined;
  const figures = [
    { text: live && cells !== null ? `${count(done)} of ${plural(cells, unit)}` : plural(done, unit), kind: "strong" },
    progress.failed && { text: `${count(progress.failed)} failed`, kind: "failed" },
    progress.cancelled && { text: `${count(progress.cancelled)} cancelled`, kind: "" },
    progress.paused && { text: `${count(progress.paused)} waiting`, kind: "" },
    live && progress.running && { text: `${count(progress.running)} running`, kind: "" },
    live &&
      progress.rate_per_second && {
        text: `${count(Math.round(progress.rate_per_second * 10) / 10)} cells/s`,
        kind: "apart",
      },
    live && progress.eta_seconds && { text: `about ${span(progress.eta_seconds)} left`, kind: "" },
    hasCost && { text: live ? costWords(progress.cost, done, cells) : money(progress.cost), kind: "apart" },
    !live && took >= 0 && { text: `took ${span(took)}`, kind: "" },
    error && { text: error.message || error.code, kind: "failed" },
  ];
  return figures.filter(Boolean);
}

/** "$38.20 so far, about $93": the whole, if the rest costs what it has cost until now. */
function costWords(cost, done, cells) {
  const whole = done && cells ? (Number(cost) * cells) / done : null;
  if (whole === null) return `${money(cost)} so far`;
  return `${money(cost)} so far, about ${whole >= 10 ? `$${count(Math.round(whole))}` : money(whole)}`;
}
