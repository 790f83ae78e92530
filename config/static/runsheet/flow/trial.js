// @ts-check
/** Running it: what goes in (typed, or from a row of a table), then what comes out, while it comes. */
import { Problem, api } from "../api.js";
import { Body, Fault } from "../run/body.js";
import { Plan } from "../run/rerun.js";
import { ENDED, runWord, stepWord } from "../run/steps.js";
import { intent } from "../triggers/actions.js";
import { cross, html, icon, useState } from "../ui/html.js";
import { report } from "../ui/toast.js";
import { inputsOf, titleOf } from "./draft.js";
import { Field } from "./fields.js";

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
  const put = (name, value) =>
    set({
      input: Object.fromEntries(
        Object.entries({ ...given.input, [name]: value }).filter(([, each]) => each !== undefined),
      ),
    });
  const env = { id: "trial", faults: told.faults, off: false, names: () => [] };
  const start = async (event) => {
    event.preventDefault();
    setBusy(true);
    setTold({ lines: [], faults: new Map() });
    try {
      if (ref === "draft") await editor.flush();
      const run = await api("POST", `workflows/${workflow.id}/runs/`, {
        body: {
          input: given.input || {},
          ref,
          ...(given.row && { row: given.row }),
          ...(until && { stop_after: until }),
        },
        key: intent(),
      });
      editor.watch(run.id);
    } catch (error) {
      const errors = error instanceof Problem ? Object.entries(error.errors) : [];
      const beside = errors.filter(([at]) => at.startsWith("input."));
      const lines = beside.length
        ? ["Correct what is marked below."]
        : error instanceof Problem
          ? error.lines
          : ["The server could not be reached. Try again."];
      setTold({ lines, faults: new Map(beside.map(([at, words]) => [at.slice(6), /** @type {string[]} */ (words)])) });
    }
    setBusy(false);
  };
  return html`<aside class="drawer run-panel flow-panel" aria-label="Run">
    <header class="drawer-head">
      <div>
        <h2>${until ? `Run until ${until}` : "Run"}</h2>
        <p class="quiet">A run of its own: no table changes unless a block writes to one.</p>
      </div>
      <button type="button" class="icon-button" aria-label="Close" onClick=${() => editor.show(null)}>${cross}</button>
    </header>
    <section class="form">
      <form onSubmit=${start}>
        ${
          told.lines.length > 0 &&
          html`<ul class="errors" role="alert">
            ${told.lines.map((line) => html`<li>${line}</li>`)}
          </ul>`
        }
        <div class="field">
          <label for="trial-ref">Version</label
          ><select id="trial-ref" value=${ref} onChange=${(event) => setRef(event.currentTarget.value)}>
            <option value="draft">The draft</option>
            ${workflow.refs.map((one) => html`<option value=${one.name}>${one.name} (version ${one.version})</option>`)}
          </select>
        </div>
        ${around.uses.length > 0 && html`<${FromRow} uses=${around.uses} onRow=${(use, data) => set({ row: data, input: { ...given.input, ...passed(use, data) } })} row=${given.row} />`}
        ${
          declared
            ? formOf(declared).map(
                (field) =>
                  html`<${Field}
                    key=${field.name}
                    field=${field}
                    path=${field.name}
                    value=${given.input?.[field.name]}
                    set=${(value) => put(field.name, value)}
                    env=${env}
                  />`,
              )
            : html`<${Field}
                field=${{ name: "input", label: "Input, as JSON", kind: "json", help: "This workflow declares no inputs: any object will do." }}
                path="input"
                value=${given.input}
                set=${(value) => set({ input: value })}
                env=${env}
              />`
        }
        <button class="button primary" disabled=${busy}>${icon("play")}${until ? `Run until ${until}` : "Run"}</button>
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
      const page = await api("GET", `tables/${uses[at].table}/rows/`, {
        query: { start: Number(number) - 1, limit: 1 },
      });
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
      <button type="button" class="button small" onClick=${fetch}>Take it</button>
    </div>
    ${row && html`<span class="hint">Templates read this row as row.</span>`}
  </fieldset>`;
}

/** The run that is shown: how it stands, each step, text as it streams, what came of it. */
export function Watching({ editor }) {
  const { store, draft } = editor;
  if (!store || !store.run) return null;
  const { run } = store;
  const [state, word] = runWord(run);
  const name = (step) => titleOf(draft.blocks.find((block) => block.key === step.block) || { key: step.step_key });
  const stop = async () => {
    try {
      await api("POST", `runs/${run.id}/cancel/`);
      store.fetch();
    } catch (error) {
      report(error, "stop the run");
    }
  };
  return html`<section aria-label="The run" class="watching">
    <h3>
      <a href=${`/runs/${run.id}/`}>Run ${run.id.slice(-6)}</a>${" "}<span
        class="pill"
        data-state=${state}
        role="status"
        ><span class="word">${word}</span></span
      >
      <span class="quiet">version ${run.version}</span
      >${editor.mayEdit && !ENDED.has(run.status) && html`${" "}<button type="button" class="button small danger" onClick=${stop}>${icon("stop")}Stop</button>`}
    </h3>
    <ol class="flow-steps">
      ${[...store.shown.values()].slice(0, 60).map((step) => {
        const [is, says] = stepWord(step.status);
        const live = store.live.get(step.step_key);
        return html`<li key=${step.step_key}>
          <button
            type="button"
            class="mark as-link"
            data-state=${is}
            onClick=${() => editor.select(step.block || step.step_key)}
          >
            ${name(step)}</button
          >${" "}<span class="quiet">${step.cached_from ? "reused" : says.toLowerCase()}</span>
          ${live && live.text && html`<pre class="so-far" tabindex="0" aria-label=${`Output of ${step.step_key} so far`}>${live.text}</pre>`}
        </li>`;
      })}
    </ol>
    ${run.status === "failed" && html`<${Fault} title="What went wrong" error=${run.error} />`}
    <${Body} title="Result" value=${run.result} />
  </section>`;
}

/** Running again from a block, or until it: what is kept, what runs and why, on the cards too. @param {{editor: any, wanted: any}} props */
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
