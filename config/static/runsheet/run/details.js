// @ts-check
/** The drawer of one cell: how it stands, its blocks on a time axis, what went wrong, what it wrote, and what can be done. */
import { clock, duration, instant, money, plural } from "../format.js";
import { resumeCell, run, stopCell } from "../sheet/actions.js";
import { INFLIGHT, statusOf } from "../sheet/cell.js";
import { isEmpty } from "../sheet/values.js";
import { cross, html, icon, useState } from "../ui/html.js";
import { StepBody, factsOf as stepFacts } from "./panel.js";
import { planRerun } from "./rerun.js";
import { blockOf, startAt } from "./steps.js";
import { Blocks, Reused, useNow, useTrace } from "./trace.js";
import { Waiting } from "./waiting.js";

/**
 * @param {{session: any, store: any, view: any, row: any, ordinal: number, group: any, mayRun: boolean, close: () => void}} props
 */
export function Details({ session, store, view, row, ordinal, group, mayRun, close }) {
  const cell = row.cells[group.id];
  const status = statusOf(cell, row, group.id, view);
  const inFlight = Boolean(cell && INFLIGHT.has(cell.status));
  const path = `${session.path}rows/${row.id}/cells/${group.id}/`;
  const { trace, choose, refresh } = useTrace(path, cell);
  const [picked, setPicked] = useState(/** @type {string|null} */ (null));
  const now = useNow(inFlight);
  const selected = trace && (picked === null ? failedStep(trace) : trace.steps.has(picked) ? picked : "");
  const name = selected && (trace.names.get(blockOf(selected)) || selected);
  const said = selected && trace.steps.get(selected).error;
  const actions =
    mayRun && html`<${Actions} ...${{ session, store, view, row, group, cell, inFlight, trace, selected, path }} />`;
  return html`<header class="drawer-head">
      <div>
        <h2>${group.name} · row ${ordinal + 1}</h2>
        <p class="quiet number">
          ${factsOf(cell, trace)}${cell && cell.run && html` · <a href=${`/runs/${trace ? trace.run.id : cell.run}/`}>Open run</a>`}
        </p>
      </div>
      <span class="pill" data-state=${status.state === "completed" ? "done" : status.state || "queued"}
        ><span class="word">${status.word || "Not run yet"}</span></span
      >
      <button type="button" class="icon-button" aria-label="Close" onClick=${close}>${cross}</button>
    </header>
    ${status.state === "waiting" && html`<section><p>${status.title}. It starts when they are filled.</p></section>`}
    ${cell && cell.waits_for && html`<${Waiting} cell=${cell} mayRun=${mayRun} />`}
    ${trace && html`<${Blocks} trace=${trace} now=${now} selected=${selected} onSelect=${(key) => setPicked(key === selected ? "" : key)} onChoose=${choose} />`}
    ${
      cell &&
      cell.error &&
      !said &&
      html`<section>
        <h3>${cell.error.block ? `${cell.error.block} failed` : "What went wrong"}</h3>
        <pre class="error-box">${cell.error.code}: ${cell.error.message || "no details"}</pre>
      </section>`
    }
    ${
      selected
        ? html`<section class="step-name">
              <h3>${name}</h3>
              <p class="quiet number">${stepFacts(trace.steps.get(selected), now)}</p>
            </section>
            <${StepBody}
              key=${`${trace.run.id} ${selected}`}
              store=${asStore(trace, refresh)}
              stepKey=${selected}
              name=${name}
              mayRun=${false}
              actions=${actions}
            />`
        : actions
    }
    ${trace && html`<${Reused} trace=${trace} />`}
    ${
      timesOf(cell).length > 0 &&
      html`<section>
        <h3>Times</h3>
        <dl class="facts">
          ${timesOf(cell).map(
            ([label, value]) =>
              html`<dt>${label}</dt>
                <dd class="number">${value}</dd>`,
          )}
        </dl>
      </section>`
    }
    <section>
      <h3>Outputs</h3>
      <dl class="outputs">
        ${group.outputs.map(
          (column) =>
            html`<dt>${column.name}</dt>
              <dd>${outputOf(column, row, cell)}</dd>`,
        )}
      </dl>
    </section>`;
}

/** The step to look at first: the one that stopped the run. */
const failedStep = (trace) =>
  [...trace.steps.values()].find((step) => step.status === "failed" || step.status === "unknown")?.step_key || "";

/** A trace as the parts of a run's page read it: nothing of it is told live, the cell's own events are. */
const asStore = (trace, fetch) => ({
  runId: trace.run.id,
  run: trace.run,
  shown: trace.steps,
  live: new Map(),
  pauses: [],
  fetch,
});

function Actions({ session, store, view, row, group, cell, inFlight, trace, selected, path }) {
  const runOne = (groups) => run(session, { groups, rows: [row.id], mode: "all" });
  const fromHere = () =>
    planRerun(
      trace.run,
      { start_block: startAt(selected) },
      { path, started: (answer) => session.takeDispatch(answer.dispatch) },
    );
  return html`<section class="drawer-actions">
    ${
      inFlight
        ? html`<button
            type="button"
            class="button danger"
            onClick=${() => stopCell(session, store, row.id, group.id, cell.execution_id)}
          >
            ${icon("stop")}Stop
          </button>`
        : html`${selected && html`<button type="button" class="button primary" onClick=${fromHere}>${icon("play")}Run from here</button>`}
            ${cell && cell.run && cell.status === "failed" && html`<button type="button" class="button" onClick=${() => resumeCell(session, row.id, group.id)}>Resume run</button>`}
            <button type="button" class=${selected ? "button" : "button primary"} onClick=${() => runOne([group.id])}>
              ${!selected && icon("play")}${cell && cell.status ? "Run again" : "Run"}
            </button>`
    }
    <button type="button" class="button" onClick=${() => runOne(view.schema.groups.map((one) => one.id))}>
      Run whole row
    </button>
  </section>`;
}

function factsOf(cell, trace) {
  if (!cell || !cell.status) return "No run yet";
  const facts = [];
  const shown = trace ? trace.run : cell;
  if (cell.run) facts.push(`run ${(trace ? trace.run.id : cell.run).slice(-6)}`);
  if (cell.attempt) facts.push(`attempt ${cell.attempt}`);
  if (shown.started_at && shown.finished_at)
    facts.push(duration(Date.parse(shown.finished_at) - Date.parse(shown.started_at)));
  if (trace?.run.cost) facts.push(money(trace.run.cost));
  if (cell.running_blocks && cell.running_blocks.length)
    facts.push(`${plural(cell.running_blocks.length, "block")} running`);
  return facts.join(" · ") || "Handed over";
}

function timesOf(cell) {
  if (!cell) return [];
  const found = [
    ["Started", cell.started_at],
    ["Finished", cell.finished_at],
  ]
    .filter(([, at]) => at)
    .map(([name, at]) => [name, instant(at)]);
  return cell.wake_at ? [...found, ["Continues", clock(cell.wake_at)]] : found;
}

function outputOf(column, row, cell) {
  const value = row.data[column.key];
  if (isEmpty(column.type, value))
    return html`<span class="quiet">${cell && cell.status === "completed" ? "No output" : "Empty"}</span>`;
  if (column.type === "url" && /^https?:\/\//i.test(String(value)))
    return html`<a href=${value} target="_blank" rel="noopener noreferrer">${value}</a>`;
  return typeof value === "string" ? value : html`<pre>${JSON.stringify(value, null, 2)}</pre>`;
}
