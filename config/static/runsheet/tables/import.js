// @ts-check
/** A CSV becomes a table: the server guesses columns and types, the rows stream in. */
import { api } from "../api.js";
import { count } from "../format.js";
import { openDialog } from "../ui/dialog.js";
import { html, useState } from "../ui/html.js";
import { Faults, linesOf } from "./faults.js";

/** @param {File|null} file already chosen, or null */
export function openImport(file) {
  return openDialog((close) => html`<${Import} chosen=${file} close=${close} />`);
}

function Import({ chosen, close }) {
  const [file, setFile] = useState(/** @type {File|null} */ (chosen));
  const [name, setName] = useState(chosen ? titleOf(chosen) : "");
  const [step, setStep] = useState("");
  const [faults, setFaults] = useState(/** @type {string[]} */ ([]));
  const take = (found) => {
    if (!found) return;
    setFile(found);
    setName((known) => known || titleOf(found));
  };
  const submit = async (event) => {
    event.preventDefault();
    if (!file) return setFaults(["Choose a file first."]);
    setFaults([]);
    try {
      const tableId = await importAs(name, file, setStep);
      location.assign(`/tables/${tableId}/`);
    } catch (error) {
      setStep("");
      setFaults(linesOf(error));
    }
  };
  return html`
    <form onSubmit=${submit}>
      <h2 id="dialog-title">Import CSV</h2>
      <${Faults} lines=${faults} />
      <div class="field"><${FileField} file=${file} onFile=${take} /></div>
      <div class="field"><label for="import-name">Table</label>
        <input id="import-name" required maxlength="200" value=${name} onInput=${(event) => setName(event.currentTarget.value)} /></div>
      <p class="quiet" role="status">${step}</p>
      <div class="actions">
        <button type="button" class="button" onClick=${() => close()}>Cancel</button>
        <button class="button primary" disabled=${Boolean(step)}>Import</button>
      </div>
    </form>`;
}

function FileField({ file, onFile }) {
  const [over, setOver] = useState(false);
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    onFile(event.dataTransfer.files[0]);
  };
  return html`
    <label class="drop" for="import-file" data-over=${over ? "" : null} onDrop=${drop}
      onDragOver=${(event) => { event.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)}>
      <span>${file ? `${file.name}, ${count(Math.ceil(file.size / 1024))} kB` : "Drop a CSV or TSV file here, or choose one"}</span>
      <input id="import-file" type="file" accept=".csv,.tsv,.txt,text/csv" aria-label="File" onChange=${(event) => onFile(event.currentTarget.files[0])} />
    </label>`;
}

/** Make the table, let the server look into the file, start the import. A table whose file is refused goes again. */
async function importAs(name, file, setStep) {
  setStep("Making the table…");
  const table = await api("POST", "tables/", { body: { name, columns: [] } });
  try {
    setStep("Looking into the file…");
    const preview = await api("POST", `tables/${table.id}/imports/preview/`, { body: formOf({ file }) });
    setStep("Uploading…");
    await api("POST", `tables/${table.id}/imports/`, { body: formOf({ file, mapping: JSON.stringify(preview.mapping) }) });
  } catch (error) {
    await api("DELETE", `tables/${table.id}/`).catch(() => console.warn("the empty table could not be removed"));
    throw error;
  }
  return table.id;
}

function formOf(fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return form;
}

/** "eu_prospects-2026.csv" → "eu prospects 2026" */
const titleOf = (file) => file.name.replace(/\.[^.]+$/, "").replace(/[_-]+/g, " ").trim();
