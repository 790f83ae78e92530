// @ts-check
/** The rest of a trigger: what it hands over, and how it copes. */
import { Area, Field, Input, Select } from "../ui/fields.js";
import { html } from "../ui/html.js";
import { TableLimits } from "./target.js";

const OVERLAP = [
  ["skip", "Skip the new one"],
  ["buffer_one", "Keep one waiting"],
  ["cancel_other", "Cancel the earlier one"],
  ["allow", "Run both"],
];
const CATCHUP = Object.entries({ latest: "Run the latest one", all: "Run each of them", skip: "Run none" });

/** `members` is null for those who may only have it run as themselves. */
export function Options({ form, members, person }) {
  const { values } = form;
  const isAll = values.catchup_policy === "all";
  const number = (name, label, more) =>
    html`<${Input} form=${form} name=${name} label=${label} type="number" min="0" step="1" ...${more} />`;
  const time = (name, label) =>
    html`<${Input} form=${form} name=${name} label=${label} type="datetime-local" step="1" />`;
  return html`<details class="options">
    <summary>More options</summary>
    <${values.target_kind === "table_run" ? TableLimits : HandedOver} form=${form} />
    <div class="row-of-fields">
      <${Select} form=${form} name="overlap_policy" label="If an earlier one is still under way" options=${OVERLAP} />
      <${Select} form=${form} name="catchup_policy" label="If slots were missed" options=${CATCHUP} />
      ${number("catchup_window_seconds", "Missed at most so long ago, in seconds", { min: 10, required: true })}
      ${isAll && number("catchup_limit", "At most so many of them", { min: 1, required: true })}
    </div>
    <div class="row-of-fields">
      ${number("max_retries", "Retries", { max: 10, required: true })}
      ${number("retry_delay_seconds", "First retry after, in seconds", {
        min: 10,
        required: true,
        hint: "Doubles with each.",
      })}
      ${number("timeout_seconds", "Stop after, in seconds", { min: 30, placeholder: "never" })}
      ${number("pause_on_failures", "Pause after so many failures in a row", { min: 1, placeholder: "never" })}
    </div>
    <div class="row-of-fields">
      ${time("start_at", "Not before")} ${time("end_at", "Not after")}
      ${number("jitter_seconds", "Spread over, in seconds", {
        max: 3600,
        required: true,
        hint: "Starts up to this much later, always alike for one slot.",
      })}
    </div>
    <${RunAs} form=${form} members=${members} person=${person} />
    <${Area} form=${form} name="description" label="Notes" rows="2" maxlength="10000" />
  </details>`;
}

/** What a message template may speak of. */
const SPOKEN =
  "A template over payload, trigger, scheduled_for, scheduled_for_local and timezone; the workflow reads it as " +
  "input.message. Empty: the payload.";

const HandedOver = ({ form }) =>
  html`<${Area}
      form=${form}
      name="payload"
      label="Payload, as JSON"
      rows="4"
      spellcheck="false"
      class="mono"
      placeholder=${'{"region": "EU"}'}
      hint="The workflow reads it as input.payload."
    />
    <${Area}
      form=${form}
      name="message_template"
      label="Message"
      rows="2"
      spellcheck="false"
      class="mono"
      placeholder="Report for {{ scheduled_for_local }}"
      hint=${SPOKEN}
    />`;

function RunAs({ form, members, person }) {
  if (members) {
    const able = members
      .filter((member) => member.role !== "viewer")
      .map((member) => [member.user, member.name || member.username]);
    return html`<${Select}
      form=${form}
      name="run_as_user"
      label="Runs as"
      none="Choose a person"
      options=${able}
      hint="It may do what this person may, and stops when they leave."
    />`;
  }
  const chosen = form.values.run_as_user;
  const isMine = chosen === person.id;
  const somebody = chosen ? "Somebody else" : "Nobody";
  const mine = html`<button type="button" class="as-link" onClick=${() => form.set({ run_as_user: person.id })}>
    Have it run as you
  </button>`;
  return html`<${Field}
    name="run_as_user"
    label="Runs as"
    errors=${form.errors}
    hint=${isMine ? "It may do what you may, and stops when you leave." : mine}
  >
    ${(own) => html`<input ...${own} readonly value=${isMine ? `${person.name} (you)` : somebody} />`}
  <//>`;
}
