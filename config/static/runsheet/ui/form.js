// @ts-check
/** A short form in a dialog. It stays open while it is sent; what the server has against a field stands beside it. */
import { Problem, linesOf } from "../api.js";
import { openDialog } from "./dialog.js";
import { html, useState } from "./html.js";
import { Notice, cancel, optionsOf } from "./parts.js";

/**
 * @typedef {{name: string, label: string, value?: string, hint?: string, options?: string[][], lines?: number,
 *   [attribute: string]: any}} FieldSpec
 *   `options` are `[value, word]` of a select, `lines` make it a text area; the rest are attributes of the input
 * @param {{title: string, fields: FieldSpec[], yes: string, text?: string,
 *   act: (values: Object<string, string>) => Promise<any>}} form
 * @returns {Promise<any>} what `act` answered, or undefined when nothing was sent
 */
export const openForm = (form) => openDialog((close) => html`<${Form} ...${form} close=${close} />`);

function Form({ title, fields, yes, text = "", act, close }) {
  const [lines, setLines] = useState(/** @type {string[]} */ ([]));
  const [errors, setErrors] = useState(/** @type {Object<string, string[]>} */ ({}));
  const [busy, setBusy] = useState(false);
  const send = async (event) => {
    event.preventDefault();
    const values = [...new FormData(event.currentTarget)].map(([name, value]) => [name, String(value)]);
    setBusy(true);
    try {
      close((await act(Object.fromEntries(values))) ?? true);
    } catch (error) {
      const found = error instanceof Problem ? error.errors : {};
      const places = Object.keys(found);
      const isMarked = places.length > 0 && places.every((at) => fields.some(({ name }) => name === at));
      setLines(isMarked ? [] : linesOf(error));
      setErrors(found);
      setBusy(false);
    }
  };
  return html`<form onSubmit=${send}>
    <h2 id="dialog-title">${title}</h2>
    <${Notice} lines=${lines} />
    ${text && html`<p class="form-text">${text}</p>`}
    ${fields.map((field, at) => html`<${Field} autofocus=${at === 0} ...${field} errors=${errors[field.name]} />`)}
    <div class="actions">
      ${cancel(close)}
      <button class="button primary" disabled=${busy}>${yes}</button>
    </div>
  </form>`;
}

function Field({ name, label, hint, value = "", options, lines, errors, ...more }) {
  const id = `form-${name}`;
  const about = errors ? errors.join(" ") : hint;
  const own = {
    id,
    name,
    required: true,
    autocomplete: "off",
    "aria-invalid": errors ? "true" : null,
    "aria-describedby": about ? `${id}-about` : null,
    ...more,
  };
  const control = () => {
    if (options)
      return html`<select ...${own}>
        ${optionsOf(options, value)}
      </select>`;
    if (lines) return html`<textarea ...${own} rows=${lines} defaultValue=${value}></textarea>`;
    return html`<input ...${own} defaultValue=${value} />`;
  };
  const look = errors ? { class: "errors", role: "alert" } : { class: "hint" };
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${control()} ${about && html`<span id=${`${id}-about`} ...${look}>${about}</span>`}
  </div>`;
}
