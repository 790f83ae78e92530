// @ts-check
/** A workflow group: which workflow, what goes in from the row, what it waits for, what comes out and where. */
import { all, api } from "../../api.js";
import { count } from "../../format.js";
import { mayStart } from "../../run/menu.js";
import { confirm } from "../../ui/confirm.js";
import { Area, Input, Select, faultsOf } from "../../ui/fields.js";
import { html, useEffect, useState } from "../../ui/html.js";
import { Faults, button } from "../../ui/parts.js";
import { toast } from "../../ui/toast.js";
import { ask } from "../ask.js";
import { attempt } from "../attempt.js";
import { After } from "./after.js";
import { Frame, Tick, useForm } from "./form.js";
import { Inputs, Outputs } from "./lines.js";
import { bodyOf, inputsOf, suggested, valuesOf } from "./mapping.js";
import { Trial } from "./trial.js";

const AUTO = "Off: it runs only when asked. On: each new or changed row runs, and costs, by itself.";
const OLDER =
  "What changes its meaning marks finished cells as made by an older version. They run again only when asked.";
/** Name, where the API has it, label, attributes of the field. */
const LIMITS = [
  ["concurrency", "limits.concurrency", "At once, at most", { min: "1", step: "1", placeholder: "no limit" }],
  ["timeout", "timeout_seconds", "Time limit, seconds", { min: "0.1", step: "any", placeholder: "none" }],
  ["rate", "limits.rate.count", "Starts, at most", { min: "1", step: "1", placeholder: "no limit" }],
  ["per", "limits.rate.per_seconds", "in so many seconds", { min: "0.1", step: "any", placeholder: "60" }],
  ["attempts", "retry.max_attempts", "Attempts", { min: "1", max: "20", step: "1", placeholder: "1" }],
  ["delay", "retry.delay_seconds", "Seconds between them", { min: "0", step: "any", placeholder: "as usual" }],
];

export function Panel({ grid, side, groupId }) {
  const [group] = useState(groupId ? grid.table.groups.find((one) => one.id === groupId) : null);
  const form = useForm(valuesOf(group), side);
  const { values, set } = form;
  const [choices, setChoices] = useState(/** @type {any} */ (null));
  useEffect(() => {
    attempt("read the workflows", async () => {
      const [workflows, blocks] = await Promise.all([all("workflows/"), api("GET", "blocks/")]);
      setChoices({ workflows, types: blocks.results });
    });
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
  const pick = (part) => {
    set({ ...part, ref: "live" });
    if (!group) setFilled(false);
  };
  const workflows = (choices?.workflows || []).map(({ id, name }) => [id, name]);
  if (!workflow && values.workflow) workflows.unshift([values.workflow, group?.workflow_name || "Reading…"]);
  const isOpen = ["limits", "retry", "timeout_seconds"].some((name) => faultsOf(form.errors, name).length);
  const limit = ([name, at, label, more]) =>
    html`<${Input} form=${form} name=${name} at=${at} label=${label} type="number" ...${more} />`;
  return html`<${Frame}
    title=${group ? group.name : "Columns filled by a workflow"}
    side=${side}
    form=${form}
    onSave=${save}
    save=${group ? "Save" : "Add columns"}
    more=${group && button("Delete", () => remove(grid, group, done), "danger")}
  >
    <${Select}
      form=${{ ...form, set: pick }}
      name="workflow"
      label="Workflow"
      required
      options=${workflows}
      none=${choices ? "Choose a workflow" : "Reading…"}
    />
    ${workflow && html`<${Select} form=${form} name="ref" label="Version" options=${refsOf(workflow, values.ref)} />`}
    <${Input} form=${form} name="name" label="Name" required maxlength="200" autocomplete="off" />
    ${takes && html`<${Inputs} form=${form} takes=${takes} columns=${before(grid.schema, outputs)} />`}
    <${After} form=${form} grid=${grid} groupId=${groupId} outputs=${outputs} reads=${takes?.reads || []} />
    ${
      definition &&
      html`<${Outputs}
        form=${form}
        definition=${definition}
        types=${choices.types}
        columns=${free(grid.schema, groupId)}
      />`
    }
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
      hint=${values.depends.length ? AUTO : "Choose what it runs after first."}
    />
    <${Faults} lines=${faultsOf(form.errors, "auto_run")} />
    <details class="more-options" open=${isOpen || undefined}>
      <summary>Limits and retries</summary>
      <div class="pair">${LIMITS.map(limit)}</div>
    </details>
    ${definition && html`<${Trial} grid=${grid} form=${form} body=${body} />`}
    ${group && html`<p class="hint">${OLDER}</p>`}
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
    attempt("read the workflow", async () => {
      const { definition } = await api("GET", `workflows/${workflow.id}/${version ? `versions/${version}/` : ""}`);
      setFound({ key, definition });
    });
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
  return schema.all.filter((column) => column.ordinal < edge);
}

/** Columns that it may fill: its own, and those that nothing fills. */
const free = (schema, groupId) => schema.all.filter((column) => !column.group || column.group === groupId);

/** Whether it may be switched on: what that costs is said first. */
async function mayAuto(grid, group, name) {
  if (group) return mayStart(grid, { ...group, name });
  const rows = grid.table.row_count;
  const when = `It runs on up to ${count(rows)} rows as soon as it is added, and then on every new or changed row.`;
  const words = { title: `Run “${name}” automatically?`, yes: "Add and run", text: `${when} Each run may cost.` };
  return rows === 0 || confirm(words);
}

/** Without its columns they stay as plain ones, with what they hold; with them their values go too. */
async function remove(grid, group, done) {
  const columns = group.outputs.map((output) => grid.schema.column.get(output.column)).filter(Boolean);
  const names = columns.map((column) => `“${column.name}”`).join(", ");
  const kept = columns.length === 1 ? "column with its" : "columns with their";
  const rows = count(grid.table.row_count);
  const text = [
    "What runs of it is stopped, and its cells' history goes.",
    `${names} can stay as plain ${kept} values, or go with the values of ${rows} rows.`,
    "This cannot be undone.",
  ];
  const answer = await ask(`Delete “${group.name}”?`, text.join(" "), [
    ["Delete with its columns", "columns", "danger"],
    ["Delete, keep columns", "group", "primary"],
  ]);
  if (!answer) return;
  const isDone = await attempt("delete the group", async () => {
    await api("DELETE", `${grid.session.path}groups/${group.id}/`);
    if (answer === "columns")
      for (const column of columns) await api("DELETE", `${grid.session.path}columns/${column.id}/`);
    done(`“${group.name}” is deleted.`);
  });
  if (!isDone) grid.loadSchema();
}
