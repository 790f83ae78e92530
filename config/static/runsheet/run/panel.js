// @ts-check
/** One step: how it stands, its attempts with what went in and came out, and what can be done about it. */
import { api } from "../api.js";
import { clock, duration, instant } from "../format.js";
import { html, icon, useState } from "../ui/html.js";
import { DrawerHead, button, labelled, optionsOf, pill } from "../ui/parts.js";
import { useSettled } from "../ui/settled.js";
import { report } from "../ui/toast.js";
import { AnswerForm, DecisionForm } from "./answer.js";
import { Body, Fault, RunLink, SoFar } from "./body.js";
import { compareStep } from "./compare.js";
import { planRerun } from "./rerun.js";
import { ENDED, blockOf, startAt, stepWord, tookOf } from "./steps.js";

/** @param {{store: any, stepKey: string, name: string, mayRun: boolean, now: number, close: () => void}} props */
export function Panel({ store, stepKey, name, mayRun, now, close }) {
  const step = store.shown.get(stepKey);
  const [state, word] = stepWord(step ? step.status : "pending");
  return html`<aside class="drawer run-panel" aria-label=${`Step ${name}`}>
    <${DrawerHead} title=${name} facts=${factsOf(step, now)} close=${close}>
      ${pill(state, step?.cached_from ? "Reused" : word)}
    <//>
    <${StepBody}
      store=${store}
      stepKey=${stepKey}
      name=${name}
      mayRun=${mayRun}
      actions=${mayRun && html`<${Actions} store=${store} stepKey=${stepKey} />`}
    />
  </aside>`;
}

/**
 * What there is to say of a step.
 * @param {{store: any, stepKey: string, name: string, mayRun: boolean, actions: any}} props
 */
export function StepBody({ store, stepKey, name, mayRun, actions }) {
  const step = store.shown.get(stepKey);
  const full = useFull(store, stepKey, step);
  const live = store.live.get(stepKey);
  const asked = store.pauses.filter((pause) => pause.step_key === stepKey && pause.kind === "approval");
  return html`${
      step?.cached_from &&
      html`<section>
        <p>Kept from <${RunLink} id=${step.cached_from} />: it did not run again.</p>
      </section>`
    }
    ${step?.waits && html`<section><p>${waitWords(step.waits)}</p></section>`}
    ${
      live?.progress &&
      html`<section>
        <h3>Progress</h3>
        <progress max="1" value=${live.progress.done} aria-label="Progress"></progress>
        <p class="quiet">${live.progress.message}</p>
      </section>`
    }
    ${
      live?.text &&
      html`<section>
        <h3>Output so far</h3>
        <${SoFar} live=${live} />
      </section>`
    }
    <${Fault} title=${`${name} failed`} error=${step?.error} />
    ${asked.map((pause) => html`<${AnswerForm} key=${pause.id} store=${store} pause=${pause} mayRun=${mayRun} />`)}
    ${step?.status === "unknown" && mayRun && html`<${DecisionForm} store=${store} stepKey=${stepKey} />`} ${actions}
    ${full && html`<${Attempts} step=${full} />`}
    ${full && html`<section><${Body} title="Output" value=${full.output} /></section>`}
    <${Compare} store=${store} stepKey=${stepKey} />`;
}

/** The step with its bodies, read again whenever its record changes. */
function useFull(store, stepKey, step) {
  const [full, setFull] = useState(/** @type {any} */ (null));
  const mark = step ? `${step.status} ${step.seq} ${step.finished_at} ${store.run.epoch}` : "";
  const read = (signal) =>
    api("GET", `runs/${store.runId}/steps/`, { query: { step: stepKey }, signal }).then(
      (page) => setFull(page.results[0] || null),
      (error) => report(error, "read the step"),
    );
  useSettled(read, 0, [stepKey, mark]);
  return full?.step_key === stepKey ? full : null;
}

export function factsOf(step, now) {
  if (!step) return "Not reached";
  const took = tookOf(step, now);
  const facts = [step.step_key];
  if (took !== null && step.status !== "skipped" && !step.cached_from) facts.push(duration(took));
  if (step.handle && step.handle !== "source") facts.push(`went to ${step.handle}`);
  return facts.join(" · ");
}

function waitWords(waits) {
  const until = waits.until ? ` until ${clock(waits.until)}` : "";
  if (waits.kind === "approval") return `Waits for approval${until}.`;
  if (waits.kind === "run") return html`Waits for <a href=${`/runs/${waits.child_run}/`}>its run</a>.`;
  return waits.kind === "backoff" ? `Tries again${until.replace("until", "at")}.` : `Waits${until}.`;
}

function Actions({ store, stepKey }) {
  const fromHere = () => planRerun(store.run, { start_block: startAt(stepKey) });
  const untilHere = () => planRerun(store.run, { stop_after: blockOf(stepKey) });
  return html`<section class="drawer-actions">
    ${button(html`${icon("play")}Run from here`, fromHere, "primary")} ${button("Run until here", untilHere)}
    ${!ENDED.has(store.run.status) && html`<p class="quiet">A new run; this one goes on.</p>`}
  </section>`;
}

function Attempts({ step: { attempts } }) {
  const [shown, setShown] = useState(-1);
  if (!attempts.length) return null;
  const at = shown < 0 || shown >= attempts.length ? attempts.length - 1 : shown;
  const attempt = attempts[at];
  const choices = attempts.map(({ started_at, error }, number) => [
    String(number),
    `${number + 1} of ${attempts.length} · ${instant(started_at)}${error ? ` · ${error.code}` : ""}`,
  ]);
  const choose = (event) => setShown(Number(event.currentTarget.value));
  const select = html`<select id="attempt" value=${String(at)} onChange=${choose}>
    ${optionsOf(choices, String(at))}
  </select>`;
  const took = attempt.finished_at && Date.parse(attempt.finished_at) - Date.parse(attempt.started_at);
  return html`<section>
    ${attempts.length > 1 ? labelled("attempt", "Attempt", select) : html`<h3>Attempt</h3>`}
    <p class="quiet number">${instant(attempt.started_at)}${attempt.finished_at && ` · ${duration(took)}`}</p>
    ${attempt.error && html`<pre class="error-box">${attempt.error.code}: ${attempt.error.message}</pre>`}
    <${Body} title="Input" value=${attempt.input} />
  </section>`;
}

function Compare({ store, stepKey }) {
  const [other, setOther] = useState(store.run.forked_from || "");
  const [found, setFound] = useState(/** @type {any} */ (null));
  const compare = async (event) => {
    event.preventDefault();
    setFound(await compareStep(store.runId, other.trim(), stepKey));
  };
  const type = (event) => setOther(event.currentTarget.value);
  const field = html`<input id="other-run" value=${other} required autocomplete="off" onInput=${type} />`;
  return html`<section>
    <details class="body">
      <summary>Compare with another run</summary>
      <form onSubmit=${compare}>
        ${labelled("other-run", "Run id", field)}
        <button class="button small">Compare</button>
      </form>
      ${found}
    </details>
  </section>`;
}
