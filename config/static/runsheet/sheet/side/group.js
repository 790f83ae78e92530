// @ts-check
/** A workflow group: which workflow, what goes in from the row, what it waits for, what comes out into which columns. */
import { api } from "../../api.js";
import { mayStart } from "../../run/menu.js";
import { Area, Faults, Input, Select, faultsOf } from "../../triggers/fields.js";
import { all } from "../../triggers/target.js";
import { confirm } from "../../ui/confirm.js";
import { openDialog } from "../../ui/dialog.js";
import { html, useEffect, useState } from "../../ui/html.js";
import { report, toast } from "../../ui/toast.js";
import { Frame, Tick, useForm } from "./form.js";
import { Inputs, Outputs } from "./lines.js";
import { barred, bodyOf, inputsOf, suggested, valuesOf } from "./mapping.js";
import { Trial } from "./trial.js";

export function Panel({ grid, side, groupId }) {
  const [group] = useState(groupId ? grid.table.groups.find((one) => one.id === groupId) : null);
  const form = useForm(valuesOf(group), side);
  const { values, set } = form;
  const [choices, setChoices] = useState(/** @type {any} */ (null));
  useEffect(() => {
    Promise.all([all("workflows/"), api("GET", "blocks/")]).then(
      ([workflows, blocks]) => setChoices({ workflows, types: blocks.results }),
      (error) => report(error, "read the workflows"),
    );
  }, []);
  const workflow = choices?.workflows.find((one) => one.id === values.workflow);
  const definition = useDefinition(workflow, values.ref);
  const takes = definition ? inputsOf(definition) : null;
  const [filled, setFilled] = useState(Boolean(group));
  useEffect(() => {
    // a new group begins with what its workflow suggests
    if (filled || !definition || !workflow) return;
    setFilled(true);
    set((known) => ({
      name: known.name || workflow.name,
      ...suggested(definition, choices.types, grid.schema, workflow.name),
    }));
  }, [definition]);
  const path = `${grid.session.path}groups/`;
  const body = () => bodyOf(values, group?.retry, takes?.declared);
  const done = (words) => {
    side.leave();
    toast(words);
    grid.loadSchema();
  };
  const save = async () => {
    if (values.auto_run && !group?.auto_run && !(await mayAuto(grid, group, values.name))) return;
    await form.send(async () => {
      if (group) await api("PATCH", `${path}${group.id}/`, { body: body() });
      else await api("POST", path, { body: body(), key: crypto.randomUUID() });
      done(group ? `“${values.name}” is saved.` : `“${values.name}” is here. Nothing has run yet.`);
    });
  };
  const outputs = values.outputs.map((one) => one.column).filter(Boolean);
  const pick = (event) => {
    set({ workflow: event.currentTarget.value, ref: "live" });
    if (!group) setFilled(false);
  };
  return html`<${Frame}
    title=${group ? group.name : "Columns filled by a workflow"}
    side=${side}
    form=${form}
    onSave=${save}
    save=${group ? "Save" : "Add columns"}
    more=${group && html`<button type="button" class="button danger" onClick=${() => remove(grid, group, done)}>Delete</button>`}
  >
    <div class="field">
      <label for="group-workflow">Workflow</label>
      <select
        id="group-workflow"
        required
        aria-invalid=${faultsOf(form.errors, "workflow").length ? "true" : null}
        onChange=${pick}
      >
        <option value="" disabled selected=${!values.workflow}>${choices ? "Choose a workflow" : "Reading…"}</option>
        ${!workflow && values.workflow && html`<option value=${values.workflow} selected>${group?.workflow_name || "Reading…"}</option>`}
        ${(choices?.workflows || []).map((one) => html`<option value=${one.id} selected=${one.id === values.workflow}>${one.name}</option>`)}
      </select>
      <${Faults} id="group-workflow-errors" lines=${faultsOf(form.errors, "workflow")} />
    </div>
    ${workflow && html`<${Select} form=${form} name="ref" label="Version" options=${refsOf(workflow, values.ref)} />`}
    <${Input} form=${form} name="name" label="Name" required maxlength="200" autocomplete="off" />
    ${takes && html`<${Inputs} form=${form} takes=${takes} columns=${before(grid.schema, outputs)} />`}
    <${After} form=${form} grid=${grid} groupId=${groupId} outputs=${outputs} reads=${takes?.reads || []} />
    ${definition && html`<${Outputs} form=${form} definition=${definition} types=${choices.types} columns=${free(grid.schema, groupId)} />`}
    <${Area}
      form=${form}
      name="condition"
      label="Only if"
      rows="2"
      class="mono"
      placeholder="row.score > 40"
      hint="An expression over the row. Empty: always."
    />
    <${Tick}
      form=${form}
      name="auto_run"
      label="Run automatically"
      disabled=${!values.depends.length && !values.auto_run}
      hint=${values.depends.length ? "Off: it runs only when asked. On: each new or changed row runs, and costs, by itself." : "Choose what it runs after first."}
    />
    <${Faults} id="group-auto-errors" lines=${faultsOf(form.errors, "auto_run")} />
    <details
      class="more-options"
      open=${["limits", "retry", "timeout_seconds"].some((name) => faultsOf(form.errors, name).length) || undefined}
    >
      <summary>Limits and retries</summary>
      <div class="pair">
        <${Input}
          form=${form}
          name="concurrency"
          at="limits.concurrency"
          label="At once, at most"
          type="number"
          min="1"
          step="1"
          placeholder="no limit"
        />
        <${Input}
          form=${form}
          name="timeout"
          at="timeout_seconds"
          label="Time limit, seconds"
          type="number"
          min="0.1"
          step="any"
          placeholder="none"
        />
        <${Input}
          form=${form}
          name="rate"
          at="limits.rate.count"
          label="Starts, at most"
          type="number"
          min="1"
          step="1"
          placeholder="no limit"
        />
        <${Input}
          form=${form}
          name="per"
          at="limits.rate.per_seconds"
          label="in so many seconds"
          type="number"
          min="0.1"
          step="any"
          placeholder="60"
        />
        <${Input}
          form=${form}
          name="attempts"
          at="retry.max_attempts"
          label="Attempts"
          type="number"
          min="1"
          max="20"
          step="1"
          placeholder="1"
        />
        <${Input}
          form=${form}
          name="delay"
          at="retry.delay_seconds"
          label="Seconds between them"
          type="number"
          min="0"
          step="any"
          placeholder="as usual"
        />
      </div>
    </details>
    ${definition && html`<${Trial} grid=${grid} form=${form} body=${body} />`}
    ${group && html`<p class="hint">What changes its meaning marks finished cells as made by an older version. They run again only when asked.</p>`}
  <//>`;
}

/** The definition that a ref of a workflow means now; null until it is read. */
function useDefinition(workflow, ref) {
  const [found, setFound] = useState(/** @type {any} */ (null));
  const key = workflow ? `${workflow.id} ${ref}` : "";
  useEffect(() => {
    if (!workflow) return;
    const version = workflow.refs.find((one) => one.name === ref)?.version;
    if (!version && ref !== "draft") return;
    api("GET", version ? `workflows/${workflow.id}/versions/${version}/` : `workflows/${workflow.id}/`).then(
      (read) => setFound({ key, definition: read.definition }),
      (error) => report(error, "read the workflow"),
    );
  }, [key]);
  return found?.key === key && key ? found.definition : null;
}

function refsOf(workflow, ref) {
  const known = [
    ...workflow.refs.map((one) => [one.name, `${one.name} (version ${one.version})`]),
    ["draft", "draft (as it is being edited)"],
  ];
  return known.some(([name]) => name === ref) ? known : [[ref, `${ref} (not published)`], ...known];
}

/** Columns that may go in: those left of all that come out. */
function before(schema, outputs) {
  const edge = Math.min(Infinity, ...outputs.map((id) => schema.column.get(id)?.ordinal ?? Infinity));
  return [...schema.column.values()].filter((column) => column.ordinal < edge);
}

/** Columns that it may fill: its own, and those that nothing fills. */
const free = (schema, groupId) =>
  [...schema.column.values()].filter((column) => !column.group || column.group === groupId);

/** Which columns have to be filled before it runs, to be switched one by one; those that cannot be say why. */
function After({ form, grid, groupId, outputs, reads }) {
  const { depends } = form.values;
  const reasons = barred(grid.schema, groupId, outputs);
  const columns = [...grid.schema.column.values()].filter((column) => !outputs.includes(column.id));
  const flip = (id) =>
    form.set({ depends: depends.includes(id) ? depends.filter((one) => one !== id) : [...depends, id] });
  const read = columns.filter((column) => reads.includes(column.key)).map((column) => column.name);
  return html`<fieldset class="after">
    <legend>Run after</legend>
    <div class="chip-buttons">
      ${columns.map((column) => {
        const isOn = depends.includes(column.id);
        const reason = isOn ? "" : reasons.get(column.id) || "";
        return html`<button
          type="button"
          class="chip-button"
          aria-pressed=${String(isOn)}
          aria-disabled=${reason ? "true" : null}
          title=${reason}
          onClick=${() => {
            if (!reason) flip(column.id);
          }}
        >
          ${column.name}
        </button>`;
      })}
    </div>
    <span class="hint"
      >A row runs once these are
      filled.${read.length > 0 && ` The workflow reads ${read.join(", ")} from the row by itself.`}</span
    >
    <${Faults} id="group-after-errors" lines=${faultsOf(form.errors, "depends_on")} />
  </fieldset>`;
}

function mayAuto(grid, group, name) {
  if (group) return mayStart(grid, { ...group, name });
  const rows = grid.table.row_count;
  return (
    rows === 0 ||
    confirm({
      title: `Run “${name}” automatically?`,
      yes: "Add and run",
      text: `It runs on up to ${rows.toLocaleString("en")} rows as soon as it is added, and then on every new or changed row. Each run may cost.`,
    })
  );
}

/** Without its columns they stay as plain ones, with what they hold; with them their values go too. */
async function remove(grid, group, done) {
  const columns = group.outputs.map((output) => grid.schema.column.get(output.column)).filter(Boolean);
  const names = columns.map((column) => `“${column.name}”`).join(", ");
  const kept = columns.length === 1 ? "column with its" : "columns with their";
  const rows = grid.table.row_count.toLocaleString("en");
  const answer = await openDialog(
    (close) =>
      html`<h2 id="dialog-title">Delete “${group.name}”?</h2>
        <p>
          What runs of it is stopped, and its cells' history goes.${" "}
          ${`${names} can stay as plain ${kept} values, or go with the values of ${rows} rows.`} This cannot be undone.
        </p>
        <div class="actions">
          <button type="button" class="button" onClick=${() => close()}>Cancel</button>
          <button type="button" class="button danger" onClick=${() => close("columns")}>Delete with its columns</button>
          <button type="button" class="button primary" onClick=${() => close("group")}>Delete, keep columns</button>
        </div>`,
  );
  if (!answer) return;
  try {
    await api("DELETE", `${grid.session.path}groups/${group.id}/`);
    if (answer === "columns")
      for (const column of columns) await api("DELETE", `${grid.session.path}columns/${column.id}/`);
    done(`“${group.name}” is deleted.`);
  } catch (error) {
    report(error, "delete the group");
    grid.loadSchema();
  }
}
