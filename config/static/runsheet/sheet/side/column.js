// @ts-check
/** One column: its name, its type with what belongs to that, and what would go with it. */
import { api } from "../../api.js";
import { count, plural } from "../../format.js";
import { confirm } from "../../ui/confirm.js";
import { Input, Select, faultsOf } from "../../ui/fields.js";
import { html, useState } from "../../ui/html.js";
import { Faults, button } from "../../ui/parts.js";
import { toast } from "../../ui/toast.js";
import { attempt } from "../attempt.js";
import { Choices } from "./choices.js";
import { TYPES, bodyOf, changesOf, valuesOf } from "./columns.js";
import { Frame, Tick, useForm } from "./form.js";

const DATE_FORMATS = [
  ["", "2026-11-21"],
  ...["DD.MM.YYYY", "DD/MM/YYYY", "MM/DD/YYYY", "D MMM YYYY"].map((one) => [one, one]),
];
const CONVERTED = "The values it holds are converted, or the change is refused with examples.";
/** Options that are typed: what is about their fields. */
const TYPED = {
  currency: { label: "Currency", placeholder: "EUR", maxlength: "3", hint: "A three-letter code." },
  decimals: { label: "Decimals", type: "number", min: "0", max: "10", step: "1", placeholder: "as entered" },
};
const USES = {
  dependency: "runs after it",
  input: "reads it",
  expression: "names it in an expression",
  condition: "names it in its condition",
  workflow: "its workflow reads it",
  view: "filters or sorts by it",
};

export function Panel({ grid, side, columnId, place }) {
  const [column] = useState(columnId ? grid.schema.column.get(columnId) : null);
  const start = valuesOf(column);
  const form = useForm(start, side);
  const { values } = form;
  const path = `${grid.session.path}columns/`;
  const group = column?.group && grid.schema.group.get(column.group);
  const done = (words) => {
    side.leave();
    toast(words);
    grid.loadSchema();
  };
  const save = (onMisfit) =>
    form.send(async () => {
      const changed = column ? changesOf(column, values) : { ...bodyOf(values), ...ordinalOf(grid, place) };
      const body = { ...changed, ...(onMisfit && { on_misfit: onMisfit }) };
      if (!column) await api("POST", path, { body: changed, key: crypto.randomUUID() });
      else if (Object.keys(changed).length) await api("PATCH", `${path}${column.id}/`, { body });
      done(column ? `“${values.name}” is saved.` : `“${values.name}” is here.`);
    });
  const told = form.told && {
    ...form.told,
    more: form.told.body?.misfits && html`<${Misfits} found=${form.told.body} onEmpty=${() => save("empty")} />`,
  };
  return html`<${Frame}
    title=${column ? column.name : "New column"}
    side=${side}
    form=${{ ...form, told }}
    onSave=${() => save()}
    save=${column ? "Save" : "Add column"}
    note=${group && html`Filled by ${group.name} from <code>${column.output_path}</code>`}
    more=${column && button("Delete", () => remove(grid, column, done), "danger")}
  >
    <${Input} form=${form} name="name" label="Name" required maxlength="200" autocomplete="off" />
    <${Select}
      form=${form}
      name="type"
      label="Type"
      options=${TYPES}
      hint=${column && values.type !== column.type ? CONVERTED : null}
    />
    <${Options} form=${form} column=${column} />
    <${Tick} form=${form} name="required" label="Required" hint="New rows must have a value here." />
    <${Tick} form=${form} name="unique" label="Unique" hint="No two rows may have the same value." />
    ${group && html`<p>${button(`Edit ${group.name}…`, () => grid.openGroup(group.id))}</p>`}
  <//>`;
}

function Options({ form, column }) {
  const options = TYPES.find(([type]) => type === form.values.type)?.[2] || [];
  const isNew = !column || column.type !== form.values.type;
  const draw = (name) => {
    const props = { form, name, at: `options.${name}` };
    if (name === "choices") return html`<${Choices} form=${form} isNew=${isNew} />`;
    if (name === "date_format") return html`<${Select} ...${props} label="Shown as" options=${DATE_FORMATS} />`;
    if (name === "long") return html`<${Tick} ...${props} label="Long text" hint="Edited in a big field." />`;
    return html`<${Input} ...${props} ...${TYPED[name]} />`;
  };
  return html`${options.map(draw)} <${Faults} id="column-options-errors" lines=${faultsOf(form.errors, "options")} />`;
}

/** What does not fit the new type, and the way to have it nonetheless. */
function Misfits({ found, onEmpty }) {
  return html`<ul>
      ${found.examples.map((one) => html`<li><code>${String(one.value).slice(0, 60)}</code> ${one.reason}</li>`)}
    </ul>
    <p>${button(`Change it and empty ${plural(found.misfits, "value")}`, onEmpty, "small")}</p>`;
}

function ordinalOf(grid, { before, after }) {
  const beside = grid.schema.column.get(before || after);
  return beside ? { ordinal: beside.ordinal + (before ? 0 : 1) } : {};
}

/** Ask, with what goes along, and delete it; `done` gets the words for what was done. */
export function remove(grid, column, done) {
  const path = `${grid.session.path}columns/${column.id}/`;
  return attempt("delete the column", async () => {
    const { used_by: uses } = await api("GET", path);
    const group = column.group && grid.schema.group.get(column.group);
    const used = uses.map((one) => `“${one.name}” (${USES[one.kind] || one.kind})`).join(", ");
    const lines = [`The column and its values in ${count(grid.table.row_count)} rows go. This cannot be undone.`];
    if (group?.outputs.length === 1) lines.push(`It is the last column of “${group.name}”, which goes too.`);
    if (used) lines.push(`Used by ${used}.`);
    const title = `Delete “${column.name}”?`;
    if (!(await confirm({ title, text: lines.join(" "), yes: "Delete column" }))) return;
    await api("DELETE", path);
    done(`“${column.name}” is deleted.`);
  });
}
