// @ts-check
/** A labelled field with its hint and what is wrong with it, as every part of the trigger's form shows them. */
import { html } from "../ui/html.js";

/** What is wrong with a field, and with what lies inside it (`target_options` for `target_options.mode`). */
export const faultsOf = (errors, name) =>
  Object.entries(errors)
    .filter(([at]) => at === name || at.startsWith(`${name}.`))
    .flatMap(([, words]) => words);

/** @param {{name: string, label: string, errors: any, hint?: any, children: any}} props children is a function of the input's own attributes */
export function Field({ name, label, errors, hint = null, children }) {
  const id = `trigger-${name.replaceAll(".", "-")}`;
  const faults = faultsOf(errors, name);
  const about = [hint && `${id}-hint`, faults.length && `${id}-errors`].filter(Boolean).join(" ");
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${children({ id, name, "aria-describedby": about || null, "aria-invalid": faults.length ? "true" : null })}
    ${hint && html`<span class="hint" id=${`${id}-hint`}>${hint}</span>`}
    <${Faults} id=${`${id}-errors`} lines=${faults} />
  </div>`;
}

export const Faults = ({ id, lines }) =>
  lines.length
    ? html`<ul class="errors" id=${id} role="alert">
        ${lines.map((line) => html`<li>${line}</li>`)}
      </ul>`
    : null;

/** One line of text, a number, a date. `form` is `{values, set, errors}`; `more` are attributes of the input. */
export const Input = ({ form, name, label, hint = null, at = name, ...more }) =>
  html`<${Field} name=${at} label=${label} hint=${hint} errors=${form.errors}
    >${(own) =>
      html`<input
        ...${own}
        ...${more}
        value=${form.values[name]}
        onInput=${(event) => form.set({ [name]: event.currentTarget.value })}
      />`}<//
  >`;

/** One of several. @param {any} props `options` are `[value, word]` */
export const Select = ({ form, name, label, hint = null, at = name, options, none = null, ...more }) =>
  html`<${Field} name=${at} label=${label} hint=${hint} errors=${form.errors}
    >${(own) =>
      html`<select
        ...${own}
        ...${more}
        value=${form.values[name]}
        onChange=${(event) => form.set({ [name]: event.currentTarget.value })}
      >
        ${none && html`<option value="" disabled selected=${!form.values[name]}>${none}</option>`}
        ${options.map(([value, word]) => html`<option value=${value} selected=${value === form.values[name]}>${word}</option>`)}
      </select>`}<//
  >`;

export const Area = ({ form, name, label, hint = null, ...more }) =>
  html`<${Field} name=${name} label=${label} hint=${hint} errors=${form.errors}
    >${(own) =>
      html`<textarea
        ...${own}
        ...${more}
        value=${form.values[name]}
        onInput=${(event) => form.set({ [name]: event.currentTarget.value })}
      ></textarea>`}<//
  >`;

/** One of a few, side by side; arrow keys move, as in any radio group. */
export function Segments({ label, options, value, onPick, disabled = false }) {
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [...event.currentTarget.querySelectorAll("button")];
    const next = (options.findIndex(([each]) => each === value) + step + options.length) % options.length;
    buttons[next].focus();
    onPick(options[next][0]);
  };
  return html`<div class="segments" role="radiogroup" aria-label=${label} onKeyDown=${move}>
    ${options.map(
      ([each, word]) =>
        html`<button
          type="button"
          role="radio"
          disabled=${disabled}
          aria-checked=${each === value ? "true" : "false"}
          tabindex=${each === value ? 0 : -1}
          onClick=${() => onPick(each)}
        >
          ${word}
        </button>`,
    )}
  </div>`;
}
