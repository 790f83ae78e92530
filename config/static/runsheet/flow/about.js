// @ts-check
/** The workflow as a whole, when no block is chosen: name, inputs, what it answers, what is wrong, who uses it. */
import { plural } from "../format.js";
import { html } from "../ui/html.js";
import { Faults, button, labelled } from "../ui/parts.js";
import { changeBlock, titleOf } from "./draft.js";
import { Field } from "./fields.js";
import { placed } from "./values.js";

/** @param {{editor: any}} props */
export function About({ editor }) {
  const { draft, types, workflow, around } = editor;
  const off = !editor.mayEdit;
  const entry = draft.blocks.find((block) => types.get(block.type)?.entry);
  const inputs = entry && types.get(entry.type).config_form.find((field) => field.name === "inputs");
  const answers = draft.blocks.filter((block) => types.get(block.type)?.responds);
  const env = {
    id: "inputs",
    off,
    faults: entry ? placed([inputs], entry.config, editor.faultsOf(entry.key)) : new Map(),
    names: () => [],
  };
  const meta = (name) => ({
    id: `workflow-${name}`,
    value: workflow[name],
    disabled: off,
    onInput: (event) => editor.describe({ [name]: event.currentTarget.value }),
  });
  const about = html`<textarea rows="2" maxlength="10000" ...${meta("description")}></textarea>`;
  const setInputs = (value) => {
    const config = { ...entry.config, inputs: value ?? null };
    editor.change(changeBlock(draft, entry.key, { config }), "inputs");
  };
  return html`<aside class="drawer run-panel flow-panel" aria-label="Workflow">
    <${Wrong} editor=${editor} />
    <section>
      <div class="field">
        <label for="workflow-name">Name</label>
        <input maxlength="200" required autocomplete="off" ...${meta("name")} />
        <${Faults} lines=${editor.refused.name ? [editor.refused.name] : []} />
      </div>
      ${labelled("workflow-description", "What it is for", about)}
    </section>
    ${
      entry &&
      html`<section class="form">
        <${Field}
          field=${{ ...inputs, label: "Inputs", help: INPUTS }}
          path="inputs"
          value=${entry.config?.inputs ?? undefined}
          env=${env}
          set=${setInputs}
        />
      </section>`
    }
    <section>
      <h3>Result</h3>
      <p>${answers.length ? says(editor, answers) : RESULT}</p>
    </section>
    <section>
      <h3>Used by</h3>
      ${
        around.uses.length
          ? html`<ul class="uses">
              ${around.uses.map(use)}
            </ul>`
          : html`<p class="quiet">${UNUSED}</p>`
      }
    </section>
    ${
      !off &&
      html`<section class="drawer-actions">
        ${button("Show as JSON", () => editor.openSource())}
        ${around.may_archive && button("Archive", () => editor.archive(), "danger")}
      </section>`
    }
  </aside>`;
}

const INPUTS = "What a run is given. Blocks read it as input.name. Without any, a run takes whatever comes.";
const RESULT = "The outputs of the last blocks. A Respond block says it in your own words.";
const UNUSED = "No table yet. A column group of a table, or a trigger, can run it.";

/** A block by its name, to go to it. */
const link = (editor, key, words) =>
  html`<button type="button" class="as-link" onClick=${() => editor.select(key, true)}>${words}</button>`;

const says = (editor, answers) =>
  html`What ${answers.map((block, at) => [at > 0 && ", ", link(editor, block.key, titleOf(block))])} says.`;

const use = ({ table, table_name, name, ref }) =>
  html`<li><a href=${`/tables/${table}/`}>${table_name}</a> <span class="quiet">${name} · ${ref}</span></li>`;

/** What is wrong with the draft, block by block. */
function Wrong({ editor }) {
  const { faults } = editor;
  if (!faults.length) return null;
  const errors = faults.filter((fault) => fault.severity === "error").length;
  const line = ({ severity, block, message }) =>
    html`<li data-severity=${severity}>${block && html`${link(editor, block, block)}: `}${message}</li>`;
  return html`<section class="flow-told">
    <h3>${errors ? `${plural(errors, "thing")} to correct before it can run` : plural(faults.length, "hint")}</h3>
    <ul class="errors">
      ${faults.slice(0, 50).map(line)}
    </ul>
  </section>`;
}
