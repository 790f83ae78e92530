// @ts-check
/** The list of workflows: a new one, from a template; one put away. */
import { api } from "../api.js";
import { confirm } from "../ui/confirm.js";
import { openDialog } from "../ui/dialog.js";
import { html } from "../ui/html.js";
import { once } from "../ui/once.js";
import { Notice, cancel, labelled } from "../ui/parts.js";
import { useSending } from "../ui/sending.js";

const starters = JSON.parse(document.getElementById("starters")?.textContent || "[]");

function NewWorkflow({ close }) {
  const { busy, faults, send } = useSending();
  const submit = (event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const { definition } = starters.find((one) => one.id === form.get("start"));
    send(async () => {
      const made = await api("POST", "workflows/", { body: { name: form.get("name"), definition } });
      const named = location.search.includes("workspace=");
      const query = named ? `?workspace=${document.documentElement.dataset.workspace}` : "";
      location.assign(`/workflows/${made.id}/${query}`);
      return true;
    });
  };
  const name = html`<input id="flow-name" name="name" required maxlength="200" autofocus autocomplete="off" />`;
  const starter = (one, at) =>
    html`<label>
      <input type="radio" name="start" value=${one.id} checked=${at === 0} />
      <span><strong>${one.name}</strong><span class="quiet">${one.about}</span></span>
    </label>`;
  return html`<form onSubmit=${submit}>
    <h2 id="dialog-title">New workflow</h2>
    <${Notice} lines=${faults} />
    ${labelled("flow-name", "Name", name)}
    <fieldset class="field starters">
      <legend>Begin with</legend>
      ${starters.map(starter)}
    </fieldset>
    <div class="actions">
      ${cancel(close)}
      <button class="button primary" disabled=${busy}>Create workflow</button>
    </div>
  </form>`;
}

/** Ask, then put a workflow away. @returns {Promise<boolean>} whether it is gone */
export async function archive(id, name) {
  const sure = await confirm({
    title: `Archive “${name}”?`,
    text:
      "Its runs under way are stopped and its triggers go with it. Runs stay readable. " +
      "A workflow that a table uses cannot be archived.",
    yes: "Archive workflow",
  });
  return sure && (await once(null, `archive “${name}”`, () => api("DELETE", `workflows/${id}/`))) !== null;
}

for (const button of document.querySelectorAll("[data-new-workflow], [data-archive]")) {
  const row = /** @type {HTMLElement|null} */ (button.closest("[data-workflow]"));
  button.addEventListener("click", async () => {
    if (!row) openDialog((close) => html`<${NewWorkflow} close=${close} />`);
    else if (await archive(row.dataset.workflow, row.dataset.name)) location.reload();
  });
  /** @type {HTMLButtonElement} */ (button).disabled = false;
}
