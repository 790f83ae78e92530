// @ts-check
/** One step: how it stands, its attempts with what went in and came out, and what can be done about it. */
import { api } from "../api.js";
import { clock, duration, instant } from "../format.js";
import { cross, html, icon, useEffect, useState } from "../ui/html.js";
import { report } from "../ui/toast.js";
import { AnswerForm, DecisionForm } from "./answer.js";
import { Body, Fault } from "./body.js";
import { compareStep } from "./compare.js";
import { planRerun } from "./rerun.js";
import { ENDED, blockOf, startAt, stepWord, tookOf } from "./steps.js";

/** @param {{store: any, stepKey: string, name: string, mayRun: boolean, now: number, close: () => void}} props */
export function Panel({ store, stepKey, name, mayRun, now, close }) {
  const step = store.shown.get(stepKey);
  const [state, word] = stepWord(step ? step.status : "pending");
  return html`<aside class="drawer run-panel" aria-label=${`Step ${name}`}>
    <header class="drawer-head">
      <div>
        <h2>${name}</h2>
        <p class="quiet">${factsOf(step, now)}</p>
      </div>
      <span class="pill" data-state=${state}
        ><span class="word">${step && step.cached_from ? "Reused" : word}</span></span
      >
      <button type="button" class="icon-button" aria-label="Close" onClick=${close}>${cross}</button>
    </header>
    <${StepBody}
      store=${store}
      stepKey=${stepKey}
      name=${name}
      mayRun=${mayRun}
      actions=${mayRun && html`<${Actions} store=${store} stepKey=${stepKey} />`}
    />
  </aside>`;
}

/** What there is to say of a step. @param {{store: any, stepKey: string, name: string, mayRun: boolean, actions: any}} props */
export function StepBody({ store, stepKey, name, mayRun, actions }) {
  const step = store.shown.get(stepKey);
  const full = useFull(store, stepKey, step);
  const live = store.live.get(stepKey);
  const asked = store.pauses.filter((pause) => pause.step_key === stepKey && pause.kind === "approval");
  return html`${
      step &&
      step.cached_from &&
      html`<section>
        <p>
          Kept from <a href=${`/runs/${step.cached_from}/`}>run ${step.cached_from.slice(-6)}</a>: it did not run again.
        </p>
      </section>`
    }
    ${step && step.waits && html`<section><p>${waitWords(step.waits)}</p></section>`}
    ${
      live &&
      live.progress &&
      html`<section>
        <h3>Progress</h3>
        <progress max="1" value=${live.progress.done} aria-label="Progress"></progress>
        <p class="quiet">${live.progress.message}</p>
      </section>`
    }
    ${
      live &&
      live.text &&
      html`<section>
        <h3>Output so far</h3>
        <pre class="so-far" tabindex="0" aria-label="Output so far">${live.text}</pre>
      </section>`
    }
    <${Fault} title=${`${name} failed`} error=${step && step.error} />
    ${asked.map((pause) => html`<${AnswerForm} key=${pause.id} store=${store} pause=${pause} mayRun=${mayRun} />`)}
    ${step && step.status === "unknown" && mayRun && html`<${DecisionForm} store=${store} stepKey=${stepKey} />`}
    ${actions}${full && html`<${Attempts} step=${full} />`}
    ${full && html`<section><${Body} title="Output" value=${full.output} /></section>`}
    <${Compare} store=${store} stepKey=${stepKey} />`;
}

/** The step with its bodies, read again whenever its record changes. */
function useFull(store, stepKey, step) {
  const [full, setFull] = useState(/** @type {any} */ (null));
  const mark = step ? `${step.status} ${step.seq} ${step.finished_at || ""} ${store.run.epoch}` : "";
  useEffect(() => {
    const control = new AbortController();
    setFull((known) => (known && known.step_key === stepKey ? known : null));
    api("GET", `runs/${store.runId}/steps/`, { query: { step: stepKey }, signal: control.signal }).then(
      (page) => setFull(page.results[0] || null),
      (error) => report(error, "read the step"),
    );
    return () => control.abort();
  }, [stepKey, mark]);
  return full && full.step_key === stepKey ? full : null;
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
  const block = blockOf(stepKey);
  return html`<section class="drawer-actions">
    <button
      type="button"
      class="button primary"
      onClick=${() => planRerun(store.run, { start_block: startAt(stepKey) })}
    >
      ${icon("play")}Run from here
    </button>
    <button type="button" class="button" onClick=${() => planRerun(store.run, { stop_after: block })}>
      Run until here
    </button>
    ${!ENDED.has(store.run.status) && html`<p class="quiet">A new run; this one goes on.</p>`}
  </section>`;
}

function Attempts({ step }) {
  const [shown, setShown] = useState(-1);
  const attempts = step.attempts;
  if (!attempts.length) return null;
  const at = shown < 0 || shown >= attempts.length ? attempts.length - 1 : shown;
  const attempt = attempts[at];
  return html`<section>
    ${
      attempts.length > 1
        ? html`<div class="field">
            <label for="attempt">Attempt</label
            ><select
              id="attempt"
              value=${String(at)}
              onChange=${(event) => setShown(Number(event.currentTarget.value))}
            >
              ${attempts.map((one, number) => html`<option value=${String(number)}>${number + 1} of ${attempts.length} · ${instant(one.started_at)}${one.error ? ` · ${one.error.code}` : ""}</option>`)}
            </select>
          </div>`
        : html`<h3>Attempt</h3>`
    }
    <p class="quiet number">
      ${instant(attempt.started_at)}${attempt.finished_at ? ` · ${duration(Date.parse(attempt.finished_at) - Date.parse(attempt.started_at))}` : ""}
    </p>
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
  return html`<section>
    <details class="body">
      <summary>Compare with another run</summary>
      <form onSubmit=${compare}>
        <div class="field">
          <label for="other-run">Run id</label
          ><input
            id="other-run"
            value=${other}
            required
            autocomplete="off"
            onInput=${(event) => setOther(event.currentTarget.value)}
          />
        </div>
        <button class="button small">Compare</button>
      </form>
      ${found}
    </details>
  </section>`;
}
