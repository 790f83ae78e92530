// @ts-check
/** A short form in a dialog. It stays open while it is sent; what the server has against a field stands beside it. */
import { Problem } from "../api.js";
import { Faults, linesOf } from "../tables/faults.js";
import { openDialog } from "./dialog.js";
import { html, useState } from "./html.js";

/**
 * @typedef {{name: string, label: string, value?: string, hint?: string, options?: string[][], lines?: number, [attribute: string]: any}} FieldSpec
 *   `options` are `[value, word]` of a select, `lines` make it a text area; the rest are attributes of the input
 * @param {{title: string, fields: FieldSpec[], yes: string, text?: string, act: (values: Object<string, string>) => Promise<any>}} form
 * @returns {Promise<any>} what `act` answered, or undefined when nothing was sent
 */
export const openForm = (form) => openDialog((close) => html`<${Form} ...${form} close=${close} />`);

function Form({ title, fields, yes, text = "", act, close }) {
  const [told, setTold] = useState(
    /** @type {{lines: string[], errors: Object<string, string[]>}} */ ({ lines: [], errors: {} }),
  );
  const [busy, setBusy] = useState(false);
  const send = async (event) => {
    event.preventDefault();
    const values = Object.fromEntries(
      [...new FormData(event.currentTarget)].map(([name, value]) => [name, String(value)]),
    );
    setBusy(true);
    try {
      close((await act(values)) ?? true);
    } catch (error) {
      const errors = error instanceof Problem ? error.errors : {};
      const known =
        Object.keys(errors).length > 0 && Object.keys(errors).every((at) => fields.some(({ name }) => name === at));
      setTold({ lines: known ? [] : linesOf(error), errors });
      setBusy(false);
    }
  };
  return html`<form onSubmit=${send}>
    <h2 id="dialog-title">${title}</h2>
    <${Faults} lines=${told.lines} />
    ${text && html`<p class="form-text">${text}</p>`}
    ${fields.map((field, place) => html`<${Field} key=${field.name} field=${field} isFirst=${place === 0} errors=${told.errors[field.name]} />`)}
    <div class="actions">
      <button type="button" class="button" onClick=${() => close()}>Cancel</button>
      <button class="button primary" disabled=${busy}>${yes}</button>
    </div>
  </form>`;
}

function Field({ field, isFirst, errors }) {
  const { name, label, hint, value = "", options, lines, ...more } = field;
  const id = `form-${name}`;
  const own = {
    id,
    name,
    required: true,
    autofocus: isFirst,
    autocomplete: "off",
    "aria-invalid": errors ? "true" : null,
    "aria-describedby": errors || hint ? `${id}-about` : null,
    ...more,
  };
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${
      options
        ? html`<select ...${own}>
            ${options.map(([each, word]) => html`<option value=${each} selected=${each === value}>${word}</option>`)}
          </select>`
        : lines
          ? html`<textarea ...${own} rows=${lines} defaultValue=${value}></textarea>`
          : html`<input ...${own} defaultValue=${value} />`
    }
    ${(errors || hint) && html`<span id=${`${id}-about`} class=${errors ? "errors" : "hint"} role=${errors ? "alert" : null}>${errors ? errors.join(" ") : hint}</span>`}
  </div>`;
}
