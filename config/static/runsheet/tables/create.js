// @ts-check
/** New table: a name and the columns people will type into. */
import { api } from "../api.js";
import { openDialog } from "../ui/dialog.js";
import { html, useState } from "../ui/html.js";
import { Faults, linesOf } from "./faults.js";

export function openNewTable() {
  return openDialog((close) => html`<${NewTable} close=${close} />`);
}

function NewTable({ close }) {
  const [faults, setFaults] = useState(/** @type {string[]} */ ([]));
  const [busy, setBusy] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const names = String(form.get("columns")).split("\n").map((name) => name.trim()).filter(Boolean);
    setBusy(true);
    try {
      const table = await api("POST", "tables/", { body: { name: form.get("name"), columns: names.map((name) => ({ name, type: "text" })) } });
      location.assign(`/tables/${table.id}/`);
    } catch (error) {
      setFaults(linesOf(error));
      setBusy(false);
    }
  };
  return html`
    <form onSubmit=${submit}>
      <h2 id="dialog-title">New table</h2>
      <${Faults} lines=${faults} />
      <div class="field"><label for="table-name">Name</label><input id="table-name" name="name" required maxlength="200" autofocus /></div>
      <div class="field"><label for="table-columns">Columns, one a line</label>
        <textarea id="table-columns" name="columns" rows="4">Name</textarea></div>
      <div class="actions">
        <button type="button" class="button" onClick=${() => close()}>Cancel</button>
        <button class="button primary" disabled=${busy}>Create table</button>
      </div>
    </form>`;
}
