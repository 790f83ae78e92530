// @ts-check
/** The two lists of a workflow group's form: what goes in from a row, and what comes out into which column. */
import { Faults, faultsOf } from "../../triggers/fields.js";
import { cross, html } from "../../ui/html.js";
import { TYPES } from "./columns.js";
import { KINDS, inputOf, pathsOf, titleOf } from "./mapping.js";

const put = (list, place, part) => list.map((one, at) => (at === place ? { ...one, ...part } : one));

const Columns = ({ columns, chosen, none }) =>
  html`<option value="" selected=${!chosen}>${none}</option>
    ${columns.map((column) => html`<option value=${column.id} selected=${column.id === chosen}>${column.name}</option>`)}`;

/** One line for each input that the workflow declares, and for each that is passed besides. */
export function Inputs({ form, takes, columns }) {
  const { inputs, depends } = form.values;
  const extra = inputs.filter((one) => !takes.names.includes(one.name));
  const shown = [
    ...takes.names.map((name) => inputs.find((one) => one.name === name) || inputOf(name, null)),
    ...extra,
  ];
  const change = (place, part) =>
    form.set({
      inputs: put(shown, place, part),
      ...(part.column && !depends.includes(part.column) && { depends: [...depends, part.column] }),
    });
  return html`<fieldset class="lines">
    <legend>Inputs</legend>
    ${!shown.length && html`<span class="hint">${takes.declared ? "This workflow takes no input." : "This workflow names no input."}</span>`}
    ${shown.map((one, place) => {
      const about = takes.declared?.[one.name];
      const label = one.name || `Input ${place + 1}`;
      const faults = faultsOf(form.errors, `inputs.${one.name}`);
      const invalid = faults.length ? "true" : null;
      return html`<div class="line" key=${place}>
        ${
          takes.declared || takes.names.includes(one.name)
            ? html`<span class="line-name"
                >${one.name}${about?.required && html`${" "}<span title="required">*</span>`}</span
              >`
            : html`<input
                class="line-name"
                aria-label="Name of the input"
                value=${one.name}
                onInput=${(event) => change(place, { name: event.currentTarget.value })}
              />`
        }
        <select
          aria-label=${`Kind of ${label}`}
          onChange=${(event) => change(place, { kind: event.currentTarget.value })}
        >
          ${KINDS.map(([kind, word]) => html`<option value=${kind} selected=${kind === one.kind}>${word}</option>`)}
        </select>
        ${
          one.kind === "column"
            ? html`<select
                aria-label=${`Column for ${label}`}
                aria-invalid=${invalid}
                onChange=${(event) => change(place, { column: event.currentTarget.value })}
              >
                <${Columns} columns=${columns} chosen=${one.column} none="nothing" />
              </select>`
            : html`<input
                class=${one.kind === "expression" ? "mono" : ""}
                aria-invalid=${invalid}
                aria-label=${`${one.kind === "expression" ? "Expression" : "Value"} for ${label}`}
                placeholder=${one.kind === "expression" ? "row.domain|lower" : ""}
                value=${one[one.kind]}
                onInput=${(event) => change(place, { [one.kind]: event.currentTarget.value })}
              />`
        }
        ${
          extra.includes(one) &&
          html`<button
            type="button"
            class="icon-button"
            aria-label=${`Remove ${label}`}
            onClick=${() => form.set({ inputs: shown.filter((_, at) => at !== place) })}
          >
            ${cross}
          </button>`
        }
        ${about?.description && html`<span class="hint">${about.description}</span>`}
        ${takes.declared && !about && html`<span class="errors">This workflow has no such input.</span>`}
        <${Faults} id=${`input-errors-${place}`} lines=${faults} />
      </div>`;
    })}
    ${!takes.declared && html`<button type="button" class="button small" onClick=${() => form.set({ inputs: [...shown, inputOf("", null)] })}>Add input</button>`}
  </fieldset>`;
}

/** One line for each output: where it stands in what the run gives, and the column it fills, an old or a new one. */
export function Outputs({ form, definition, types, columns }) {
  const { outputs } = form.values;
  const paths = pathsOf(definition, types);
  const change = (place, part) => form.set({ outputs: put(outputs, place, part) });
  const add = () => {
    const path = paths.find((one) => !outputs.some((output) => output.path === one)) || "result";
    form.set({ outputs: [...outputs, { path, column: "", name: titleOf(path), type: "text" }] });
  };
  return html`<fieldset class="lines">
    <legend>Outputs</legend>
    <datalist id="output-paths">${paths.map((path) => html`<option value=${path} />`)}</datalist>
    ${outputs.map((one, place) => {
      const faults = faultsOf(form.errors, `outputs[${place}]`);
      const label = `output ${place + 1}`;
      const invalid = faults.length ? "true" : null;
      return html`<div class="line output" key=${place}>
        <input
          class="line-name mono"
          list="output-paths"
          aria-label=${`Path of ${label}`}
          aria-invalid=${invalid}
          value=${one.path}
          onInput=${(event) => change(place, { path: event.currentTarget.value })}
        />
        <select
          aria-label=${`Column of ${label}`}
          onChange=${(event) => change(place, { column: event.currentTarget.value })}
        >
          <${Columns} columns=${columns} chosen=${one.column} none="New column" />
        </select>
        ${
          !one.column &&
          html`<input
              aria-label=${`Name of the new column of ${label}`}
              aria-invalid=${invalid}
              placeholder="Name"
              value=${one.name}
              onInput=${(event) => change(place, { name: event.currentTarget.value })}
            />
            <select
              aria-label=${`Type of the new column of ${label}`}
              onChange=${(event) => change(place, { type: event.currentTarget.value })}
            >
              ${TYPES.map(([type, word]) => html`<option value=${type} selected=${type === one.type}>${word}</option>`)}
            </select>`
        }
        <button
          type="button"
          class="icon-button"
          aria-label=${`Remove ${label}`}
          onClick=${() => form.set({ outputs: outputs.filter((_, at) => at !== place) })}
        >
          ${cross}
        </button>
        <${Faults} id=${`output-errors-${place}`} lines=${faults} />
      </div>`;
    })}
    <button type="button" class="button small" onClick=${add}>Add output</button>
    <${Faults} id="outputs-errors" lines=${form.errors.outputs || []} />
  </fieldset>`;
}
