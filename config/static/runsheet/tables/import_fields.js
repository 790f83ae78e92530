// @ts-check
/** The fields of the import dialog: which file, how it is read, and what becomes of the rows that are there. */
import { count, plural } from "../format.js";
import { Segments } from "../ui/fields.js";
import { html, useState } from "../ui/html.js";
import { optionsOf, tick } from "../ui/parts.js";

const DELIMITERS = Object.entries({ ",": "Comma", ";": "Semicolon", "\t": "Tab", "|": "Bar" });
const ENCODINGS = ["utf-8", "utf-16", "cp1252", "latin-1", "cp1250", "cp1251", "shift_jis", "gb18030"];
const MODES = Object.entries({ append: "Add rows", upsert: "Update by a column", replace: "Replace all rows" });

/** @param {{file: File|null, onFile: (file: File|undefined) => void}} props */
export function FileField({ file, onFile }) {
  const [over, setOver] = useState(false);
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    onFile(event.dataTransfer.files[0]);
  };
  const dragOver = (event) => {
    event.preventDefault();
    setOver(true);
  };
  const words = file
    ? `${file.name}, ${count(Math.ceil(file.size / 1024))} kB`
    : "Drop a CSV, TSV or Excel file here, or choose one";
  return html`<label
    class=${file ? "drop small" : "drop"}
    for="import-file"
    data-over=${over ? "" : null}
    onDrop=${drop}
    onDragOver=${dragOver}
    onDragLeave=${() => setOver(false)}
  >
    <span>${words}</span>
    <input
      id="import-file"
      type="file"
      accept=".csv,.tsv,.txt,.xlsx,text/csv"
      aria-label="File"
      onChange=${(event) => onFile(event.currentTarget.files[0])}
    />
  </label>`;
}

/** How the file is read. @param {{preview: any, reading: any, set: (part: any) => void}} props */
export function ReadingFields({ preview, reading, set }) {
  const pick = (label, field, list) => {
    const chosen = preview[field];
    const choose = (event) => set({ [field]: event.currentTarget.value });
    return html`<label>
      ${label}${" "}<select value=${chosen} onChange=${choose}>
        ${optionsOf(list, chosen)}
      </select>
    </label>`;
  };
  const isText = preview.format === "csv";
  const encodings = [...new Set([preview.encoding, ...ENCODINGS])].map((name) => [name, name]);
  const sheets = preview.sheets.map((name) => [name, name]);
  const [rejected] = preview.rejects;
  return html`<div class="reading">
    ${isText && pick("Delimiter", "delimiter", DELIMITERS)} ${isText && pick("Encoding", "encoding", encodings)}
    ${sheets.length > 1 && pick("Sheet", "sheet", sheets)}
    ${tick("First row is a header", reading.has_header ?? true, (has_header) => set({ has_header }))}
    ${rejected && html`<span class="errors">Line ${rejected.line} cannot be read: ${rejected.reason}</span>`}
  </div>`;
}

/**
 * What becomes of the rows.
 * @param {{handling: any, set: (part: any) => void, keys: any[], rows: number, errors: Object<string, string[]>}} props
 */
export function HandlingFields({ handling, set, keys, rows, errors }) {
  const { mode, key, blanks } = handling;
  const columns = keys.map(({ id, name }) => [id, name]);
  const gone = `The ${plural(rows, "row")} there are now go${rows === 1 ? "es" : ""} once all have come in.`;
  return html`<div class="handling">
    <${Segments}
      label="What becomes of the rows"
      options=${MODES}
      value=${mode}
      onPick=${(picked) => set({ mode: picked })}
    />
    ${mode === "replace" && rows > 0 && html`<p class="errors">${gone} This cannot be undone.</p>`}
    ${
      mode === "upsert" &&
      html`<label>
          Rows are the same where this column is${" "}
          <select required value=${key} onChange=${(event) => set({ key: event.currentTarget.value })}>
            <option value="" disabled selected=${!key}>Choose a column</option>
            ${optionsOf(columns, key)}
          </select>
        </label>
        ${tick("Empty values clear what is there", blanks === "clear", (on) => set({ blanks: on ? "clear" : "keep" }))}
        ${errors.key && html`<p class="errors" role="alert">${errors.key.join(" ")}</p>`}`
    }
  </div>`;
}
