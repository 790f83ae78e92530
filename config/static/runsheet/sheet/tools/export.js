// @ts-check
/** Export: this view or the whole table as a file, streamed by the server. */
import { api } from "../../api.js";
import { plural } from "../../format.js";
import { html, useState } from "../../ui/html.js";
import { report } from "../../ui/toast.js";
import { openPanel } from "./panel.js";

const FORMATS = [
  ["csv", "CSV"],
  ["xlsx", "Excel"],
  ["jsonl", "JSON lines"],
];

/** @param {any} grid @param {Element} anchor */
export const openExport = (grid, anchor) => openPanel(grid, anchor, "Export", Panel);

function Panel({ grid, close }) {
  const { viewing, schema, store, session } = grid;
  const all = session.summary?.rows ?? grid.table.row_count;
  const [format, setFormat] = useState("csv");
  const [status, setStatus] = useState(false);
  const [whole, setWhole] = useState(false);
  const rows = whole ? all : (store.total ?? all);
  const submit = async () => {
    close();
    const query = {
      format,
      status_columns: status || undefined,
      workspace: document.documentElement.dataset.workspace,
    };
    if (!whole)
      Object.assign(query, grid.query, {
        view: viewing.view?.id,
        fields: JSON.stringify(schema.columns.map((column) => column.id)),
        filter: grid.query.filter || "{}",
        sort: grid.query.sort || "[]",
      });
    try {
      await api("HEAD", `${session.path}export/`, { query });
      download(new URL(`/api/v1/${session.path}export/`, location.origin), query);
    } catch (error) {
      report(error, "export this");
    }
  };
  const radio = (chosen, value, words, set) =>
    html`<button type="button" role="radio" aria-checked=${String(chosen === value)} onClick=${() => set(value)}>
      ${words}
    </button>`;
  return html`<h3 id="export-format">Format</h3>
    <div class="segments" role="radiogroup" aria-labelledby="export-format">
      ${FORMATS.map(([value, words]) => radio(format, value, words, setFormat))}
    </div>
    <h3 id="export-what">What</h3>
    <div class="segments" role="radiogroup" aria-labelledby="export-what">
      ${radio(whole, false, "What is listed", setWhole)}${radio(whole, true, "The whole table", setWhole)}
    </div>
    <p class="note">${plural(rows, "row")}, ${plural(whole ? schema.all.length : schema.columns.length, "column")}</p>
    <label class="tick"
      ><input type="checkbox" checked=${status} onChange=${(event) => setStatus(event.currentTarget.checked)} />With the
      status and error of each workflow group</label
    >
    <div class="panel-foot">
      <button type="button" class="button primary" onClick=${submit}>Export ${plural(rows, "row")}</button>
    </div>`;
}

function download(url, query) {
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
  const link = document.createElement("a");
  link.href = url.href;
  link.download = "";
  link.click();
}
