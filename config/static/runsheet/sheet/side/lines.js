// @ts-check
/** The two lists of a workflow group's form: what goes in from a row, and what comes out into which column. */
import { faultsOf } from "../../ui/fields.js";
import { html } from "../../ui/html.js";
import { Faults, button, crossButton } from "../../ui/parts.js";
import { choose, text } from "../controls.js";
import { TYPES } from "./columns.js";
import { KINDS, inputOf, pathsOf, titleOf } from "./mapping.js";

const put = (list, place, part) => list.map((one, at) => (at === place ? { ...one, ...part } : one));
const without = (list, place) => list.filter((_, at) => at !== place);
const choicesOf = (columns, none) => [["", none], ...columns.map(({ id, name }) => [id, name])];

/** One line for each input that the workflow declares, and for each that is passed besides. */
export function Inputs({ form, takes, columns }) {
  const { inputs, depends } = form.values;
  const extra = inputs.filter((one) => !takes.names.includes(one.name));
  const named = takes.names.map((name) => inputs.find((one) => one.name === name) || inputOf(name, null));
  const shown = [...named, ...extra];
  const change = (place, part) =>
    form.set({
      inputs: put(shown, place, part),
      ...(part.column && !depends.includes(part.column) && { depends: [...depends, part.column] }),
    });
  const line = (one, place) => {
    const label = one.name || `Input ${place + 1}`;
    const remove = extra.includes(one) ? () => form.set({ inputs: without(shown, place) }) : null;
    const props = { one, label, takes, columns, errors: form.errors, set: (part) => change(place, part), remove };
    return html`<${InputLine} key=${place} ...${props} />`;
  };
  const none = takes.declared ? "This workflow takes no input." : "This workflow names no input.";
  const add = () => form.set({ inputs: [...shown, inputOf("", null)] });
  return html`<fieldset class="lines">
    <legend>Inputs</legend>
    ${!shown.length && html`<span class="hint">${none}</span>`} ${shown.map(line)}
    ${!takes.declared && button("Add input", add, "small")}
  </fieldset>`;
}

function InputLine({ one, label, takes, columns, errors, set, remove }) {
  const about = takes.declared?.[one.name];
  const faults = faultsOf(errors, `inputs.${one.name}`);
  const invalid = { "aria-invalid": faults.length ? "true" : null };
  const isFixed = takes.declared || takes.names.includes(one.name);
  const star = about?.required && html`${" "}<span title="required">*</span>`;
  const name = isFixed
    ? html`<span class="line-name">${one.name}${star}</span>`
    : text("Name of the input", one.name, (typed) => set({ name: typed }), { class: "line-name" });
  return html`<div class="line">
    ${name} ${choose(`Kind of ${label}`, one.kind, KINDS, (kind) => set({ kind }))}
    ${sourceOf(one, label, columns, invalid, set)} ${remove && crossButton(`Remove ${label}`, remove)}
    ${about?.description && html`<span class="hint">${about.description}</span>`}
    ${takes.declared && !about && html`<span class="errors">This workflow has no such input.</span>`}
    <${Faults} lines=${faults} />
  </div>`;
}

/** Where an input comes from. */
function sourceOf(one, label, columns, invalid, set) {
  const write = (typed) => set({ [one.kind]: typed });
  if (one.kind === "column")
    return choose(`Column for ${label}`, one.column, choicesOf(columns, "nothing"), write, invalid);
  if (one.kind === "value") return text(`Value for ${label}`, one.value, write, invalid);
  const more = { ...invalid, class: "mono", placeholder: "row.domain|lower" };
  return text(`Expression for ${label}`, one.expression, write, more);
}

/** One line for each output: where it stands in what the run gives, and the column it fills, an old or a new one. */
export function Outputs({ form, definition, types, columns }) {
  const { outputs } = form.values;
  const paths = pathsOf(definition, types);
  const add = () => {
    const path = paths.find((one) => !outputs.some((output) => output.path === one)) || "result";
    form.set({ outputs: [...outputs, { path, column: "", name: titleOf(path), type: "text" }] });
  };
  const line = (one, place) => {
    const faults = faultsOf(form.errors, `outputs[${place}]`);
    const set = (part) => form.set({ outputs: put(outputs, place, part) });
    const remove = () => form.set({ outputs: without(outputs, place) });
    const props = { one, label: `output ${place + 1}`, columns, faults, set, remove };
    return html`<${OutputLine} key=${place} ...${props} />`;
  };
  return html`<fieldset class="lines">
    <legend>Outputs</legend>
    <datalist id="output-paths">${paths.map((path) => html`<option value=${path} />`)}</datalist>
    ${outputs.map(line)} ${button("Add output", add, "small")}
    <${Faults} lines=${form.errors.outputs || []} />
  </fieldset>`;
}

function OutputLine({ one, label, columns, faults, set, remove }) {
  const invalid = { "aria-invalid": faults.length ? "true" : null };
  const path = { ...invalid, class: "line-name mono", list: "output-paths" };
  const name = { ...invalid, placeholder: "Name" };
  const fresh = () => [
    text(`Name of the new column of ${label}`, one.name, (typed) => set({ name: typed }), name),
    choose(`Type of the new column of ${label}`, one.type, TYPES, (type) => set({ type })),
  ];
  return html`<div class="line output">
    ${text(`Path of ${label}`, one.path, (typed) => set({ path: typed }), path)}
    ${choose(`Column of ${label}`, one.column, choicesOf(columns, "New column"), (column) => set({ column }))}
    ${!one.column && fresh()} ${crossButton(`Remove ${label}`, remove)}
    <${Faults} lines=${faults} />
  </div>`;
}
