// @ts-check
/** A workflow group tried on one row as the form has it, before anything is saved; its result is written nowhere. */
import { api, linesOf } from "../../api.js";
import { duration, money } from "../../format.js";
import { ENDED, runWord } from "../../run/steps.js";
import { html, icon, useEffect, useRef, useState } from "../../ui/html.js";
import { Faults, pill } from "../../ui/parts.js";
import { valueAt } from "./mapping.js";

const LOOK_MS = 500;
const ABOUT =
  "A real run with this row's values: it may cost and does what the workflow does. Its result is only shown here.";
const PARKED = new Set(["paused", "needs_decision"]);

export function Trial({ grid, form, body }) {
  const ordinal = grid.active ? grid.active.row : 0;
  const row = grid.store.row(ordinal);
  const [run, setRun] = useState(/** @type {any} */ (null));
  const [outputs, setOutputs] = useState(/** @type {any} */ (null));
  const [faults, setFaults] = useState(/** @type {string[]} */ ([]));
  const timer = useRef(0);
  const box = useRef(/** @type {HTMLElement|null} */ (null));
  const [at, setAt] = useState(ordinal);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    if (outputs || faults.length) box.current?.scrollIntoView({ block: "nearest" });
  }, [outputs, faults]);
  const failed = (error) => {
    setRun(null);
    setFaults(linesOf(error));
  };
  const look = async (id) => {
    try {
      const now = await api("GET", `runs/${id}/`);
      setRun(now);
      if (!ENDED.has(now.status) && !PARKED.has(now.status)) timer.current = window.setTimeout(() => look(id), LOOK_MS);
      else setOutputs(await outputsOf(now, body().outputs));
    } catch (error) {
      failed(error);
    }
  };
  const start = async () => {
    clearTimeout(timer.current);
    setFaults([]);
    setOutputs(null);
    setAt(ordinal);
    const { workflow, ref, inputs } = body();
    const asked = { body: { row: row.id, workflow, ref, inputs }, key: crypto.randomUUID() };
    try {
      const begun = await api("POST", `${grid.session.path}groups/trial/`, asked);
      setRun(begun);
      look(begun.id);
    } catch (error) {
      failed(error);
    }
  };
  const isLive = run && !outputs && !faults.length;
  return html`<fieldset class="trial">
    <legend>Test</legend>
    <button type="button" class="button" disabled=${!row || isLive || form.busy} onClick=${start}>
      ${icon("play")}Test on row ${ordinal + 1}
    </button>
    <span class="hint">${row ? ABOUT : "There is no row to test on yet."}</span>
    <div ref=${box} role="status">
      ${isLive && html`<p class="quiet">Running on row ${at + 1} …</p>`}
      ${outputs && html`<${Result} run=${run} outputs=${outputs} row=${at + 1} columns=${grid.schema.column} />`}
    </div>
    <${Faults} lines=${faults} />
  </fieldset>`;
}

/** What each output of the form would get. */
async function outputsOf(run, outputs) {
  const places = outputs.map((one) => one.path.split("."));
  const keys = new Set(places.filter(([root]) => root === "blocks").map(([, key]) => key));
  const read = async (key) => {
    const { results } = await api("GET", `runs/${run.id}/steps/`, { query: { step: key } });
    return [key, results[0]?.output];
  };
  const given = { result: run.result, blocks: Object.fromEntries(await Promise.all([...keys].map(read))) };
  return outputs.map((one) => ({ ...one, value: valueAt(one.path, given) }));
}

function asText({ value, path }) {
  if (value === null || value === undefined) return html`<span class="quiet">No output at ${path}</span>`;
  return typeof value === "string" ? value : JSON.stringify(value);
}

function Result({ run, outputs, row, columns }) {
  const [state, word] = runWord(run);
  const took = run.started_at && run.finished_at && duration(Date.parse(run.finished_at) - Date.parse(run.started_at));
  const about = [`row ${row}`, took, run.cost && money(run.cost)].filter(Boolean).join(" · ");
  const line = (one) =>
    html`<dt>${columns.get(one.column)?.name || one.column.name}</dt>
      <dd>${asText(one)}</dd>`;
  return html`<p class="trial-head">
      ${pill(state, word)}
      <span class="quiet number">
        ${`${about} · `}
        <a href=${`/runs/${run.id}/`} target="_blank">Open run</a>
      </span>
    </p>
    ${run.error && html`<pre class="error-box">${run.error.code}: ${run.error.message || "no details"}</pre>`}
    ${run.status === "completed" && html`<dl class="outputs">${outputs.map(line)}</dl>`}`;
}
