// @ts-check
/** Running it: what goes in (typed, or from a row of a table), then what comes out, while it comes. */
import { Problem, api, intent, linesOf } from "../api.js";
import { Body, Fault, SoFar } from "../run/body.js";
import { Plan } from "../run/rerun.js";
import { ENDED, runWord, stepWord } from "../run/steps.js";
import { html, icon, useState } from "../ui/html.js";
import { DrawerHead, Faults, button, labelled, optionsOf, pill } from "../ui/parts.js";
import { report } from "../ui/toast.js";
import { blockOf, inputsOf, titleOf } from "./draft.js";
import { Field } from "./fields.js";
import { merged } from "./values.js";

const KIND = { text: "long_text", number: "number", boolean: "boolean" };

/** The form of what a run is given. */
function formOf(declared) {
  return Object.entries(declared).map(([name, input]) => ({
    name,
    label: name,
    kind: KIND[input?.type] || "json",
    required: Boolean(input?.required),
    default: input?.default ?? null,
    help: input?.description || "",
  }));
}

const ALONE = "A run of its own: no table changes unless a block writes to one.";
const ANYTHING = {
  name: "input",
  label: "Input, as JSON",
  kind: "json",
  help: "This workflow declares no inputs: any object will do.",
};

/** What a group of a table passes on from a row, as far as it is columns and fixed values. */
const passed = (use, data) =>
  Object.fromEntries(
    Object.entries(use.inputs || {})
      .map(([name, from]) => [name, "value" in from ? from.value : data[from.column]])
      .filter(([, value]) => value !== undefined),
  );

/** @param {{editor: any, until: string|null}} props */
export function Trial({ editor, until }) {
  const { draft, types, workflow, around, given } = editor;
  const [ref, setRef] = useState("draft");
  const [busy, setBusy] = useState(false);
  const [told, setTold] = useState({ lines: /** @type {string[]} */ ([]), faults: new Map() });
  const declared = inputsOf(draft, types);
  const set = (part) => {
    editor.given = { ...given, ...part };
    editor.draw();
  };
  const env = { id: "trial", faults: told.faults, off: false, names: () => [] };
  const start = async (event) => {
    event.preventDefault();
    setBusy(true);
    setTold({ lines: [], faults: new Map() });
    try {
      if (ref === "draft") await editor.flush();
      const { input = {}, row } = given;
      const body = { input, ref, ...(row && { row }), ...(until && { stop_after: until }) };
      const run = await api("POST", `workflows/${workflow.id}/runs/`, { body, key: intent() });
      editor.watch(run.id);
    } catch (error) {
      const errors = error instanceof Problem ? Object.entries(error.errors) : [];
      const beside = errors.filter(([at]) => at.startsWith("input.")).map(([at, words]) => [at.slice(6), words]);
      const lines = beside.length ? ["Correct what is marked below."] : linesOf(error);
      setTold({ lines, faults: new Map(/** @type {any} */ (beside)) });
    }
    setBusy(false);
  };
  const title = until ? `Run until ${until}` : "Run";
  const refs = workflow.refs.map((one) => [one.name, `${one.name} (version ${one.version})`]);
  const version = html`<select id="trial-ref" value=${ref} onChange=${(event) => setRef(event.currentTarget.value)}>
    ${optionsOf([["draft", "The draft"], ...refs], ref)}
  </select>`;
  const row = (field) =>
    html`<${Field}
      key=${field.name}
      field=${field}
      path=${field.name}
      value=${given.input?.[field.name]}
      set=${(value) => set({ input: merged(given.input, { [field.name]: value }) })}
      env=${env}
    />`;
  const any = html`<${Field}
    field=${ANYTHING}
    path="input"
    value=${given.input}
    set=${(value) => set({ input: value })}
    env=${env}
  />`;
  const take = (use, data) => set({ row: data, input: { ...given.input, ...passed(use, data) } });
  return html`<aside class="drawer run-panel flow-panel" aria-label="Run">
    <${DrawerHead} title=${title} facts=${ALONE} close=${() => editor.show(null)} />
    <section class="form">
      <form onSubmit=${start}>
        <${Faults} lines=${told.lines} />
        ${labelled("trial-ref", "Version", version)}
        ${around.uses.length > 0 && html`<${FromRow} uses=${around.uses} onRow=${take} row=${given.row} />`}
        ${declared ? formOf(declared).map(row) : any}
        <button class="button primary" disabled=${busy}>${icon("play")}${title}</button>
      </form>
    </section>
    <${Watching} editor=${editor} />
  </aside>`;
}

/** "Test with a row": its values become the input, and what templates read as `row`. */
function FromRow({ uses, onRow, row }) {
  const [at, setAt] = useState(0);
  const [number, setNumber] = useState("1");
  const fetch = async () => {
    try {
      const query = { start: Number(number) - 1, limit: 1 };
      const page = await api("GET", `tables/${uses[at].table}/rows/`, { query });
      if (page.results[0]) onRow(uses[at], page.results[0].data);
      else report(new Problem(404, { detail: `The table has ${page.total} rows.` }), "take that row");
    } catch (error) {
      report(error, "read the row");
    }
  };
  return html`<fieldset class="field group">
    <legend>Test with a row</legend>
    <div class="row-pick">
      <select aria-label="Table" onChange=${(event) => setAt(Number(event.currentTarget.value))}>
        ${uses.map((use, one) => html`<option value=${one}>${use.table_name} · ${use.name}</option>`)}
      </select>
      <input
        aria-label="Row number"
        inputmode="numeric"
        value=${number}
        onInput=${(event) => setNumber(event.currentTarget.value)}
      />
      ${button("Take it", fetch, "small")}
    </div>
    ${row && html`<span class="hint">Templates read this row as row.</span>`}
  </fieldset>`;
}

/** The run that is shown: how it stands, each step, text as it streams, what came of it. */
function Watching({ editor }) {
  const { store, draft } = editor;
  if (!store?.run) return null;
  const { run } = store;
  const [state, word] = runWord(run);
  const mayStop = editor.mayEdit && !ENDED.has(run.status);
  const line = (step) => {
    const { step_key: key, block, status, cached_from } = step;
    const [is, says] = stepWord(status);
    const go = () => editor.select(block || key);
    const name = titleOf(blockOf(draft, block) || { key });
    return html`<li key=${key}>
      <button type="button" class="mark as-link" data-state=${is} onClick=${go}>${name}</button>${" "}
      <span class="quiet">${cached_from ? "reused" : says.toLowerCase()}</span>
      <${SoFar} live=${store.live.get(key)} label=${`Output of ${key} so far`} />
    </li>`;
  };
  return html`<section aria-label="The run" class="watching">
    <h3>
      <a href=${`/runs/${run.id}/`}>Run ${run.id.slice(-6)}</a>${" "}${pill(state, word, { role: "status" })}
      <span class="quiet">version ${run.version}</span>${" "}
      ${mayStop && button(html`${icon("stop")}Stop`, () => store.stop(), "small danger")}
    </h3>
    <ol class="flow-steps">
      ${[...store.shown.values()].slice(0, 60).map(line)}
    </ol>
    ${run.status === "failed" && html`<${Fault} title="What went wrong" error=${run.error} />`}
    <${Body} title="Result" value=${run.result} />
  </section>`;
}

/**
 * Running again from a block, or until it: what is kept, what runs and why, on the cards too.
 * @param {{editor: any, wanted: any}} props
 */
export function Planned({ editor, wanted }) {
  const close = (run) => {
    editor.show(run ? { kind: "trial", until: null } : null);
    if (run) editor.watch(run.id);
  };
  return html`<aside class="drawer run-panel flow-panel" aria-label="Plan">
    <section>
      <${Plan}
        run=${editor.store.run}
        wanted=${wanted}
        first="draft"
        close=${close}
        onPlan=${(plan) => editor.planIs(plan)}
      />
    </section>
  </aside>`;
}
