// @ts-check
/** The form of a config, as GET /blocks/ describes it: one control for each kind of field, however deep. */
import { cross, html, useState } from "../ui/html.js";
import { Template } from "./complete.js";
import { blankOf, codecOf, fieldsOf, shownText } from "./values.js";

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
  ${
    faults.length > 0 &&
    html`<ul class="errors" id=${`${id}-faults`}>
      ${faults.map((line) => html`<li>${line}</li>`)}
    </ul>`
  }`;
  if (field.kind === "boolean" && typeof value !== "string") {
    return html`<div class="field tick-field">
      <label class="tick"
        ><input
          type="checkbox"
          ...${own}
          checked=${value ?? field.default ?? false}
          onChange=${(event) => set(event.currentTarget.checked)}
        />${" "}${title}</label
      >${notes}
    </div>`;
  }
  if (field.kind === "list" && !isTemplate(value))
    return html`<${Group} ...${{ title, notes, field, own }}><${List} ...${props} /><//>`;
  if (field.kind === "object" && !isTemplate(value))
    return html`<${Group} ...${{ title, notes, field, own }}><${Thing} ...${props} /><//>`;
  return html`<div class="field">
    <label for=${id} class=${title ? (field.required ? "needed" : "") : "visually-hidden"}
      >${title || field.label}</label
    >
    ${field.kind === "select" ? html`<${Select} ...${props} />` : html`<${Text} ...${props} />`}${notes}
  </div>`;
}

/** A text may stand for a whole list or object where templates are allowed. */
const isTemplate = (value) => typeof value === "string";

function Group({ title, notes, field, own, children }) {
  return html`<fieldset class="field group" aria-describedby=${own["aria-describedby"]}>
    <legend class=${field.required ? "needed" : ""}>${title}</legend>
    ${children}${notes}
  </fieldset>`;
}

function Text({ field, value, set, env, own }) {
  const [typed, setTyped] = useState(/** @type {string|null} */ (null));
  const codec = codecOf(isTemplate(value) && field.kind !== "json" ? "text" : field.kind);
  const onText = (text) => {
    setTyped(text);
    set(codecOf(field.kind)[0](text));
  };
  const shown = shownText(typed, value, codec);
  const hint =
    field.default !== null && field.default !== undefined && field.default !== "" && typeof field.default !== "object"
      ? String(field.default)
      : null;
  if (field.kind === "template" || field.kind === "expression" || (field.templates && field.kind !== "select")) {
    return html`<${Template}
      ...${own}
      value=${shown}
      onText=${onText}
      names=${() => env.names(field)}
      isExpression=${field.kind === "expression"}
      placeholder=${hint}
      rows=${field.multiline || field.kind === "json" ? 3 : 1}
      class=${field.kind === "json" || field.kind === "expression" ? "mono" : null}
    />`;
  }
  if (field.kind === "long_text" || field.kind === "json")
    return html`<textarea
      ...${own}
      rows="3"
      class=${field.kind === "json" ? "mono" : null}
      value=${shown}
      onInput=${(event) => onText(event.currentTarget.value)}
    ></textarea>`;
  return html`<input
    ...${own}
    value=${shown}
    placeholder=${hint}
    inputmode=${field.kind === "number" ? "decimal" : null}
    autocomplete="off"
    onInput=${(event) => onText(event.currentTarget.value)}
  />`;
}

function Select({ field, value, set, own }) {
  const unset = field.default === null || field.default === undefined ? "" : `${field.default} (default)`;
  const known = value === undefined || field.options.includes(value);
  return html`<select
    ...${own}
    value=${value === undefined ? "" : String(value)}
    onChange=${(event) => set(field.options.find((option) => String(option) === event.currentTarget.value))}
  >
    ${(!field.required || value === undefined) && html`<option value="" selected=${value === undefined}>${unset}</option>`}
    ${field.options.map((option) => html`<option value=${String(option)} selected=${option === value}>${String(option)}</option>`)}
    ${!known && html`<option value=${String(value)} selected>${String(value)}</option>`}
  </select>`;
}

const Remove = ({ what, act, off }) =>
  html`<button type="button" class="icon-button" aria-label=${`Remove ${what}`} disabled=${off} onClick=${act}>
    ${cross}
  </button>`;

function List({ field, path, value, set, env }) {
  const items = Array.isArray(value) ? value : [];
  const put = (at, item) => set(items.map((one, number) => (number === at ? item : one)));
  return html`${items.map(
    (item, at) =>
      html`<div class="entry" key=${at}>
        <${Field}
          field=${{ ...field.item, required: false, help: "" }}
          path=${`${path}.${at}`}
          value=${item}
          set=${(next) => put(at, next ?? "")}
          env=${env}
          label=${field.item.kind === "object" ? `${field.label} ${at + 1}` : ""}
        />
        <${Remove}
          what=${`${field.label} ${at + 1}`}
          off=${env.off}
          act=${() => set(items.length > 1 ? items.filter((_, number) => number !== at) : undefined)}
        />
      </div>`,
  )}
  ${!env.off && html`<button type="button" class="button small" onClick=${() => set([...items, blankOf(field.item)])}>Add ${oneOf(field.label)}</button>`}`;
}

/** An object: of one of several shapes, of known fields, or of the user's own names. */
function Thing({ field, path, value, set, env, own }) {
  const known = value && typeof value === "object" ? value : {};
  const put = (name, next) => {
    const changed = Object.fromEntries(
      Object.entries({ ...known, [name]: next }).filter(([, each]) => each !== undefined),
    );
    set(Object.keys(changed).length ? changed : undefined);
  };
  if (field.item) return html`<${Named} ...${{ field, path, known, set, env }} />`;
  if (!field.variants && !field.fields)
    return html`<${Text} field=${{ ...field, kind: "json" }} value=${value} set=${set} env=${env} own=${own} />`;
  const choice = field.variants && {
    name: field.discriminator,
    label: "Kind",
    kind: "select",
    required: !field.nullable,
    options: field.variants.map((one) => one.value),
  };
  return html`${
    choice &&
    html`<${Field}
      field=${choice}
      path=${`${path}.${field.discriminator}`}
      value=${known[field.discriminator]}
      env=${env}
      set=${(kind) => set(kind === undefined ? undefined : { [field.discriminator]: kind })}
    />`
  }
  ${fieldsOf(field, known).map((inner) => html`<${Field} key=${inner.name} field=${inner} path=${`${path}.${inner.name}`} value=${known[inner.name]} set=${(next) => put(inner.name, next)} env=${env} />`)}`;
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
  const put = (at, entry) => change(shown.map((one, number) => (number === at ? entry : one)));
  const noun = oneOf(field.label);
  return html`${shown.map(
    ([name, value], at) =>
      html`<div class="entry named" key=${at}>
        <input
          value=${name}
          aria-label=${`Name of ${noun} ${at + 1}`}
          placeholder="name"
          autocomplete="off"
          disabled=${env.off}
          onInput=${(event) => put(at, [event.currentTarget.value, value])}
        />
        <${Field}
          field=${{ ...field.item, required: false, help: "" }}
          path=${`${path}.${name}`}
          value=${value}
          set=${(next) => put(at, [name, next ?? blankOf(field.item)])}
          env=${env}
          label=${field.item.kind === "object" ? name || "…" : html`<span class="visually-hidden">${name || "value"}</span>`}
        />
        <${Remove}
          what=${name || noun}
          off=${env.off}
          act=${() => change(shown.filter((_, number) => number !== at))}
        />
      </div>`,
  )}
  ${!env.off && html`<button type="button" class="button small" onClick=${() => change([...shown, ["", blankOf(field.item)]])}>Add ${noun}</button>`}`;
}
