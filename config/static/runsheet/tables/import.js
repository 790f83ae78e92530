// @ts-check
/** A CSV, TSV or Excel file becomes a table, or rows of one: look into it, say which column is what, watch it come in. */
import { Problem, api, isAbort } from "../api.js";
import { count, plural } from "../format.js";
import { Segments } from "../triggers/fields.js";
import { openDialog } from "../ui/dialog.js";
import { html, useEffect, useRef, useState } from "../ui/html.js";
import { report } from "../ui/toast.js";
import { Faults, linesOf } from "./faults.js";
import { PreviewTable } from "./import_preview.js";
import { JobProgress, cancelJob, follow } from "./job_view.js";
import { isActive } from "./job_words.js";
import { beginningOf, choicesOf, faultsOf, keysOf, mappingOf, summary, titleOf } from "./mapping.js";

const LOOK_AGAIN_MS = 300;
const DELIMITERS = [
  [",", "Comma"],
  [";", "Semicolon"],
  ["\t", "Tab"],
  ["|", "Bar"],
];
const ENCODINGS = ["utf-8", "utf-16", "cp1252", "latin-1", "cp1250", "cp1251", "shift_jis", "gb18030"];
const MODES = [
  ["append", "Add rows"],
  ["upsert", "Update by a column"],
  ["replace", "Replace all rows"],
];

/** @param {{file?: File|null, table?: string|null}} what the id of the table to fill, or none for a new one */
export async function openImport({ file = null, table = null }) {
  try {
    const target = table ? await api("GET", `tables/${table}/`) : null;
    return await openDialog((close) => html`<${Import} chosen=${file} target=${target} close=${close} />`, {
      wide: true,
    });
  } catch (error) {
    return report(error, "read the table");
  }
}

function Import({ chosen, target, close }) {
  const [file, setFile] = useState(/** @type {File|null} */ (chosen));
  const [name, setName] = useState(chosen ? titleOf(chosen.name) : "");
  const [reading, setReading] = useState({});
  const [preview, setPreview] = useState(/** @type {any} */ (null));
  const [choices, setChoices] = useState({});
  const [handling, setHandling] = useState({ mode: "append", key: "", blanks: "keep" });
  const [told, setTold] = useState(
    /** @type {{lines: string[], errors: Object<string, string[]>}} */ ({ lines: [], errors: {} }),
  );
  const [job, setJob] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  const looked = useRef("");
  const path = target ? `tables/${target.id}/imports/` : "imports/";
  const columns = target ? target.columns : [];
  const fail = (error) => {
    if (isAbort(error)) return;
    const errors = error instanceof Problem ? error.errors : {};
    const places = Object.keys(errors);
    const isMarked = places.length > 0 && places.every((at) => at.startsWith("mapping."));
    setTold({ lines: isMarked ? ["Correct what is marked below."] : linesOf(error), errors });
  };
  useEffect(() => {
    if (!file) return undefined;
    const leaving = new AbortController();
    const isFirst = !preview;
    const mapping = JSON.stringify(mappingOf(choices));
    if (looked.current === JSON.stringify([file.name, file.size, reading, mapping])) return undefined;
    const look = async () => {
      try {
        const body = formOf({ file: await beginningOf(file), ...reading, ...(isFirst ? {} : { mapping }) });
        const found = await api("POST", `${path}preview/`, { body, signal: leaving.signal });
        const next = choicesOf(found, isFirst ? {} : choices);
        looked.current = JSON.stringify([file.name, file.size, reading, JSON.stringify(mappingOf(next))]);
        setTold({ lines: [], errors: {} });
        setPreview(found);
        setChoices(next);
      } catch (error) {
        fail(error);
      }
    };
    const timer = setTimeout(look, isFirst ? 0 : LOOK_AGAIN_MS);
    return () => {
      clearTimeout(timer);
      leaving.abort();
    };
  }, [file, reading, choices]);
  useEffect(() => {
    if (!job) return undefined;
    const leaving = new AbortController();
    follow(job, setJob, leaving.signal);
    return () => leaving.abort();
  }, [job?.id]);
  useEffect(() => {
    if (!target && job?.status === "completed" && !job.has_rejects) location.assign(`/tables/${job.table}/`);
  }, [job?.status]);
  if (job) return html`<${Working} job=${job} setJob=${setJob} target=${target} close=${close} />`;
  const take = (found) => {
    if (!found) return;
    setPreview(null);
    setChoices({});
    setReading({});
    setFile(found);
    setName((known) => known || titleOf(found.name));
  };
  const faults = { ...fromServer(told.errors), ...faultsOf(choices, columns) };
  const filled = Object.values(mappingOf(choices)).some((to) => to !== null);
  const send = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const { mode, key, blanks } = handling;
      const how = target ? { mode, ...(mode === "upsert" ? { key, blanks } : {}) } : { name };
      setJob(
        await api("POST", path, {
          body: formOf({ file, ...reading, mapping: JSON.stringify(mappingOf(choices)), ...how }),
        }),
      );
    } catch (error) {
      fail(error);
      setBusy(false);
    }
  };
  const verb =
    target && handling.mode === "replace" && target.row_count ? `Replace ${plural(target.row_count, "row")}` : "Import";
  return html`<form class="import" onSubmit=${send}>
    <h2 id="dialog-title">${target ? `Import into “${target.name}”` : "Import CSV"}</h2>
    <${Faults} lines=${told.lines} />
    <${FileField} file=${file} onFile=${take} />
    ${
      !target &&
      html`<div class="field">
        <label for="import-name">Table</label>
        <input
          id="import-name"
          required
          maxlength="200"
          value=${name}
          onInput=${(event) => setName(event.currentTarget.value)}
        />
      </div>`
    }
    ${
      preview &&
      html`<${ReadingFields}
          preview=${preview}
          reading=${reading}
          set=${(part) => setReading({ ...reading, ...part })}
        />
        <${PreviewTable}
          preview=${preview}
          choices=${choices}
          columns=${columns}
          faults=${faults}
          choose=${(header, choice) => setChoices({ ...choices, [header]: choice })}
        />
        ${target && html`<${HandlingFields} handling=${handling} set=${(part) => setHandling({ ...handling, ...part })} keys=${keysOf(choices, columns)} rows=${target.row_count} errors=${told.errors} />`}`
    }
    <div class="actions">
      <span class="summary quiet" role="status"
        >${busy ? "Uploading…" : preview ? summary(choices) : file && !told.lines.length ? "Looking into the file…" : ""}</span
      >
      <button type="button" class="button" onClick=${() => close()}>Cancel</button>
      <button
        class="button primary"
        disabled=${busy || !preview || !filled || Object.keys(faultsOf(choices, columns)).length > 0}
      >
        ${verb}
      </button>
    </div>
  </form>`;
}

/** What the server has against a header, by header. */
const fromServer = (errors) =>
  Object.fromEntries(
    Object.entries(errors)
      .filter(([at]) => at.startsWith("mapping."))
      .map(([at, words]) => [at.slice("mapping.".length), words.join(" ")]),
  );

function FileField({ file, onFile }) {
  const [over, setOver] = useState(false);
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    onFile(event.dataTransfer.files[0]);
  };
  return html`<label
    class=${file ? "drop small" : "drop"}
    for="import-file"
    data-over=${over ? "" : null}
    onDrop=${drop}
    onDragOver=${(event) => {
      event.preventDefault();
      setOver(true);
    }}
    onDragLeave=${() => setOver(false)}
  >
    <span
      >${file ? `${file.name}, ${count(Math.ceil(file.size / 1024))} kB` : "Drop a CSV, TSV or Excel file here, or choose one"}</span
    >
    <input
      id="import-file"
      type="file"
      accept=".csv,.tsv,.txt,.xlsx,text/csv"
      aria-label="File"
      onChange=${(event) => onFile(event.currentTarget.files[0])}
    />
  </label>`;
}

function ReadingFields({ preview, reading, set }) {
  const pick = (label, field, options, value) =>
    html`<label
      >${label}
      <select value=${value} onChange=${(event) => set({ [field]: event.currentTarget.value })}>
        ${options.map(([each, word]) => html`<option value=${each} selected=${each === value}>${word}</option>`)}
      </select></label
    >`;
  const encodings = [...new Set([preview.encoding, ...ENCODINGS])];
  return html`<div class="reading">
    ${preview.format === "csv" && pick("Delimiter", "delimiter", DELIMITERS, preview.delimiter)}
    ${
      preview.format === "csv" &&
      pick(
        "Encoding",
        "encoding",
        encodings.map((each) => [each, each]),
        preview.encoding,
      )
    }
    ${
      preview.sheets.length > 1 &&
      pick(
        "Sheet",
        "sheet",
        preview.sheets.map((each) => [each, each]),
        preview.sheet,
      )
    }
    <label class="tick"
      ><input
        type="checkbox"
        checked=${reading.has_header ?? true}
        onChange=${(event) => set({ has_header: event.currentTarget.checked })}
      />First row is a header</label
    >
    ${preview.rejects.length > 0 && html`<span class="errors">Line ${preview.rejects[0].line} cannot be read: ${preview.rejects[0].reason}</span>`}
  </div>`;
}

function HandlingFields({ handling, set, keys, rows, errors }) {
  return html`<div class="handling">
    <${Segments}
      label="What becomes of the rows"
      options=${MODES}
      value=${handling.mode}
      onPick=${(mode) => set({ mode })}
    />
    ${handling.mode === "replace" && rows > 0 && html`<p class="errors">The ${plural(rows, "row")} there are now go${rows === 1 ? "es" : ""} once all have come in. This cannot be undone.</p>`}
    ${
      handling.mode === "upsert" &&
      html`<label
          >Rows are the same where this column is
          <select required value=${handling.key} onChange=${(event) => set({ key: event.currentTarget.value })}>
            <option value="" disabled selected=${!handling.key}>Choose a column</option>
            ${keys.map(({ id, name }) => html`<option value=${id} selected=${id === handling.key}>${name}</option>`)}
          </select></label
        >
        <label class="tick"
          ><input
            type="checkbox"
            checked=${handling.blanks === "clear"}
            onChange=${(event) => set({ blanks: event.currentTarget.checked ? "clear" : "keep" })}
          />Empty values clear what is there</label
        >
        ${errors.key && html`<p class="errors" role="alert">${errors.key.join(" ")}</p>`}`
    }
  </div>`;
}

/** While it comes in, and when it has. Closing leaves it at work; the jobs in the navigation go on telling. */
function Working({ job, setJob, target, close }) {
  const active = isActive(job);
  const cancel = async () => setJob(await cancelJob(job));
  return html`<div class="import">
    <h2 id="dialog-title">
      ${active ? "Importing" : job.status === "completed" ? "Imported" : "Import ended"} “${job.filename}”
    </h2>
    <div role="status"><${JobProgress} job=${job} /></div>
    <div class="actions">
      ${active && html`<button type="button" class="button danger" onClick=${cancel}>Cancel import</button>`}
      ${
        target
          ? html`<button type="button" class="button primary" onClick=${() => close(job)}>
              ${active ? "Go on in the background" : "Done"}
            </button>`
          : html`<a class="button primary" href=${`/tables/${job.table}/`}
              >${active ? "Open the table meanwhile" : "Open table"}</a
            >`
      }
    </div>
  </div>`;
}

function formOf(fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return form;
}
