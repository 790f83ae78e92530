// @ts-check
/** The rest of a trigger: what it hands over, and how it copes. */
import { html } from "../ui/html.js";
import { Area, Field, Input, Select } from "./fields.js";
import { TableLimits } from "./target.js";

const OVERLAP = [
  ["skip", "Skip the new one"],
  ["buffer_one", "Keep one waiting"],
  ["cancel_other", "Cancel the earlier one"],
  ["allow", "Run both"],
];
const CATCHUP = [
  ["latest", "Run the latest one"],
  ["all", "Run each of them"],
  ["skip", "Run none"],
];

/** `members` is null for those who may only have it run as themselves. */
export function Options({ form, members, person, isOpen }) {
  const { values } = form;
  const isTable = values.target_kind === "table_run";
  const whole = { type: "number", min: 0, step: 1 };
  return html`<details class="options" open=${isOpen}>
    <summary>More options</summary>
    ${isTable ? html`<${TableLimits} form=${form} />` : html`<${HandedOver} form=${form} />`}
    <div class="row-of-fields">
      <${Select} form=${form} name="overlap_policy" label="If an earlier one is still under way" options=${OVERLAP} />
      <${Select} form=${form} name="catchup_policy" label="If slots were missed" options=${CATCHUP} />
      <${Input}
        form=${form}
        name="catchup_window_seconds"
        label="Missed at most so long ago, in seconds"
        ...${whole}
        min="10"
        required
      />
      ${values.catchup_policy === "all" && html`<${Input} form=${form} name="catchup_limit" label="At most so many of them" ...${whole} min="1" required />`}
    </div>
    <div class="row-of-fields">
      <${Input} form=${form} name="max_retries" label="Retries" ...${whole} max="10" required />
      <${Input}
        form=${form}
        name="retry_delay_seconds"
        label="First retry after, in seconds"
        ...${whole}
        min="10"
        required
        hint="Doubles with each."
      />
      <${Input}
        form=${form}
        name="timeout_seconds"
        label="Stop after, in seconds"
        ...${whole}
        min="30"
        placeholder="never"
      />
      <${Input}
        form=${form}
        name="pause_on_failures"
        label="Pause after so many failures in a row"
        ...${whole}
        min="1"
        placeholder="never"
      />
    </div>
    <div class="row-of-fields">
      <${Input} form=${form} name="start_at" label="Not before" type="datetime-local" step="1" />
      <${Input} form=${form} name="end_at" label="Not after" type="datetime-local" step="1" />
      <${Input}
        form=${form}
        name="jitter_seconds"
        label="Spread over, in seconds"
        ...${whole}
        max="3600"
        required
        hint="Starts up to this much later, always alike for one slot."
      />
    </div>
    <${RunAs} form=${form} members=${members} person=${person} />
    <${Area} form=${form} name="description" label="Notes" rows="2" maxlength="10000" />
  </details>`;
}

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
      hint="A template over payload, trigger, scheduled_for, scheduled_for_local and timezone; the workflow reads it as input.message. Empty: the payload."
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
  const words = isMine ? `${person.name} (you)` : chosen ? "Somebody else" : "Nobody";
  const mine = html`<button type="button" class="as-link" onClick=${() => form.set({ run_as_user: person.id })}>
    Have it run as you
  </button>`;
  return html`<${Field}
    name="run_as_user"
    label="Runs as"
    errors=${form.errors}
    hint=${isMine ? "It may do what you may, and stops when you leave." : mine}
    >${(own) => html`<input ...${own} readonly value=${words} />`}<//
  >`;
}
