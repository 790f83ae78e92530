// @ts-check
/** The workflow as a whole, when no block is chosen: its name, its inputs, what it answers, what is wrong, who uses it. */
import { plural } from "../format.js";
import { html } from "../ui/html.js";
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
  return html`<aside class="drawer run-panel flow-panel" aria-label="Workflow">
    <${Faults} editor=${editor} />
    <section>
      <div class="field">
        <label for="workflow-name">Name</label
        ><input maxlength="200" required autocomplete="off" ...${meta("name")} />${
          editor.refused.name &&
          html`<ul class="errors" role="alert">
            <li>${editor.refused.name}</li>
          </ul>`
        }
      </div>
      <div class="field">
        <label for="workflow-description">What it is for</label
        ><textarea rows="2" maxlength="10000" ...${meta("description")}></textarea>
      </div>
    </section>
    ${
      entry &&
      html`<section class="form">
        <${Field}
          field=${{ ...inputs, label: "Inputs", help: "What a run is given. Blocks read it as input.name. Without any, a run takes whatever comes." }}
          path="inputs"
          value=${entry.config?.inputs ?? undefined}
          env=${env}
          set=${(value) => editor.change(changeBlock(draft, entry.key, { config: { ...entry.config, inputs: value ?? null } }), "inputs")}
        />
      </section>`
    }
    <section>
      <h3>Result</h3>
      ${
        answers.length
          ? html`<p>
              What${" "}${answers.map((block, at) => html`${at > 0 && ", "}<button type="button" class="as-link" onClick=${() => editor.select(block.key, true)}>${titleOf(block)}</button>`)}${" "}says.
            </p>`
          : html`<p>The outputs of the last blocks. A Respond block says it in your own words.</p>`
      }
    </section>
    <section>
      <h3>Used by</h3>
      ${
        around.uses.length
          ? html`<ul class="uses">
              ${around.uses.map((use) => html`<li><a href=${`/tables/${use.table}/`}>${use.table_name}</a> <span class="quiet">${use.name} · ${use.ref}</span></li>`)}
            </ul>`
          : html`<p class="quiet">No table yet. A column group of a table, or a trigger, can run it.</p>`
      }
    </section>
    ${
      !off &&
      html`<section class="drawer-actions">
        <button type="button" class="button" onClick=${() => editor.openSource()}>Show as JSON</button>
        ${around.may_archive && html`<button type="button" class="button danger" onClick=${() => editor.archive()}>Archive</button>`}
      </section>`
    }
  </aside>`;
}

function Faults({ editor }) {
  const errors = editor.faults.filter((fault) => fault.severity === "error");
  const hints = editor.faults.length - errors.length;
  if (!editor.faults.length) return null;
  return html`<section class="flow-told">
    <h3>${errors.length ? `${plural(errors.length, "thing")} to correct before it can run` : plural(hints, "hint")}</h3>
    <ul class="errors">
      ${editor.faults
        .slice(0, 50)
        .map(
          (fault) =>
            html`<li data-severity=${fault.severity}>
              ${fault.block && html`<button type="button" class="as-link" onClick=${() => editor.select(fault.block, true)}>${fault.block}</button>: `}${fault.message}
            </li>`,
        )}
    </ul>
  </section>`;
}
