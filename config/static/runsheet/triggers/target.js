// @ts-check
/** What a trigger runs: a version of a workflow, or the cells of a table. The choices are the API's own lists. */
import { api } from "../api.js";
import { Input, Segments, Select, faultsOf } from "../ui/fields.js";
import { html, useEffect, useState } from "../ui/html.js";
import { Faults, tick } from "../ui/parts.js";
import { MODES } from "../words.js";

const KINDS = Object.entries({ workflow: "Workflow", table_run: "Table" });
/** The name of the draft, which has no stored ref. */
const DRAFT = "draft";

/** `choices` are the API's workflows and tables. */
export function Target({ form, choices }) {
  const { values, set } = form;
  const isTable = values.target_kind === "table_run";
  return html`<section>
    <h2>What to run</h2>
    <div class="field">
      <${Segments}
        label="Kind of target"
        options=${KINDS}
        value=${values.target_kind}
        onPick=${(target_kind) => set({ target_kind })}
      />
    </div>
    <${isTable ? OfTable : OfWorkflow} form=${form} ...${choices} />
  </section>`;
}

const named = (things, chosen) => {
  const options = things.map((thing) => [thing.id, thing.name]);
  return chosen && !things.some((thing) => thing.id === chosen) ? [...options, [chosen, "(archived)"]] : options;
};

function OfWorkflow({ form, workflows }) {
  const chosen = workflows.find((workflow) => workflow.id === form.values.workflow);
  return html`<div class="row-of-fields">
    <${Select}
      form=${form}
      name="workflow"
      label="Workflow"
      none="Choose a workflow"
      required
      options=${named(workflows, form.values.workflow)}
    />
    <${Select}
      form=${form}
      name="ref"
      label="Version"
      options=${refOptions(chosen, form.values.ref)}
      hint=${chosen && !isKnown(chosen, form.values.ref) ? `“${form.values.ref}” is gone: choose another.` : null}
    />
  </div>`;
}

const isKnown = (workflow, ref) => ref === DRAFT || workflow.refs.some((each) => each.name === ref);

/** The refs a workflow has, by their names and the numbers they point at; one that is gone stays visible as such. */
function refOptions(workflow, ref) {
  const refs = (workflow?.refs || []).map((each) => [each.name, `${each.name} (version ${each.version})`]);
  const known = [...refs, [DRAFT, "draft (as it is being edited)"]];
  return known.some(([name]) => name === ref) ? known : [[ref, workflow ? `${ref} (gone)` : ref], ...known];
}

function OfTable({ form, tables }) {
  const { values, errors } = form;
  const groups = useGroups(values.table);
  const besideMode = faultsOf(errors, "target_options.mode");
  return html`<div class="row-of-fields">
      <${Select}
        form=${form}
        name="table"
        label="Table"
        none="Choose a table"
        required
        options=${named(tables, values.table)}
      />
      <${Select}
        form=${form}
        name="mode"
        at="target_options.mode"
        label="Cells"
        options=${[...MODES, ["new", "Only new"]]}
      />
    </div>
    ${groups.length > 0 && html`<${Groups} groups=${groups} form=${form} />`}
    <${Faults}
      id="trigger-target-errors"
      lines=${faultsOf(errors, "target_options").filter((line) => !besideMode.includes(line))}
    />`;
}

const ALL_RUN = "None picked: all of them run, those that are added later too.";

function Groups({ groups, form }) {
  const { values, set } = form;
  const flip = (id) => (on) =>
    set({ groups: on ? [...values.groups, id] : values.groups.filter((each) => each !== id) });
  const box = (id, words) => tick(words, values.groups.includes(id), flip(id));
  const gone = values.groups.filter((id) => !groups.some((group) => group.id === id));
  return html`<fieldset class="ticks">
    <legend>Workflow groups</legend>
    <span class="hint">${values.groups.length ? "Only those picked run." : ALL_RUN}</span>
    ${groups.map(({ id, name }) => box(id, name))} ${gone.map((id) => box(id, "A group that is gone"))}
  </fieldset>`;
}

/** The workflow groups of a table, once they have been read. */
function useGroups(table) {
  const [found, setFound] = useState(/** @type {{table: string, groups: any[]}} */ ({ table: "", groups: [] }));
  useEffect(() => {
    if (!table) return;
    api("GET", `tables/${table}/`).then(
      (read) => setFound({ table, groups: read.groups }),
      () => setFound({ table, groups: [] }),
    );
  }, [table]);
  return found.table === table ? found.groups : [];
}

/** What further can be said of a table run. */
export const TableLimits = ({ form }) =>
  html`<div class="row-of-fields">
    <${Input}
      form=${form}
      name="limit"
      at="target_options.limit"
      label="At most so many rows"
      type="number"
      min="1"
      step="1"
      placeholder="all"
    />
    <${Input}
      form=${form}
      name="fail_above_percent"
      at="target_options.fail_above_percent"
      label="Failed above this share of cells, in percent"
      type="number"
      min="0"
      max="100"
      step="1"
      hint="100: only if every cell failed."
    />
  </div>`;
