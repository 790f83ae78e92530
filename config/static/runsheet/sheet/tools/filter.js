// @ts-check
/** The filter's panel: conditions by the type of their column, all or any of them, in groups one level deep. */
import { html, useEffect, useRef, useState } from "../../ui/html.js";
import { STATUSES, conditionOn, draftOf, fieldOf, filterOf, kindOf, wordsOf } from "./conditions.js";
import { openPanel } from "./panel.js";
import { isSame } from "./viewing.js";

const APPLY_AFTER_MS = 300;
const MOST = 50;
const INPUTS = {
  text: { type: "text", placeholder: "Text" },
  list: { type: "text", placeholder: "One, two, three" },
  date: { type: "date" },
  number: { type: "number", step: "any", placeholder: "Number" },
  days: { type: "number", min: 1, placeholder: "Days" },
};

/** @param {any} grid @param {Element} anchor @param {string} [columnId] begin a condition on this column */
export function openFilter(grid, anchor, columnId) {
  openPanel(grid, anchor, "Filter", Panel, { columnId });
}

function Panel({ grid, columnId, close }) {
  const { viewing, schema } = grid;
  const first = columnId || schema.all[0]?.id;
  const [draft, setDraft] = useState(() => {
    const known = draftOf(viewing.filter, schema);
    const isNew = known && first && (columnId || !known.items.length);
    return isNew ? { ...known, items: [...known.items, conditionOn(`column:${first}`, schema)] } : known;
  });
  const box = useRef(null);
  useEffect(() => {
    if (columnId)
      [...box.current.querySelectorAll(".condition")].at(-1)?.querySelector("input, .value select")?.focus();
  }, []);
  useEffect(() => {
    const filter = draft && filterOf(draft, schema);
    if (!draft || isSame(filter, viewing.filter)) return undefined;
    const timer = setTimeout(() => viewing.set({ filter }), APPLY_AFTER_MS);
    return () => clearTimeout(timer);
  }, [JSON.stringify(draft)]);
  const clear = () => {
    viewing.set({ filter: null });
    close();
  };
  if (!draft)
    return html`<p class="note">This filter was made elsewhere and says more than can be shown here.</p>
      <${Foot} clear=${clear} />`;
  return html`<div ref=${box}>
    <${Conditions} schema=${schema} draft=${draft} onChange=${setDraft} isRoot /><${Foot} clear=${clear} />
  </div>`;
}

const Foot = ({ clear }) =>
  html`<div class="panel-foot"><button type="button" class="button small" onClick=${clear}>Clear filter</button></div>`;

function Conditions({ schema, draft, onChange, isRoot = false }) {
  const { word, items } = draft;
  const start = () => conditionOn(`column:${schema.all[0].id}`, schema);
  const set = (place, item) => onChange({ word, items: items.map((each, at) => (at === place ? item : each)) });
  const add = (item) => onChange({ word, items: [...items, item] });
  const remove = (place) => onChange({ word, items: items.filter((_, at) => at !== place) });
  const flip = () => onChange({ word: word === "all" ? "any" : "all", items });
  return html`<div class="conditions" role="group" aria-label=${isRoot ? "Conditions" : "Group of conditions"}>
    ${items.map(
      (item, place) =>
        html`<div class=${item.items ? "condition nested" : "condition"} key=${place}>
          <span class="joint"
            >${
              place === 0
                ? "Where"
                : place > 1
                  ? JOINTS[word]
                  : html`<select aria-label="Rows meet" value=${word} onChange=${flip}>
                      <option value="all">and</option>
                      <option value="any">or</option>
                    </select>`
            }</span
          >
          ${
            item.items
              ? html`<${Conditions} schema=${schema} draft=${item} onChange=${(changed) => set(place, changed)} />`
              : html`<${Condition} schema=${schema} item=${item} onChange=${(changed) => set(place, changed)} />`
          }
          <button
            type="button"
            class="icon-button"
            aria-label=${item.items ? "Remove the group" : "Remove the condition"}
            onClick=${() => remove(place)}
          >
            ×
          </button>
        </div>`,
    )}
    <div class="panel-adds">
      <button type="button" class="button small" disabled=${items.length >= MOST} onClick=${() => add(start())}>
        Add condition
      </button>
      ${isRoot && html`<button type="button" class="button small" onClick=${() => add({ word: word === "all" ? "any" : "all", items: [start()] })}>Add group</button>`}
    </div>
  </div>`;
}

const JOINTS = { all: "and", any: "or" };

function Condition({ schema, item, onChange }) {
  const { type, operators, choices } = /** @type {any} */ (fieldOf(item.field, schema));
  const kind = kindOf(type, item.op);
  return html`<select
      aria-label="Column"
      value=${item.field}
      onChange=${(event) => onChange(conditionOn(event.currentTarget.value, schema))}
    >
      ${schema.all.map((column) => html`<option value=${`column:${column.id}`}>${column.name}</option>`)}
      ${schema.groups.length > 0 && html`<optgroup label="Status of">${schema.groups.map((group) => html`<option value=${`group:${group.id}`}>${group.name}: status</option>`)}</optgroup>`}
    </select>
    <select
      aria-label="Condition"
      value=${item.op}
      onChange=${(event) => onChange(conditionOn(item.field, schema, event.currentTarget.value, item.value))}
    >
      ${operators.map((op) => html`<option value=${op}>${wordsOf(op)}</option>`)}
    </select>
    <span class="value"
      ><${Value}
        kind=${kind}
        value=${item.value}
        choices=${choices}
        onChange=${(value) => onChange({ ...item, value })}
    /></span>`;
}

function Value({ kind, value, choices, onChange }) {
  if (kind === "none") return null;
  if (kind === "checked")
    return html`<${Choose}
      value=${String(value)}
      options=${[
        ["true", "checked"],
        ["false", "not checked"],
      ]}
      onChange=${(text) => onChange(text === "true")}
    />`;
  if (kind === "status") return html`<${Choose} value=${value} options=${STATUSES} onChange=${onChange} />`;
  if (kind === "choice")
    return html`<${Choose}
      value=${value}
      options=${[["", "Choose…"], ...choices.map((choice) => [choice, choice])]}
      onChange=${onChange}
    />`;
  if (kind === "choices") return html`<${Several} value=${value} choices=${choices} onChange=${onChange} />`;
  if (kind === "numbers" || kind === "dates") {
    const set = (at) => (text) => onChange(value.map((each, place) => (place === at ? text : each)));
    return ["From", "To"].map(
      (label, at) => html`<${Input} kind=${kind.slice(0, -1)} label=${label} value=${value[at]} onChange=${set(at)} />`,
    );
  }
  return html`<${Input}
      kind=${kind}
      value=${value}
      onChange=${onChange}
    />${kind === "days" && html`<span class="quiet">days</span>`}`;
}

const Input = ({ kind, label = "Value", value, onChange }) =>
  html`<input
    ...${INPUTS[kind]}
    aria-label=${label}
    value=${value}
    maxlength="1000"
    onInput=${(event) => onChange(event.currentTarget.value)}
  />`;

const Choose = ({ value, options, onChange }) =>
  html`<select aria-label="Value" value=${value} onChange=${(event) => onChange(event.currentTarget.value)}>
    ${options.map(([name, words]) => html`<option value=${name}>${words}</option>`)}
  </select>`;

function Several({ value, choices, onChange }) {
  const flip = (choice) =>
    onChange(value.includes(choice) ? value.filter((each) => each !== choice) : [...value, choice]);
  return html`<details class="several">
    <summary>${value.length ? value.join(", ") : "Choose…"}</summary>
    ${choices.map((choice) => html`<label><input type="checkbox" checked=${value.includes(choice)} onChange=${() => flip(choice)} />${choice}</label>`)}
  </details>`;
}
