// @ts-check
/** Export: this view or the whole table as a file, streamed by the server. */
import { api } from "../../api.js";
import { plural } from "../../format.js";
import { Segments } from "../../ui/fields.js";
import { html, useState } from "../../ui/html.js";
import { button } from "../../ui/parts.js";
import { attempt } from "../attempt.js";
import { box } from "../controls.js";
import { openPanel } from "./panel.js";

const WHAT = [
  [false, "What is listed"],
  [true, "The whole table"],
];
const FORMATS = [
  ["csv", "CSV"],
  ["xlsx", "Excel"],
  ["jsonl", "JSON lines"],
];

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
    const { workspace } = document.documentElement.dataset;
    const query = { format, status_columns: status || undefined, workspace };
    if (!whole)
      Object.assign(query, grid.query, {
        view: viewing.view?.id,
        fields: JSON.stringify(schema.columns.map((column) => column.id)),
        filter: grid.query.filter || "{}",
        sort: grid.query.sort || "[]",
      });
    await attempt("export this", async () => {
      await api("HEAD", `${session.path}export/`, { query });
      download(new URL(`/api/v1/${session.path}export/`, location.origin), query);
    });
  };
  const columns = plural(whole ? schema.all.length : schema.columns.length, "column");
  return html`<h3>Format</h3>
    <${Segments} label="Format" options=${FORMATS} value=${format} onPick=${setFormat} />
    <h3>What</h3>
    <${Segments} label="What" options=${WHAT} value=${whole} onPick=${setWhole} />
    <p class="note">${plural(rows, "row")}, ${columns}</p>
    <label class="tick">${box(status, setStatus)}With the status and error of each workflow group</label>
    <div class="panel-foot">${button(`Export ${plural(rows, "row")}`, submit, "primary")}</div>`;
}

function download(url, query) {
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
  const link = document.createElement("a");
  link.href = url.href;
  link.download = "";
  link.click();
}
