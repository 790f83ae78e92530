// @ts-check
/** What a run is about when no step is chosen: its questions, its failure, its plan, what went in and came out. */
import { html } from "../ui/html.js";
import { AnswerForm, DecisionForm } from "./answer.js";
import { Body, Fault, RunLink } from "./body.js";
import { Story } from "./events.js";
import { Preview } from "./rerun.js";

/** @param {{store: any, names: Map<string, string>, mayRun: boolean}} props */
export function Overview({ store, names, mayRun }) {
  const { run } = store;
  const open = store.pauses.filter((pause) => pause.kind === "approval" && pause.status === "open");
  const unknown = [...store.steps.values()].filter((step) => mayRun && step.status === "unknown");
  const failed = run.error?.block ? `${names.get(run.error.block) || run.error.block} failed` : "What went wrong";
  return html`<aside class="drawer run-panel" aria-label="Run">
    ${open.map((pause) => html`<${AnswerForm} key=${pause.id} store=${store} pause=${pause} mayRun=${mayRun} />`)}
    ${unknown.map(
      (step) =>
        html`<div key=${step.step_key}>
          <section><h3>${names.get(step.block) || step.step_key}</h3></section>
          <${DecisionForm} store=${store} stepKey=${step.step_key} />
        </div>`,
    )}
    <${Fault} title=${failed} error=${run.status === "cancelled" ? null : run.error} />
    ${
      run.plan &&
      html`<section>
        <h3>What was kept, what ran and why</h3>
        ${run.forked_from && html`<p>Made from <${RunLink} id=${run.forked_from} />.</p>`}
        <${Preview} plan=${{ ...run.plan, effects: [] }} />
      </section>`
    }
    <section>
      <${Body} title="Result" value=${run.result} />
      <${Body} title="Input" value=${run.input} open=${run.result === null} />
    </section>
    <${Story} events=${store.events} />
  </aside>`;
}
