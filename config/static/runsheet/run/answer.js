// @ts-check
/** Deciding for a run: the form of an approval, and what became of a step nobody knows the outcome of. */
import { api } from "../api.js";
import { instant } from "../format.js";
import { html, useState } from "../ui/html.js";
import { Faults, labelled } from "../ui/parts.js";
import { useSending } from "../ui/sending.js";

/** @param {{store: any, pause: any, mayRun: boolean}} props */
export function AnswerForm({ store, pause, mayRun }) {
  const { busy, faults, send } = useSending();
  const asks = pause.request || {};
  const asked = asks.fields || [];
  if (pause.status !== "open")
    return html`<section>
      <h3>${asks.message || "Question"}</h3>
      <p>${answered(pause)}</p>
    </section>`;
  const submit = (event) => {
    event.preventDefault();
    const { elements } = event.currentTarget;
    const values = asked.map((field) => [field.name, valueOf(elements.namedItem(`f-${field.name}`), field)]);
    const comment = elements.namedItem("comment").value.trim();
    const body = {
      decision: event.submitter.value,
      fields: Object.fromEntries(values.filter(([, value]) => value !== undefined)),
      ...(comment && { comment }),
    };
    send(() => api("POST", `runs/${store.runId}/pauses/${pause.id}/answer/`, { body }).then(() => store.fetch()));
  };
  return html`<section class="ask">
    <h3>${asks.message || "Approve?"}</h3>
    ${
      mayRun &&
      html`<form onSubmit=${submit}>
        ${asked.map((field) => html`<${Field} key=${field.name} field=${field} />`)}
        ${labelled("comment", "Comment", html`<textarea id="comment" name="comment" rows="2"></textarea>`)}
        <${Faults} lines=${faults} />
        <div class="actions">
          <button class="button primary" value="approve" disabled=${busy}>Approve</button>
          <button class="button danger" value="reject" disabled=${busy} formnovalidate>Reject</button>
        </div>
      </form>`
    }
  </section>`;
}

function answered(pause) {
  if (pause.status === "expired") return "Nobody answered in time.";
  if (pause.status === "dead") return "The run ended before anybody answered.";
  const by = pause.answered_by ? ` by ${pause.answered_by.name || "somebody"}` : "";
  const decision = pause.answer?.decision === "reject" ? "Rejected" : "Approved";
  return `${decision}${by}${pause.answered_at ? `, ${instant(pause.answered_at)}` : ""}.`;
}

const INPUTS = { number: "number", date: "date" };

function Field({ field }) {
  const id = `f-${field.name}`;
  const label = field.label || field.name;
  if (field.type === "boolean")
    return html`<div class="field tick">
      <label><input type="checkbox" name=${id} checked=${field.default === true} /> ${label}</label>
    </div>`;
  return labelled(
    id,
    label,
    controlOf(field, { id, name: id, required: Boolean(field.required), autocomplete: "off" }),
  );
}

function controlOf(field, own) {
  if (field.type === "long_text") return html`<textarea ...${own} rows="3">${field.default || ""}</textarea>`;
  if (field.type !== "select") {
    const type = INPUTS[field.type] || "text";
    return html`<input ...${own} type=${type} step="any" defaultValue=${field.default ?? ""} />`;
  }
  return html`<select ...${own}>
    <option value=""></option>
    ${(field.options || []).map((option) => html`<option selected=${option === field.default}>${option}</option>`)}
  </select>`;
}

function valueOf(control, field) {
  if (field.type === "boolean") return control.checked;
  if (control.value === "") return undefined;
  return field.type === "number" ? Number(control.value) : control.value;
}

/** @param {{store: any, stepKey: string}} props */
export function DecisionForm({ store, stepKey }) {
  const { busy, faults, send } = useSending();
  const [wrong, setWrong] = useState("");
  const submit = (event) => {
    event.preventDefault();
    const decision = event.submitter.value;
    const text = event.currentTarget.elements.namedItem("output").value.trim();
    let output = null;
    try {
      if (decision === "done" && text) output = JSON.parse(text);
    } catch {
      setWrong('The output must be JSON, such as {"sent": true}.');
      return;
    }
    setWrong("");
    const body = { step_key: stepKey, decision, ...(decision === "done" && { output }) };
    send(() => api("POST", `runs/${store.runId}/decide/`, { body }).then(() => store.fetch()));
  };
  const output = html`<textarea id="decided-output" name="output" rows="3"></textarea>`;
  return html`<section class="ask">
    <h3>Did it happen?</h3>
    <p>The worker was lost while this block was under way, and it is not safe to send it again unasked.</p>
    <form onSubmit=${submit}>
      ${labelled("decided-output", "Output, if it was done (JSON)", output)}
      ${wrong && html`<p class="errors" role="alert">${wrong}</p>`}
      <${Faults} lines=${faults} />
      <div class="actions">
        <button class="button primary" value="done" disabled=${busy}>It was done</button>
        <button class="button" value="retry" disabled=${busy}>Try again</button>
        <button class="button danger" value="fail" disabled=${busy}>Fail it</button>
      </div>
    </form>
  </section>`;
}
