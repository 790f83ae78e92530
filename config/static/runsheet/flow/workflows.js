// @ts-check
/** The list of workflows: a new one, from a template; one put away. */
import { api } from "../api.js";
import { Faults, linesOf } from "../tables/faults.js";
import { confirm } from "../ui/confirm.js";
import { openDialog } from "../ui/dialog.js";
import { html, useState } from "../ui/html.js";
import { report } from "../ui/toast.js";

const starters = JSON.parse(document.getElementById("starters")?.textContent || "[]");

function NewWorkflow({ close }) {
  const [faults, setFaults] = useState(/** @type {string[]} */ ([]));
  const [busy, setBusy] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    try {
      const made = await api("POST", "workflows/", {
        body: { name: form.get("name"), definition: starters.find((one) => one.id === form.get("start")).definition },
      });
      location.assign(
        `/workflows/${made.id}/${location.search.includes("workspace=") ? `?workspace=${document.documentElement.dataset.workspace}` : ""}`,
      );
    } catch (error) {
      setFaults(linesOf(error));
      setBusy(false);
    }
  };
  return html`<form onSubmit=${submit}>
    <h2 id="dialog-title">New workflow</h2>
    <${Faults} lines=${faults} />
    <div class="field">
      <label for="flow-name">Name</label
      ><input id="flow-name" name="name" required maxlength="200" autofocus autocomplete="off" />
    </div>
    <fieldset class="field starters">
      <legend>Begin with</legend>
      ${starters.map(
        (one, at) =>
          html`<label
            ><input type="radio" name="start" value=${one.id} checked=${at === 0} />
            <span><strong>${one.name}</strong><span class="quiet">${one.about}</span></span></label
          >`,
      )}
    </fieldset>
    <div class="actions">
      <button type="button" class="button" onClick=${() => close()}>Cancel</button
      ><button class="button primary" disabled=${busy}>Create workflow</button>
    </div>
  </form>`;
}

/** Ask, then put a workflow away. @returns {Promise<boolean>} whether it is gone */
export async function archive(id, name) {
  if (
    !(await confirm({
      title: `Archive “${name}”?`,
      text: "Its runs under way are stopped and its triggers go with it. Runs stay readable. A workflow that a table uses cannot be archived.",
      yes: "Archive workflow",
    }))
  )
    return false;
  try {
    await api("DELETE", `workflows/${id}/`);
    return true;
  } catch (error) {
    report(error, `archive “${name}”`);
    return false;
  }
}

for (const button of document.querySelectorAll("[data-new-workflow], [data-archive]")) {
  const row = /** @type {HTMLElement|null} */ (button.closest("[data-workflow]"));
  button.addEventListener("click", async () => {
    if (!row) openDialog((close) => html`<${NewWorkflow} close=${close} />`);
    else if (await archive(row.dataset.workflow, row.dataset.name)) location.reload();
  });
  /** @type {HTMLButtonElement} */ (button).disabled = false;
}
