// @ts-check
/** The filter's panel: conditions by the type of their column, all or any of them, in groups one level deep. */
import { html, useEffect, useRef, useState } from "../../ui/html.js";
import { button, crossButton, optionsOf } from "../../ui/parts.js";
import { box, choose, text } from "../controls.js";
import { isSame } from "../values.js";
import { STATUSES, conditionOn, draftOf, fieldOf, filterOf, kindOf, wordsOf } from "./conditions.js";
import { openPanel } from "./panel.js";

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

const Foot = ({ clear }) => html`<div class="panel-foot">${button("Clear filter", clear, "small")}</div>`;

const JOINTS = { all: "and", any: "or" };
const turned = (word) => (word === "all" ? "any" : "all");

function Conditions({ schema, draft, onChange, isRoot = false }) {
  const { word, items } = draft;
  const start = () => conditionOn(`column:${schema.all[0].id}`, schema);
  const set = (place, item) => onChange({ word, items: items.map((each, at) => (at === place ? item : each)) });
  const add = (item) => onChange({ word, items: [...items, item] });
  const remove = (place) => onChange({ word, items: items.filter((_, at) => at !== place) });
  const joint = (place) => {
    if (place !== 1) return place ? JOINTS[word] : "Where";
    const flip = () => onChange({ word: turned(word), items });
    return choose("Rows meet", word, Object.entries(JOINTS), flip);
  };
  const line = (item, place) => {
    const props = { schema, onChange: (changed) => set(place, changed) };
    const inside = item.items
      ? html`<${Conditions} draft=${item} ...${props} />`
      : html`<${Condition} item=${item} ...${props} />`;
    return html`<div class=${item.items ? "condition nested" : "condition"} key=${place}>
      <span class="joint">${joint(place)}</span>
      ${inside} ${crossButton(item.items ? "Remove the group" : "Remove the condition", () => remove(place))}
    </div>`;
  };
  const group = () => add({ word: turned(word), items: [start()] });
  return html`<div class="conditions" role="group" aria-label=${isRoot ? "Conditions" : "Group of conditions"}>
    ${items.map(line)}
    <div class="panel-adds">
      ${button("Add condition", () => add(start()), "small", { disabled: items.length >= MOST })}
      ${isRoot && button("Add group", group, "small")}
    </div>
  </div>`;
}

function Condition({ schema, item, onChange }) {
  const { type, operators, choices } = /** @type {any} */ (fieldOf(item.field, schema));
  const kind = kindOf(type, item.op);
  const columns = schema.all.map(({ id, name }) => [`column:${id}`, name]);
  const statuses = schema.groups.map(({ id, name }) => [`group:${id}`, `${name}: status`]);
  const others = statuses.length > 0 && html`<optgroup label="Status of">${optionsOf(statuses, item.field)}</optgroup>`;
  const onColumn = (field) => onChange(conditionOn(field, schema));
  const onOperator = (op) => onChange(conditionOn(item.field, schema, op, item.value));
  const words = operators.map((op) => [op, wordsOf(op)]);
  const props = { kind, choices, value: item.value, onChange: (value) => onChange({ ...item, value }) };
  return html`${choose("Column", item.field, columns, onColumn, {}, others)}
    ${choose("Condition", item.op, words, onOperator)} <span class="value"><${Value} ...${props} /></span>`;
}

const CHECKED = [
  ["true", "checked"],
  ["false", "not checked"],
];

function Value({ kind, value, choices, onChange }) {
  const input = (one, label, typed, set) => text(label, typed, set, { ...INPUTS[one], maxlength: 1000 });
  const setAt = (at) => (typed) => onChange(value.map((each, place) => (place === at ? typed : each)));
  switch (kind) {
    case "none":
      return null;
    case "checked":
      return choose("Value", String(value), CHECKED, (chosen) => onChange(chosen === "true"));
    case "status":
      return choose("Value", value, STATUSES, onChange);
    case "choice":
      return choose("Value", value, [["", "Choose…"], ...choices.map((choice) => [choice, choice])], onChange);
    case "choices":
      return html`<${Several} value=${value} choices=${choices} onChange=${onChange} />`;
    case "numbers":
    case "dates":
      return ["From", "To"].map((label, at) => input(kind.slice(0, -1), label, value[at], setAt(at)));
    case "days":
      return html`${input(kind, "Value", value, onChange)}<span class="quiet">days</span>`;
    default:
      return input(kind, "Value", value, onChange);
  }
}

function Several({ value, choices, onChange }) {
  const flip = (choice) =>
    onChange(value.includes(choice) ? value.filter((each) => each !== choice) : [...value, choice]);
  const line = (choice) => html`<label>${box(value.includes(choice), () => flip(choice))}${choice}</label>`;
  return html`<details class="several">
    <summary>${value.length ? value.join(", ") : "Choose…"}</summary>
    ${choices.map(line)}
  </details>`;
}
