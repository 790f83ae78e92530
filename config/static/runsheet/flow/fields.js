// @ts-check
/** The form of a config, as GET /blocks/ describes it: one control for each kind of field, however deep. */
import { html, useState } from "../ui/html.js";
import { Faults, button, crossButton, tick } from "../ui/parts.js";
import { Template } from "./complete.js";
import { blankOf, codecOf, fieldsOf, merged, shownText } from "./values.js";

/** "Ok statuses" → "ok status" */
const oneOf = (label) => label.toLowerCase().replace(/uses$/, "uss").replace(/s$/, "");
const plainText = (text) => (text || "").replaceAll("``", "");

/**
 * @param {{field: any, path: string, value: any, set: (value: any) => void, env: any, label?: any}} props
 *   `env`: `{id, faults: Map, names: (field) => [name, note][], off: boolean}`; `value` undefined is left out
 */
export function Field({ field, path, value, set, env, label = undefined }) {
  const faults = env.faults.get(path) || [];
  const id = `${env.id}-${path.replace(/[^\w-]/g, "-")}`;
  const about = [field.help && `${id}-hint`, faults.length && `${id}-faults`].filter(Boolean).join(" ") || null;
  const own = {
    id,
    "aria-describedby": about,
    "aria-invalid": faults.length ? "true" : null,
    "aria-required": field.required ? "true" : null,
    disabled: env.off,
  };
  const title = label ?? field.label;
  const props = { field, path, value, set, env, own };
  const notes = html`${field.help && html`<span class="hint" id=${`${id}-hint`}>${plainText(field.help)}</span>`}
    <${Faults} id=${`${id}-faults`} lines=${faults} role=${null} />`;
  if (field.kind === "boolean" && !isTemplate(value))
    return html`<div class="field tick-field">${tick(title, value ?? field.default ?? false, set, own)} ${notes}</div>`;
  const Inner = { list: List, object: Thing }[field.kind];
  if (Inner && !isTemplate(value))
    return html`<fieldset class="field group" aria-describedby=${about}>
      <legend class=${field.required ? "needed" : ""}>${title}</legend>
      <${Inner} ...${props} />
      ${notes}
    </fieldset>`;
  const look = title ? (field.required ? "needed" : "") : "visually-hidden";
  return html`<div class="field">
    <label for=${id} class=${look}>${title || field.label}</label>
    <${field.kind === "select" ? Select : Text} ...${props} />
    ${notes}
  </div>`;
}

/** A text may stand for a whole list or object where templates are allowed. */
const isTemplate = (value) => typeof value === "string";

function Text({ field, value, set, env, own }) {
  const [typed, setTyped] = useState(/** @type {string|null} */ (null));
  const codec = codecOf(isTemplate(value) && field.kind !== "json" ? "text" : field.kind);
  const onText = (text) => {
    setTyped(text);
    set(codecOf(field.kind)[0](text));
  };
  const shown = shownText(typed, value, codec);
  const isPlain = field.default !== null && field.default !== undefined && typeof field.default !== "object";
  const hint = isPlain && field.default !== "" ? String(field.default) : null;
  const isExpression = field.kind === "expression";
  const isJson = field.kind === "json";
  const onInput = (event) => onText(event.currentTarget.value);
  if (field.kind === "template" || isExpression || (field.templates && field.kind !== "select"))
    return html`<${Template}
      ...${own}
      value=${shown}
      onText=${onText}
      names=${() => env.names(field)}
      isExpression=${isExpression}
      placeholder=${hint}
      rows=${field.multiline || isJson ? 3 : 1}
      class=${isJson || isExpression ? "mono" : null}
    />`;
  if (field.kind === "long_text" || isJson)
    return html`<textarea
      ...${own}
      rows="3"
      class=${isJson ? "mono" : null}
      value=${shown}
      onInput=${onInput}
    ></textarea>`;
  return html`<input
    ...${own}
    value=${shown}
    placeholder=${hint}
    inputmode=${field.kind === "number" ? "decimal" : null}
    autocomplete="off"
    onInput=${onInput}
  />`;
}

function Select({ field, value, set, own }) {
  const unset = field.default === null || field.default === undefined ? "" : `${field.default} (default)`;
  const mayBeUnset = !field.required || value === undefined;
  const known = value === undefined || field.options.includes(value);
  const option = (each) => html`<option value=${String(each)} selected=${each === value}>${String(each)}</option>`;
  const choose = (event) => set(field.options.find((each) => String(each) === event.currentTarget.value));
  return html`<select ...${own} value=${value === undefined ? "" : String(value)} onChange=${choose}>
    ${mayBeUnset && html`<option value="" selected=${value === undefined}>${unset}</option>`}
    ${[...field.options, ...(known ? [] : [value])].map(option)}
  </select>`;
}

/** The button below a list. */
const adder = (noun, act, env) => !env.off && button(`Add ${noun}`, act, "small");

function List({ field, path, value, set, env }) {
  const items = Array.isArray(value) ? value : [];
  const without = (at) => (items.length > 1 ? items.toSpliced(at, 1) : undefined);
  const entry = (item, at) => {
    const name = `${field.label} ${at + 1}`;
    return html`<div class="entry" key=${at}>
      <${Field}
        field=${{ ...field.item, required: false, help: "" }}
        path=${`${path}.${at}`}
        value=${item}
        set=${(next) => set(items.with(at, next ?? ""))}
        env=${env}
        label=${field.item.kind === "object" ? name : ""}
      />
      ${crossButton(`Remove ${name}`, () => set(without(at)), env.off)}
    </div>`;
  };
  return html`${items.map(entry)} ${adder(oneOf(field.label), () => set([...items, blankOf(field.item)]), env)}`;
}

/** An object: of one of several shapes, of known fields, or of the user's own names. */
function Thing({ field, path, value, set, env, own }) {
  const known = value && typeof value === "object" ? value : {};
  const put = (name, next) => {
    const changed = merged(known, { [name]: next });
    set(Object.keys(changed).length ? changed : undefined);
  };
  if (field.item) return html`<${Named} ...${{ field, path, known, set, env }} />`;
  if (!field.variants && !field.fields)
    return html`<${Text} field=${{ ...field, kind: "json" }} value=${value} set=${set} env=${env} own=${own} />`;
  const kind = field.variants && {
    name: field.discriminator,
    label: "Kind",
    kind: "select",
    required: !field.nullable,
    options: field.variants.map((one) => one.value),
  };
  const row = (inner, change) =>
    html`<${Field}
      key=${inner.name}
      field=${inner}
      path=${`${path}.${inner.name}`}
      value=${known[inner.name]}
      env=${env}
      set=${change}
    />`;
  return html`${kind && row(kind, (next) => set(next === undefined ? undefined : { [kind.name]: next }))}
  ${fieldsOf(field, known).map((inner) => row(inner, (next) => put(inner.name, next)))}`;
}

/** Names of the user's own. A name that is empty, or there twice, is kept here until it is a good one. */
function Named({ field, path, known, set, env }) {
  const [rows, setRows] = useState(/** @type {[string, any][]|null} */ (null));
  const asObject = (list) => Object.fromEntries(list.filter(([name]) => name));
  const shown = rows && JSON.stringify(asObject(rows)) === JSON.stringify(known) ? rows : Object.entries(known);
  const change = (next) => {
    setRows(next);
    set(next.some(([name]) => name) ? asObject(next) : undefined);
  };
  const noun = oneOf(field.label);
  const entry = ([name, value], at) => {
    const hidden = html`<span class="visually-hidden">${name || "value"}</span>`;
    return html`<div class="entry named" key=${at}>
      <input
        value=${name}
        aria-label=${`Name of ${noun} ${at + 1}`}
        placeholder="name"
        autocomplete="off"
        disabled=${env.off}
        onInput=${(event) => change(shown.with(at, [event.currentTarget.value, value]))}
      />
      <${Field}
        field=${{ ...field.item, required: false, help: "" }}
        path=${`${path}.${name}`}
        value=${value}
        set=${(next) => change(shown.with(at, [name, next ?? blankOf(field.item)]))}
        env=${env}
        label=${field.item.kind === "object" ? name || "…" : hidden}
      />
      ${crossButton(`Remove ${name || noun}`, () => change(shown.toSpliced(at, 1)), env.off)}
    </div>`;
  };
  return html`${shown.map(entry)} ${adder(noun, () => change([...shown, ["", blankOf(field.item)]]), env)}`;
}
