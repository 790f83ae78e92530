// @ts-check
/** Running again: first the plan (what is kept, what runs and why, what it may do), then that plan or none. */
import { api, intent, isAbort, linesOf } from "../api.js";
import { plural } from "../format.js";
import { openDialog } from "../ui/dialog.js";
import { html, useState } from "../ui/html.js";
import { Faults, button, cancel, labelled, optionsOf, tick } from "../ui/parts.js";
import { useSending } from "../ui/sending.js";
import { useSettled } from "../ui/settled.js";
import { reasonWord } from "./steps.js";

const VERSIONS = [
  ["@source", "The version this run had"],
  ["live", "The live version"],
  ["draft", "The draft"],
];
const EFFECTS = {
  unsafe: "sends or writes something that cannot be taken back",
  idempotent: "writes, safely repeated",
  repeatable: "calls out again",
  database: "writes to a table",
};

/**
 * Ask for a rerun of a run, and go to the new one. Of a cell, that cell is run again, and its value replaced.
 * @param {{id: string, workflow: string, owner?: any}} run
 * @param {{start_block?: string, stop_after?: string}} wanted nothing for the whole run
 * @param {{path: string, started: (answer: any) => void}|null} [cell] where the API has the cell
 */
export async function planRerun(run, wanted, cell = null) {
  const view = (close) => html`<${Plan} run=${run} wanted=${wanted} cell=${cell} close=${close} />`;
  const started = await openDialog(view, { wide: true });
  if (started && cell) cell.started(started);
  else if (started) location.assign(`/runs/${started.id}/${location.search}`);
}

/**
 * @param {{run: any, wanted: any, cell?: any, close: (started?: any) => void, first?: string,
 *   onPlan?: (plan: any) => void}} props `first` is the version offered first
 */
export function Plan({ run, wanted, cell = null, close, first = "@source", onPlan = (_) => {} }) {
  const [ref, setRef] = useState(first);
  const [pinned, setPinned] = useState(false);
  const [plan, setPlan] = useState(/** @type {any} */ (null));
  const { busy, faults, setFaults, send } = useSending();
  const path = cell ? `${cell.path}rerun/` : `workflows/${run.workflow}/runs/`;
  const body = { ...wanted, source_run: run.id, ...(!cell && { ref }), mode: pinned ? "pinned" : "strict" };
  const work = (signal) => {
    const show = (answer) => {
      setPlan(answer);
      onPlan(answer);
    };
    const fail = (error) => isAbort(error) || setFaults(linesOf(error));
    setPlan(null);
    setFaults([]);
    return api("POST", path, { body: { ...body, dry_run: true }, signal }).then(show, fail);
  };
  useSettled(work, 0, [ref, pinned]);
  const start = () =>
    send(async () => close(await api("POST", path, { body: { ...body, plan_hash: plan.plan_hash }, key: intent() })));
  const version = html`<select id="plan-ref" value=${ref} onChange=${(event) => setRef(event.currentTarget.value)}>
    ${optionsOf(VERSIONS, ref)}
  </select>`;
  const verb = plan ? `Run ${plural(plan.rerun.length, "block")}` : "Run";
  const working = html`<p class="quiet" role="status">Working out what would run …</p>`;
  return html`<h2 id="dialog-title">${titleOf(wanted)}</h2>
    <div class="plan-choices">
      ${!cell && labelled("plan-ref", "Version", version)}
      ${tick("Keep results of changed blocks before it", pinned, setPinned)}
    </div>
    ${
      !cell &&
      run.owner?.kind === "cell" &&
      html`<p class="quiet">This starts a run of its own: the table's cell keeps its value.</p>`
    }
    <${Faults} lines=${faults} />
    ${plan ? html`<${Preview} plan=${plan} />` : !faults.length && working}
    <div class="actions">${cancel(close)} ${button(verb, start, "primary", { disabled: !plan || busy })}</div>`;
}

function titleOf(wanted) {
  if (wanted.start_block) return `Run from ${wanted.start_block}`;
  return wanted.stop_after ? `Run until ${wanted.stop_after}` : "Run again";
}

/** A plan as people read it. @param {{plan: any}} props */
export function Preview({ plan }) {
  const { rerun, reuse, effects = [], warnings = [] } = plan;
  const list = (title, entries, view) =>
    entries.length > 0 &&
    html`<h3>${title}</h3>
      <ul>
        ${entries.map(view)}
      </ul>`;
  return html`<div class="plan" role="status">
    ${plan.is_full && html`<p>Nothing of the earlier run can be kept: everything runs.</p>`}
    ${list(
      "Runs again",
      rerun,
      (one) => html`<li><code>${one.step}</code> <span class="quiet">${reasonWord(one.reason)}</span></li>`,
    )}
    ${
      reuse.length > 0 &&
      html`<h3>Keeps its result</h3>
        <p class="chips">${reuse.map((step) => html`<span class="chip">${step}</span> `)}</p>`
    }
    ${list("What it may do", effects, ({ step, type, effect }) => {
      const words = EFFECTS[effect] || effect;
      return html`<li data-effect=${effect}><code>${step}</code> ${type}: ${words}</li>`;
    })}
    ${list("Good to know", warnings, (one) => html`<li>${one.message}</li>`)}
  </div>`;
}
