// @ts-check
/** A CSV, TSV or Excel file becomes a table, or rows of one: look into it, say what goes where, watch it come in. */
import { Problem, api, isAbort, linesOf } from "../api.js";
import { plural } from "../format.js";
import { openDialog } from "../ui/dialog.js";
import { html, useEffect, useRef, useState } from "../ui/html.js";
import { Notice, button, cancel, labelled } from "../ui/parts.js";
import { useSettled } from "../ui/settled.js";
import { report } from "../ui/toast.js";
import { FileField, HandlingFields, ReadingFields } from "./import_fields.js";
import { PreviewTable } from "./import_preview.js";
import { JobProgress, cancelJob, follow } from "./job_view.js";
import { isActive } from "./job_words.js";
import { beginningOf, choicesOf, faultsOf, keysOf, mappingOf, summary, titleOf } from "./mapping.js";

const LOOK_AGAIN_MS = 300;

/** @param {{file?: File|null, table?: string|null}} what the id of the table to fill, or none for a new one */
export async function openImport({ file = null, table = null }) {
  try {
    const target = table ? await api("GET", `tables/${table}/`) : null;
    const view = (close) => html`<${Import} chosen=${file} target=${target} close=${close} />`;
    return await openDialog(view, { wide: true });
  } catch (error) {
    return report(error, "read the table");
  }
}

/** What is told of the form as a whole, and what of its fields. */
const NOTHING = { lines: /** @type {string[]} */ ([]), errors: /** @type {Object<string, string[]>} */ ({}) };

function Import({ chosen, target, close }) {
  const [file, setFile] = useState(/** @type {File|null} */ (chosen));
  const [name, setName] = useState(chosen ? titleOf(chosen.name) : "");
  const [reading, setReading] = useState({});
  const [preview, setPreview] = useState(/** @type {any} */ (null));
  const [choices, setChoices] = useState({});
  const [handling, setHandling] = useState({ mode: "append", key: "", blanks: "keep" });
  const [told, setTold] = useState({ ...NOTHING });
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
  const look = async (signal) => {
    if (!file) return;
    const isFirst = !preview;
    const mapping = JSON.stringify(mappingOf(choices));
    if (looked.current === JSON.stringify([file.name, file.size, reading, mapping])) return;
    try {
      const body = formOf({ file: await beginningOf(file), ...reading, ...(!isFirst && { mapping }) });
      const found = await api("POST", `${path}preview/`, { body, signal });
      const next = choicesOf(found, isFirst ? {} : choices);
      looked.current = JSON.stringify([file.name, file.size, reading, JSON.stringify(mappingOf(next))]);
      setTold({ ...NOTHING });
      setPreview(found);
      setChoices(next);
    } catch (error) {
      fail(error);
    }
  };
  useSettled(look, preview ? LOOK_AGAIN_MS : 0, [file, reading, choices]);
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
      const how = target ? { mode, ...(mode === "upsert" && { key, blanks }) } : { name };
      const body = formOf({ file, ...reading, mapping: JSON.stringify(mappingOf(choices)), ...how });
      setJob(await api("POST", path, { body }));
    } catch (error) {
      fail(error);
      setBusy(false);
    }
  };
  const isSure = filled && !Object.keys(faultsOf(choices, columns)).length;
  const isReplacing = target && handling.mode === "replace" && target.row_count;
  const looking = file && !told.lines.length ? "Looking into the file…" : "";
  const found = preview ? summary(choices) : looking;
  const nameField = html`<input
    id="import-name"
    required
    maxlength="200"
    value=${name}
    onInput=${(event) => setName(event.currentTarget.value)}
  />`;
  return html`<form class="import" onSubmit=${send}>
    <h2 id="dialog-title">${target ? `Import into “${target.name}”` : "Import CSV"}</h2>
    <${Notice} lines=${told.lines} />
    <${FileField} file=${file} onFile=${take} />
    ${!target && labelled("import-name", "Table", nameField)}
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
        />`
    }
    ${
      preview &&
      target &&
      html`<${HandlingFields}
        handling=${handling}
        set=${(part) => setHandling({ ...handling, ...part })}
        keys=${keysOf(choices, columns)}
        rows=${target.row_count}
        errors=${told.errors}
      />`
    }
    <div class="actions">
      <span class="summary quiet" role="status">${busy ? "Uploading…" : found}</span>
      ${cancel(close)}
      <button class="button primary" disabled=${busy || !preview || !isSure}>
        ${isReplacing ? `Replace ${plural(target.row_count, "row")}` : "Import"}
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

/** While it comes in, and when it has. Closing leaves it at work; the jobs in the navigation go on telling. */
function Working({ job, setJob, target, close }) {
  const active = isActive(job);
  const ended = job.status === "completed" ? "Imported" : "Import ended";
  const stop = async () => setJob(await cancelJob(job));
  const goOn = () =>
    target
      ? button(active ? "Go on in the background" : "Done", () => close(job), "primary")
      : html`<a class="button primary" href=${`/tables/${job.table}/`}>
          ${active ? "Open the table meanwhile" : "Open table"}
        </a>`;
  return html`<div class="import">
    <h2 id="dialog-title">${active ? "Importing" : ended} “${job.filename}”</h2>
    <div role="status"><${JobProgress} job=${job} /></div>
    <div class="actions">${active && button("Cancel import", stop, "danger")} ${goOn()}</div>
  </div>`;
}

function formOf(fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return form;
}
