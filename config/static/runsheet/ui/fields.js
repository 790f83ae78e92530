// @ts-check
/** A labelled field with its hint and what is wrong with it, as forms show them. */
import { html } from "./html.js";
import { Faults, optionsOf } from "./parts.js";

/** What is wrong with a field, and with what lies inside it (`target_options` for `target_options.mode`). */
export const faultsOf = (errors, name) =>
  Object.entries(errors)
    .filter(([at]) => at === name || at.startsWith(`${name}.`))
    .flatMap(([, words]) => words);

/** @param {any} props `children` is a function that makes the control of its `id`, `name` and what describes it */
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

/** What is typed into. `form` is `{values, set, errors}`, `at` the name its faults have; `more` are attributes. */
const typed =
  (control) =>
  ({ form, name, label, hint = null, at = name, ...more }) =>
    html`<${Field} name=${at} label=${label} hint=${hint} errors=${form.errors}>
      ${(own) =>
        html`<${control}
          ...${own}
          ...${more}
          value=${form.values[name]}
          onInput=${(event) => form.set({ [name]: event.currentTarget.value })}
        />`}
    <//>`;

/** One line of text, a number, a date. */
export const Input = typed("input");

/** Several lines. */
export const Area = typed("textarea");

/** One of several. @param {any} props `options` are `[value, word]`, `none` stands there until one is chosen */
export const Select = ({ form, name, label, hint = null, at = name, options, none = null, ...more }) =>
  html`<${Field} name=${at} label=${label} hint=${hint} errors=${form.errors}>
    ${(own) =>
      html`<select
        ...${own}
        ...${more}
        value=${form.values[name]}
        onChange=${(event) => form.set({ [name]: event.currentTarget.value })}
      >
        ${none && html`<option value="" disabled selected=${!form.values[name]}>${none}</option>`}
        ${optionsOf(options, form.values[name])}
      </select>`}
  <//>`;

/** One of a few, side by side; arrow keys move, as in any radio group. In a menu those up and down are the menu's. */
export function Segments({ label, options, value, onPick, disabled = false }) {
  const move = (event) => {
    const upDown = event.currentTarget.closest(".menu") ? {} : { ArrowDown: 1, ArrowUp: -1 };
    const step = { ArrowRight: 1, ArrowLeft: -1, ...upDown }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [...event.currentTarget.querySelectorAll("button")];
    const next = (options.findIndex(([each]) => each === value) + step + options.length) % options.length;
    buttons[next].focus();
    onPick(options[next][0]);
  };
  const segment = ([each, word]) =>
    html`<button
      type="button"
      role="radio"
      disabled=${disabled}
      aria-checked=${String(each === value)}
      tabindex=${each === value ? 0 : -1}
      onClick=${() => onPick(each)}
    >
      ${word}
    </button>`;
  return html`<div class="segments" role="radiogroup" aria-label=${label} onKeyDown=${move}>
    ${options.map(segment)}
  </div>`;
}
