// @ts-check
/** Deciding for a run: the form of an approval, and what became of a step nobody knows the outcome of. */
import { Problem, api } from "../api.js";
import { instant } from "../format.js";
import { html, useState } from "../ui/html.js";

/** Send, keep what was typed on a refusal, show it. */
function useSending(store) {
  const [busy, setBusy] = useState(false);
  const [faults, setFaults] = useState(/** @type {string[]} */ ([]));
  const send = async (path, body) => {
    setBusy(true);
    setFaults([]);
    try {
      await api("POST", path, { body });
      store.fetch();
    } catch (error) {
      setFaults(error instanceof Problem ? error.lines : ["The server could not be reached. Try again."]);
    } finally {
      setBusy(false);
    }
  };
  return {
    busy,
    send,
    faults:
      faults.length > 0 &&
      html`<ul class="errors" role="alert">
        ${faults.map((line) => html`<li>${line}</li>`)}
      </ul>`,
  };
}

/** @param {{store: any, pause: any, mayRun: boolean}} props */
export function AnswerForm({ store, pause, mayRun }) {
  const { busy, send, faults } = useSending(store);
  const asks = pause.request || {};
  if (pause.status !== "open")
    return html`<section>
      <h3>${asks.message || "Question"}</h3>
      <p>${answered(pause)}</p>
    </section>`;
  const submit = (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    const fields = Object.fromEntries(
      (asks.fields || [])
        .map((field) => [field.name, valueOf(form.elements.namedItem(`f-${field.name}`), field)])
        .filter(([, value]) => value !== undefined),
    );
    const comment = form.elements.namedItem("comment").value.trim();
    send(`runs/${store.runId}/pauses/${pause.id}/answer/`, {
      decision: event.submitter.value,
      fields,
      ...(comment && { comment }),
    });
  };
  return html`<section class="ask">
    <h3>${asks.message || "Approve?"}</h3>
    ${
      mayRun &&
      html`<form onSubmit=${submit}>
        ${(asks.fields || []).map((field) => html`<${Field} key=${field.name} field=${field} />`)}
        <div class="field">
          <label for="comment">Comment</label><textarea id="comment" name="comment" rows="2"></textarea>
        </div>
        ${faults}
        <div class="actions">
          <button class="button primary" value="approve" disabled=${busy}>Approve</button
          ><button class="button danger" value="reject" disabled=${busy} formnovalidate>Reject</button>
        </div>
      </form>`
    }
  </section>`;
}

function answered(pause) {
  if (pause.status === "expired") return "Nobody answered in time.";
  if (pause.status === "dead") return "The run ended before anybody answered.";
  const by = pause.answered_by ? ` by ${pause.answered_by.name || "somebody"}` : "";
  const decision = pause.answer && pause.answer.decision === "reject" ? "Rejected" : "Approved";
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
  const props = { id, name: id, required: Boolean(field.required), autocomplete: "off" };
  const control =
    field.type === "select"
      ? html`<select ...${props}>
          <option value=""></option>
          ${(field.options || []).map((option) => html`<option selected=${option === field.default}>${option}</option>`)}
        </select>`
      : field.type === "long_text"
        ? html`<textarea ...${props} rows="3">${field.default || ""}</textarea>`
        : html`<input
            ...${props}
            type=${INPUTS[field.type] || "text"}
            step="any"
            defaultValue=${field.default ?? ""}
          />`;
  return html`<div class="field"><label for=${id}>${label}</label>${control}</div>`;
}

function valueOf(control, field) {
  if (field.type === "boolean") return control.checked;
  if (control.value === "") return undefined;
  return field.type === "number" ? Number(control.value) : control.value;
}

/** @param {{store: any, stepKey: string}} props */
export function DecisionForm({ store, stepKey }) {
  const { busy, send, faults } = useSending(store);
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
    send(`runs/${store.runId}/decide/`, { step_key: stepKey, decision, ...(decision === "done" && { output }) });
  };
  return html`<section class="ask">
    <h3>Did it happen?</h3>
    <p>The worker was lost while this block was under way, and it is not safe to send it again unasked.</p>
    <form onSubmit=${submit}>
      <div class="field">
        <label for="decided-output">Output, if it was done (JSON)</label
        ><textarea id="decided-output" name="output" rows="3"></textarea>
      </div>
      ${wrong && html`<p class="errors" role="alert">${wrong}</p>`}${faults}
      <div class="actions">
        <button class="button primary" value="done" disabled=${busy}>It was done</button>
        <button class="button" value="retry" disabled=${busy}>Try again</button
        ><button class="button danger" value="fail" disabled=${busy}>Fail it</button>
      </div>
    </form>
  </section>`;
}
