// @ts-check
/** One column: its name, its type with what belongs to that, and what would go with it. */
import { api } from "../../api.js";
import { count, plural } from "../../format.js";
import { Faults, Input, Select, faultsOf } from "../../triggers/fields.js";
import { confirm } from "../../ui/confirm.js";
import { html, useState } from "../../ui/html.js";
import { report, toast } from "../../ui/toast.js";
import { Choices } from "./choices.js";
import { TYPES, bodyOf, changesOf, valuesOf } from "./columns.js";
import { Frame, Tick, useForm } from "./form.js";

const DATE_FORMATS = ["YYYY-MM-DD", "DD.MM.YYYY", "DD/MM/YYYY", "MM/DD/YYYY", "D MMM YYYY"];
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
      if (!column)
        await api("POST", path, { body: { ...bodyOf(values), ...ordinalOf(grid, place) }, key: crypto.randomUUID() });
      else {
        const changed = changesOf(column, values);
        if (Object.keys(changed).length)
          await api("PATCH", `${path}${column.id}/`, {
            body: { ...changed, ...(onMisfit && { on_misfit: onMisfit }) },
          });
      }
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
    more=${column && html`<button type="button" class="button danger" onClick=${() => remove(grid, column, done)}>Delete</button>`}
  >
    <${Input} form=${form} name="name" label="Name" required maxlength="200" autocomplete="off" />
    <${Select}
      form=${form}
      name="type"
      label="Type"
      options=${TYPES.map(([type, word]) => [type, word])}
      hint=${column && values.type !== column.type ? "The values it holds are converted, or the change is refused with examples." : null}
    />
    <${Options} form=${form} column=${column} />
    <${Tick} form=${form} name="required" label="Required" hint="New rows must have a value here." />
    <${Tick} form=${form} name="unique" label="Unique" hint="No two rows may have the same value." />
    ${group && html`<p><button type="button" class="button" onClick=${() => grid.openGroup(group.id)}>Edit ${group.name}…</button></p>`}
  <//>`;
}

function Options({ form, column }) {
  const options = TYPES.find(([type]) => type === form.values.type)?.[2] || [];
  return html`${options.includes("choices") && html`<${Choices} form=${form} isNew=${!column || column.type !== form.values.type} />`}
    ${
      options.includes("currency") &&
      html`<${Input}
        form=${form}
        name="currency"
        at="options.currency"
        label="Currency"
        placeholder="EUR"
        maxlength="3"
        hint="A three-letter code."
      />`
    }
    ${
      options.includes("decimals") &&
      html`<${Input}
        form=${form}
        name="decimals"
        at="options.decimals"
        label="Decimals"
        type="number"
        min="0"
        max="10"
        step="1"
        placeholder="as entered"
      />`
    }
    ${
      options.includes("date_format") &&
      html`<${Select}
        form=${form}
        name="date_format"
        at="options.date_format"
        label="Shown as"
        options=${[["", "2026-11-21"], ...DATE_FORMATS.slice(1).map((one) => [one, one])]}
      />`
    }
    ${options.includes("long") && html`<${Tick} form=${form} name="long" label="Long text" hint="Edited in a big field." />`}
    <${Faults} id="column-options-errors" lines=${faultsOf(form.errors, "options")} />`;
}

/** What does not fit the new type, and the way to have it nonetheless. */
function Misfits({ found, onEmpty }) {
  return html`<ul>
      ${found.examples.map((one) => html`<li><code>${String(one.value).slice(0, 60)}</code> ${one.reason}</li>`)}
    </ul>
    <p>
      <button type="button" class="button small" onClick=${onEmpty}>
        Change it and empty ${plural(found.misfits, "value")}
      </button>
    </p>`;
}

function ordinalOf(grid, { before, after }) {
  const beside = grid.schema.column.get(before || after);
  return beside ? { ordinal: beside.ordinal + (before ? 0 : 1) } : {};
}

/** Ask, with what goes along, and delete it; `done` gets the words for what was done. */
export async function remove(grid, column, done) {
  const path = `${grid.session.path}columns/${column.id}/`;
  try {
    const { used_by: uses } = await api("GET", path);
    const group = column.group && grid.schema.group.get(column.group);
    const used = uses.map((one) => `“${one.name}” (${USES[one.kind] || one.kind})`).join(", ");
    const lines = [`The column and its values in ${count(grid.table.row_count)} rows go. This cannot be undone.`];
    if (group && group.outputs.length === 1) lines.push(`It is the last column of “${group.name}”, which goes too.`);
    if (used) lines.push(`Used by ${used}.`);
    if (!(await confirm({ title: `Delete “${column.name}”?`, text: lines.join(" "), yes: "Delete column" }))) return;
    await api("DELETE", path);
    done(`“${column.name}” is deleted.`);
  } catch (error) {
    report(error, "delete the column");
  }
}
