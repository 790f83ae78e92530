// @ts-check
/** The drawer of one cell: how it stands, what went wrong, what it wrote, and what can be done. */
import { clock, duration, instant, plural } from "../format.js";
import { resumeCell, run, stopCell } from "../sheet/actions.js";
import { INFLIGHT, statusOf } from "../sheet/cell.js";
import { isEmpty } from "../sheet/values.js";
import { cross, html, icon } from "../ui/html.js";
import { Waiting } from "./waiting.js";

/**
 * @param {{session: any, store: any, view: any, row: any, ordinal: number, group: any, mayRun: boolean, close: () => void}} props
 */
export function Details({ session, store, view, row, ordinal, group, mayRun, close }) {
  const cell = row.cells[group.id];
  const status = statusOf(cell, row, group.id, view);
  const runOne = (groups) => run(session, { groups, rows: [row.id], mode: "all" });
  const inFlight = cell && INFLIGHT.has(cell.status);
  return html`
    <header class="drawer-head">
      <div>
        <h2>${group.name} · row ${ordinal + 1}</h2>
        <p class="quiet">${factsOf(cell)}${cell && cell.run && html` · <a href=${`/runs/${cell.run}/`}>Open run</a>`}</p>
      </div>
      <span class="pill" data-state=${status.state === "completed" ? "done" : status.state || "queued"}><span class="word">${status.word || "Not run yet"}</span></span>
      <button type="button" class="icon-button" aria-label="Close" onClick=${close}>${cross}</button>
    </header>
    ${status.state === "waiting" && html`<section><p>${status.title}. It starts when they are filled.</p></section>`}
    ${cell && cell.waits_for && html`<${Waiting} cell=${cell} mayRun=${mayRun} />`}
    ${cell && cell.error && html`<section><h3>${cell.error.block ? `${cell.error.block} failed` : "What went wrong"}</h3>
      <pre class="error-box">${cell.error.code}: ${cell.error.message || "no details"}</pre></section>`}
    ${mayRun && html`<section class="drawer-actions">
      ${inFlight
        ? html`<button type="button" class="button danger" onClick=${() => stopCell(session, store, row.id, group.id, cell.execution_id)}>${icon("stop")}Stop</button>`
        : html`<button type="button" class="button primary" onClick=${() => runOne([group.id])}>${icon("play")}${cell && cell.status ? "Run again" : "Run"}</button>`}
      ${cell && cell.run && cell.status === "failed" && html`<button type="button" class="button" onClick=${() => resumeCell(session, row.id, group.id)}>Resume</button>`}
      <button type="button" class="button" onClick=${() => runOne(view.schema.groups.map((one) => one.id))}>Run whole row</button>
    </section>`}
    ${timesOf(cell).length > 0 && html`<section><h3>Times</h3><dl class="facts">
      ${timesOf(cell).map(([name, value]) => html`<dt>${name}</dt><dd class="number">${value}</dd>`)}</dl></section>`}
    <section><h3>Outputs</h3><dl class="outputs">
      ${group.outputs.map((column) => html`<dt>${column.name}</dt><dd>${outputOf(column, row, cell)}</dd>`)}</dl></section>`;
}

function factsOf(cell) {
  if (!cell || !cell.status) return "No run yet";
  const facts = [];
  if (cell.run) facts.push(`run ${String(cell.run).slice(0, 8)}`);
  if (cell.attempt) facts.push(`attempt ${cell.attempt}`);
  if (cell.started_at && cell.finished_at) facts.push(duration(Date.parse(cell.finished_at) - Date.parse(cell.started_at)));
  if (cell.running_blocks && cell.running_blocks.length) facts.push(`${plural(cell.running_blocks.length, "block")} running`);
  return facts.join(" · ") || "Handed over";
}

function timesOf(cell) {
  if (!cell) return [];
  const found = [["Started", cell.started_at], ["Finished", cell.finished_at]].filter(([, at]) => at).map(([name, at]) => [name, instant(at)]);
  return cell.wake_at ? [...found, ["Continues", clock(cell.wake_at)]] : found;
}

function outputOf(column, row, cell) {
  const value = row.data[column.key];
  if (isEmpty(column.type, value)) return html`<span class="quiet">${cell && cell.status === "completed" ? "No output" : "Empty"}</span>`;
  if (column.type === "url" && /^https?:\/\//i.test(String(value))) return html`<a href=${value} target="_blank" rel="noopener noreferrer">${value}</a>`;
  return typeof value === "string" ? value : html`<pre>${JSON.stringify(value, null, 2)}</pre>`;
}
