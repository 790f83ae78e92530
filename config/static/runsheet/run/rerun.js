// @ts-check
/** Running again: the plan first (what is kept, what runs and why, what it may do to the world), then that plan or none. */
import { Problem, api } from "../api.js";
import { plural } from "../format.js";
import { openDialog } from "../ui/dialog.js";
import { html, useEffect, useState } from "../ui/html.js";
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
 * Ask for a rerun of a run, and go to the new one. Of a cell, that cell is run again instead, and its value replaced.
 * @param {{id: string, workflow: string, owner?: any}} run
 * @param {{start_block?: string, stop_after?: string}} wanted nothing for the whole run
 * @param {{path: string, started: (answer: any) => void}|null} [cell] where the API has the cell
 */
export async function planRerun(run, wanted, cell = null) {
  const started = await openDialog(
    (close) => html`<${Plan} run=${run} wanted=${wanted} cell=${cell} close=${close} />`,
    { wide: true },
  );
  if (started && cell) cell.started(started);
  else if (started) location.assign(`/runs/${started.id}/${location.search}`);
}

/** @param {{run: any, wanted: any, cell?: any, close: (started?: any) => void, first?: string, onPlan?: (plan: any) => void}} props `first` is the version offered first */
export function Plan({ run, wanted, cell = null, close, first = "@source", onPlan = (_) => {} }) {
  const [ref, setRef] = useState(first);
  const [pinned, setPinned] = useState(false);
  const [plan, setPlan] = useState(/** @type {any} */ (null));
  const [faults, setFaults] = useState(/** @type {string[]} */ ([]));
  const [busy, setBusy] = useState(false);
  const path = cell ? `${cell.path}rerun/` : `workflows/${run.workflow}/runs/`;
  const body = { ...wanted, source_run: run.id, ...(!cell && { ref }), mode: pinned ? "pinned" : "strict" };
  const failed = (error) =>
    setFaults(error instanceof Problem ? error.lines : ["The server could not be reached. Try again."]);
  useEffect(() => {
    let isWanted = true;
    setPlan(null);
    setFaults([]);
    api("POST", path, { body: { ...body, dry_run: true } }).then(
      (answer) => {
        if (isWanted) {
          setPlan(answer);
          onPlan(answer);
        }
      },
      (error) => {
        if (isWanted) failed(error);
      },
    );
    return () => {
      isWanted = false;
    };
  }, [ref, pinned]);
  const start = async () => {
    setBusy(true);
    try {
      close(await api("POST", path, { body: { ...body, plan_hash: plan.plan_hash }, key: crypto.randomUUID() }));
    } catch (error) {
      failed(error);
      setBusy(false);
    }
  };
  return html`<h2 id="dialog-title">${titleOf(wanted)}</h2>
    <div class="plan-choices">
      ${
        !cell &&
        html`<div class="field">
          <label for="plan-ref">Version</label
          ><select id="plan-ref" value=${ref} onChange=${(event) => setRef(event.currentTarget.value)}>
            ${VERSIONS.map(([value, words]) => html`<option value=${value}>${words}</option>`)}
          </select>
        </div>`
      }
      <label class="tick"
        ><input type="checkbox" checked=${pinned} onChange=${(event) => setPinned(event.currentTarget.checked)} /> Keep
        results of changed blocks before it</label
      >
    </div>
    ${!cell && run.owner && run.owner.kind === "cell" && html`<p class="quiet">This starts a run of its own: the table's cell keeps its value.</p>`}
    ${
      faults.length > 0 &&
      html`<ul class="errors" role="alert">
        ${faults.map((line) => html`<li>${line}</li>`)}
      </ul>`
    }
    ${plan ? html`<${Preview} plan=${plan} />` : !faults.length && html`<p class="quiet" role="status">Working out what would run …</p>`}
    <div class="actions">
      <button type="button" class="button" onClick=${() => close()}>Cancel</button>
      <button type="button" class="button primary" disabled=${!plan || busy} onClick=${start}>
        ${plan ? `Run ${plural(plan.rerun.length, "block")}` : "Run"}
      </button>
    </div>`;
}

function titleOf(wanted) {
  if (wanted.start_block) return `Run from ${wanted.start_block}`;
  return wanted.stop_after ? `Run until ${wanted.stop_after}` : "Run again";
}

/** A plan as people read it. @param {{plan: any}} props */
export function Preview({ plan }) {
  return html`<div class="plan" role="status">
    ${plan.is_full && html`<p>Nothing of the earlier run can be kept: everything runs.</p>`}
    ${
      plan.rerun.length > 0 &&
      html`<h3>Runs again</h3>
        <ul>
          ${plan.rerun.map((one) => html`<li><code>${one.step}</code> <span class="quiet">${reasonWord(one.reason)}</span></li>`)}
        </ul>`
    }
    ${
      plan.reuse.length > 0 &&
      html`<h3>Keeps its result</h3>
        <p class="chips">${plan.reuse.map((step) => html`<span class="chip">${step}</span> `)}</p>`
    }
    ${
      (plan.effects || []).length > 0 &&
      html`<h3>What it may do</h3>
        <ul>
          ${plan.effects.map((one) => html`<li data-effect=${one.effect}><code>${one.step}</code> ${one.type}: ${EFFECTS[one.effect] || one.effect}</li>`)}
        </ul>`
    }
    ${
      (plan.warnings || []).length > 0 &&
      html`<h3>Good to know</h3>
        <ul>
          ${plan.warnings.map((one) => html`<li>${one.message}</li>`)}
        </ul>`
    }
  </div>`;
}
