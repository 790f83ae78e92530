// @ts-check
/** When: once, at times people pick, or five cron fields; in which zone. */
import { DAYS, EVERY, STEPS } from "../cron/build.js";
import { isZone, zoneHere, zones } from "../cron/zone.js";
import { NextRuns } from "../cron/preview.js";
import { html } from "../ui/html.js";
import { Faults, Field, Input, Segments, faultsOf } from "./fields.js";
import { expressionOf } from "./values.js";

const KINDS = [
  ["repeats", "Repeats"],
  ["cron", "Cron"],
  ["once", "Once"],
];

export function Schedule({ form }) {
  const { values, set, errors } = form;
  const go = (when) =>
    set({ when, ...(when === "cron" && values.when === "repeats" && { cron_expression: expressionOf(values) }) });
  return html`<section>
    <h2>When</h2>
    <div class="field"><${Segments} label="How it repeats" options=${KINDS} value=${values.when} onPick=${go} /></div>
    ${values.when === "once" && html`<${Input} form=${form} name="run_at" label="At" type="datetime-local" step="1" required hint=${`On the clock of ${values.cron_timezone}.`} />`}
    ${values.when === "repeats" && html`<${Repeats} plan=${values.plan} change=${(part) => set({ plan: { ...values.plan, ...part } })} /><${Faults} id="trigger-plan-errors" lines=${faultsOf(errors, "cron_expression")} />`}
    ${
      values.when === "cron" &&
      html`<${Input}
        form=${form}
        name="cron_expression"
        label="Cron expression"
        required
        maxlength="256"
        autocomplete="off"
        spellcheck="false"
        class="mono"
        hint="Minute, hour, day of the month, month, day of the week; or @hourly, @daily, @weekly, @monthly, @yearly."
      />`
    }
    <${Zone} form=${form} />
  </section>`;
}

function Repeats({ plan, change }) {
  const pick = (name) => (event) => change({ [name]: event.currentTarget.value });
  return html`<div class="row-of-fields">
      <div class="field">
        <label for="plan-every">Every</label>
        <select id="plan-every" onChange=${pick("every")}>
          ${EVERY.map(([value, word]) => html`<option value=${value} selected=${value === plan.every}>${word}</option>`)}
        </select>
      </div>
      ${
        plan.every === "minutes" &&
        html`<div class="field">
          <label for="plan-step">Minutes between</label>
          <select id="plan-step" onChange=${(event) => change({ step: Number(event.currentTarget.value) })}>
            ${STEPS.map((step) => html`<option value=${step} selected=${step === plan.step}>${step}</option>`)}
          </select>
        </div>`
      }
      ${
        plan.every === "hour" &&
        html`<div class="field">
          <label for="plan-minute">At minute</label>
          <input
            id="plan-minute"
            type="number"
            min="0"
            max="59"
            required
            value=${plan.minute}
            onInput=${(event) => change({ minute: Math.min(59, Math.max(0, Math.trunc(event.currentTarget.valueAsNumber) || 0)) })}
          />
        </div>`
      }
      ${
        plan.every === "month" &&
        html`<div class="field">
          <label for="plan-day">On day</label>
          <select
            id="plan-day"
            onChange=${(event) => change({ day: event.currentTarget.value === "L" ? "L" : Number(event.currentTarget.value) })}
          >
            ${Array.from({ length: 31 }, (_, at) => html`<option value=${at + 1} selected=${plan.day === at + 1}>${at + 1}</option>`)}
            <option value="L" selected=${plan.day === "L"}>last day</option>
          </select>
        </div>`
      }
      ${
        !["minutes", "hour"].includes(plan.every) &&
        html`<div class="field">
          <label for="plan-time">At</label>
          <input
            id="plan-time"
            type="time"
            required
            value=${plan.time}
            onInput=${(event) => {
              if (event.currentTarget.value) change({ time: event.currentTarget.value });
            }}
          />
        </div>`
      }
    </div>
    ${plan.every === "month" && Number(plan.day) > 28 && html`<p class="hint">Months without a day ${plan.day} are left out; choose the last day to have every month.</p>`}
    ${plan.every === "week" && html`<${Weekdays} days=${plan.days} change=${(days) => change({ days })} />`}`;
}

/** At least one day stays picked. */
function Weekdays({ days, change }) {
  const flip = (day) => (event) => {
    const next = event.currentTarget.checked ? [...days, day] : days.filter((each) => each !== day);
    if (next.length) change(next);
    else event.currentTarget.checked = true;
  };
  return html`<fieldset class="days">
    <legend class="visually-hidden">Days of the week</legend>
    ${DAYS.map(([day, word]) => html`<label class="tick"><input type="checkbox" checked=${days.includes(day)} onChange=${flip(day)} />${word}</label>`)}
  </fieldset>`;
}

function Zone({ form }) {
  const { values, set, errors } = form;
  const here = zoneHere();
  return html`<${Field}
    name="cron_timezone"
    label="Time zone"
    errors=${errors}
    hint=${isZone(values.cron_timezone) && values.cron_timezone !== here ? html`Yours is ${here}. <button type="button" class="as-link" onClick=${() => set({ cron_timezone: here })}>Use it</button>` : null}
    >${(own) =>
      html`<input
          ...${own}
          list="zones"
          required
          maxlength="64"
          autocomplete="off"
          spellcheck="false"
          value=${values.cron_timezone}
          onInput=${(event) => set({ cron_timezone: event.currentTarget.value })}
        />
        <datalist id="zones">${zones().map((zone) => html`<option value=${zone} />`)}</datalist>`}<//
  >`;
}

/** The five next runs of what the form says now. */
export function Upcoming({ values }) {
  return html`<section class="coming" aria-labelledby="coming-title">
    <h2 id="coming-title">Next runs</h2>
    <${NextRuns}
      expression=${expressionOf(values)}
      zone=${values.cron_timezone}
      wall=${values.when === "once" ? values.run_at : ""}
      start=${values.start_at}
      end=${values.end_at}
    />
  </section>`;
}
