// @ts-check
/** When: once, at times people pick, or five cron fields; in which zone. */
import { DAYS, EVERY, STEPS } from "../cron/build.js";
import { isZone, zoneHere, zones } from "../cron/zone.js";
import { NextRuns } from "../cron/preview.js";
import { Field, Input, Segments, faultsOf } from "../ui/fields.js";
import { html } from "../ui/html.js";
import { Faults, labelled, optionsOf } from "../ui/parts.js";
import { expressionOf } from "./values.js";

const KINDS = Object.entries({ repeats: "Repeats", cron: "Cron", once: "Once" });

export function Schedule({ form }) {
  const { values, set, errors } = form;
  const go = (when) =>
    set({ when, ...(when === "cron" && values.when === "repeats" && { cron_expression: expressionOf(values) }) });
  const ways = {
    once: () =>
      html`<${Input}
        form=${form}
        name="run_at"
        label="At"
        type="datetime-local"
        step="1"
        required
        hint=${`On the clock of ${values.cron_timezone}.`}
      />`,
    repeats: () =>
      html`<${Repeats} plan=${values.plan} change=${(part) => set({ plan: { ...values.plan, ...part } })} />
        <${Faults} id="trigger-plan-errors" lines=${faultsOf(errors, "cron_expression")} />`,
    cron: () =>
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
      />`,
  };
  return html`<section>
    <h2>When</h2>
    <div class="field"><${Segments} label="How it repeats" options=${KINDS} value=${values.when} onPick=${go} /></div>
    ${ways[values.when]()}
    <${Zone} form=${form} />
  </section>`;
}

const MONTH_DAYS = [...Array.from({ length: 31 }, (_, at) => [at + 1, at + 1]), ["L", "last day"]];
const MINUTE = { type: "number", min: 0, max: 59, required: true };

function Repeats({ plan, change }) {
  const { every } = plan;
  const select = (name, label, list, read) => {
    const pick = (event) => change({ [name]: read(event.currentTarget.value) });
    const id = `plan-${name}`;
    return labelled(
      id,
      label,
      html`<select id=${id} onChange=${pick}>
        ${optionsOf(list, plan[name])}
      </select>`,
    );
  };
  const setMinute = (event) => {
    const minute = Math.trunc(event.currentTarget.valueAsNumber) || 0;
    change({ minute: Math.min(59, Math.max(0, minute)) });
  };
  const setTime = (event) => {
    if (event.currentTarget.value) change({ time: event.currentTarget.value });
  };
  const minute = html`<input id="plan-minute" ...${MINUTE} value=${plan.minute} onInput=${setMinute} />`;
  const time = html`<input id="plan-time" type="time" required value=${plan.time} onInput=${setTime} />`;
  const steps = STEPS.map((step) => [step, step]);
  return html`<div class="row-of-fields">
      ${select("every", "Every", EVERY, String)}
      ${every === "minutes" && select("step", "Minutes between", steps, Number)}
      ${every === "hour" && labelled("plan-minute", "At minute", minute)}
      ${every === "month" && select("day", "On day", MONTH_DAYS, (day) => (day === "L" ? day : Number(day)))}
      ${!["minutes", "hour"].includes(every) && labelled("plan-time", "At", time)}
    </div>
    ${
      every === "month" &&
      Number(plan.day) > 28 &&
      html`<p class="hint">Months without a day ${plan.day} are left out; choose the last day to have every month.</p>`
    }
    ${every === "week" && html`<${Weekdays} days=${plan.days} change=${(days) => change({ days })} />`}`;
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
    ${DAYS.map(
      ([day, word]) =>
        html`<label class="tick">
          <input type="checkbox" checked=${days.includes(day)} onChange=${flip(day)} />
          ${word}
        </label>`,
    )}
  </fieldset>`;
}

function Zone({ form }) {
  const { values, set, errors } = form;
  const here = zoneHere();
  const isAway = isZone(values.cron_timezone) && values.cron_timezone !== here;
  const useIt = () => set({ cron_timezone: here });
  const hint = html`Yours is ${here}.${" "}<button type="button" class="as-link" onClick=${useIt}>Use it</button>`;
  return html`<${Field} name="cron_timezone" label="Time zone" errors=${errors} hint=${isAway ? hint : null}>
    ${(own) =>
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
        <datalist id="zones">${zones().map((zone) => html`<option value=${zone} />`)}</datalist>`}
  <//>`;
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
