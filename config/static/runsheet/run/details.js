// @ts-check
/** The drawer of one cell: how it stands, its blocks on a time axis, what went wrong and out, what can be done. */
import { clock, duration, instant, money, plural } from "../format.js";
import { resumeCell, run, stopCell } from "../sheet/actions.js";
import { INFLIGHT, statusOf } from "../sheet/cell.js";
import { isEmpty } from "../sheet/values.js";
import { html, icon, useState } from "../ui/html.js";
import { DrawerHead, button, pill } from "../ui/parts.js";
import { Fault } from "./body.js";
import { StepBody, factsOf as stepFacts } from "./panel.js";
import { planRerun } from "./rerun.js";
import { blockOf, startAt } from "./steps.js";
import { Blocks, Reused, useNow, useTrace } from "./trace.js";
import { Waiting } from "./waiting.js";

/**
 * @param {{session: any, store: any, view: any, row: any, ordinal: number, group: any, mayRun: boolean,
 *   close: () => void}} props
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
  const actions =
    mayRun && html`<${Actions} ...${{ session, store, view, row, group, cell, inFlight, trace, selected, path }} />`;
  const isSaid = selected && trace.steps.get(selected).error;
  const runId = trace ? trace.run.id : cell?.run;
  const facts = html`${factsOf(cell, trace)}${cell?.run && html` · <a href=${`/runs/${runId}/`}>Open run</a>`}`;
  return html`<${DrawerHead} title=${`${group.name} · row ${ordinal + 1}`} facts=${facts} close=${close}>
      ${pill(status.state === "completed" ? "done" : status.state || "queued", status.word || "Not run yet")}
    <//>
    ${status.state === "waiting" && html`<section><p>${status.title}. It starts when they are filled.</p></section>`}
    ${cell?.waits_for && html`<${Waiting} cell=${cell} mayRun=${mayRun} />`}
    ${
      trace &&
      html`<${Blocks}
        trace=${trace}
        now=${now}
        selected=${selected}
        onSelect=${(key) => setPicked(key === selected ? "" : key)}
        onChoose=${choose}
      />`
    }
    ${!isSaid && html`<${Fault} title=${failureOf(cell)} error=${cell?.error} />`}
    ${selected ? html`<${Step} ...${{ trace, selected, now, actions, refresh }} />` : actions}
    ${trace && html`<${Reused} trace=${trace} />`}
    <${Times} cell=${cell} />
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

const failureOf = (cell) => (cell?.error?.block ? `${cell.error.block} failed` : "What went wrong");

/** The step to look at first: the one that stopped the run. */
const failedStep = (trace) =>
  [...trace.steps.values()].find((step) => step.status === "failed" || step.status === "unknown")?.step_key || "";

/** The step that is picked. Nothing of a trace is told live: the cell's own events are. */
function Step({ trace, selected, now, actions, refresh }) {
  const { run: ran, steps, names } = trace;
  const name = names.get(blockOf(selected)) || selected;
  const store = { runId: ran.id, run: ran, shown: steps, live: new Map(), pauses: [], fetch: refresh };
  return html`<section class="step-name">
      <h3>${name}</h3>
      <p class="quiet number">${stepFacts(steps.get(selected), now)}</p>
    </section>
    <${StepBody}
      key=${`${ran.id} ${selected}`}
      store=${store}
      stepKey=${selected}
      name=${name}
      mayRun=${false}
      actions=${actions}
    />`;
}

function Actions({ session, store, view, row, group, cell, inFlight, trace, selected, path }) {
  const runOne = (groups) => run(session, { groups, rows: [row.id], mode: "all" });
  const stop = () => stopCell(session, store, row.id, group.id, cell.execution_id);
  const fromHere = () => {
    const started = (answer) => session.takeDispatch(answer.dispatch);
    planRerun(trace.run, { start_block: startAt(selected) }, { path, started });
  };
  const again = cell?.status ? "Run again" : "Run";
  const starts = () =>
    html`${selected && button(html`${icon("play")}Run from here`, fromHere, "primary")}
    ${cell?.run && cell.status === "failed" && button("Resume run", () => resumeCell(session, row.id, group.id))}
    ${
      selected
        ? button(again, () => runOne([group.id]))
        : button(html`${icon("play")}${again}`, () => runOne([group.id]), "primary")
    }`;
  return html`<section class="drawer-actions">
    ${inFlight ? button(html`${icon("stop")}Stop`, stop, "danger") : starts()}
    ${button("Run whole row", () => runOne(view.schema.groups.map((one) => one.id)))}
  </section>`;
}

function factsOf(cell, trace) {
  if (!cell?.status) return "No run yet";
  const facts = [];
  const shown = trace ? trace.run : cell;
  if (cell.run) facts.push(`run ${(trace ? trace.run.id : cell.run).slice(-6)}`);
  if (cell.attempt) facts.push(`attempt ${cell.attempt}`);
  if (shown.started_at && shown.finished_at)
    facts.push(duration(Date.parse(shown.finished_at) - Date.parse(shown.started_at)));
  if (trace?.run.cost) facts.push(money(trace.run.cost));
  if (cell.running_blocks?.length) facts.push(`${plural(cell.running_blocks.length, "block")} running`);
  return facts.join(" · ") || "Handed over";
}

function Times({ cell }) {
  const found = [
    ["Started", cell?.started_at, instant],
    ["Finished", cell?.finished_at, instant],
    ["Continues", cell?.wake_at, clock],
  ].filter(([, at]) => at);
  if (!found.length) return null;
  return html`<section>
    <h3>Times</h3>
    <dl class="facts">
      ${found.map(
        ([label, at, words]) =>
          html`<dt>${label}</dt>
            <dd class="number">${words(at)}</dd>`,
      )}
    </dl>
  </section>`;
}

function outputOf(column, row, cell) {
  const value = row.data[column.key];
  if (isEmpty(column.type, value))
    return html`<span class="quiet">${cell && cell.status === "completed" ? "No output" : "Empty"}</span>`;
  if (column.type === "url" && /^https?:\/\//i.test(String(value)))
    return html`<a href=${value} target="_blank" rel="noopener noreferrer">${value}</a>`;
  return typeof value === "string" ? value : html`<pre>${JSON.stringify(value, null, 2)}</pre>`;
}
