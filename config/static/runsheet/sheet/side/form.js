// @ts-check
/** What the forms beside the grid share: values, what is wrong with them, sending them, and their frame. */
import { Problem } from "../../api.js";
import { cross, html, useRef, useState } from "../../ui/html.js";

/** @param {any} start @param {any} side which asks before unsaved values are left */
export function useForm(start, side) {
  const [values, setValues] = useState(start);
  const [errors, setErrors] = useState(/** @type {Object<string, string[]>} */ ({}));
  const [told, setTold] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  const origin = useRef(JSON.stringify(start));
  side.isDirty = JSON.stringify(values) !== origin.current;
  const set = (part) => setValues((known) => ({ ...known, ...(typeof part === "function" ? part(known) : part) }));
  /** Do it; what is refused is told beside its field, and nothing that was typed is lost. Answers whether it was done. */
  const send = async (work) => {
    setBusy(true);
    setErrors({});
    setTold(null);
    try {
      await work();
      return true;
    } catch (error) {
      setErrors(error instanceof Problem ? error.errors : {});
      setTold(
        error instanceof Problem
          ? { line: error.message, code: error.code, body: error.body }
          : { line: "The server could not be reached. Nothing is lost: try again." },
      );
      requestAnimationFrame(() => {
        const first = side.box.querySelector("[aria-invalid=true]") || side.box.querySelector(".notice");
        first?.scrollIntoView({ block: "center" });
        if (first instanceof HTMLElement) first.focus();
      });
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { values, errors, told, busy, set, send };
}

/** The frame of a panel: its title and Close, the form, and the buttons at its foot. `more` are further buttons. */
export function Frame({ title, note = null, side, form, onSave, save, more = null, children }) {
  const submit = (event) => {
    event.preventDefault();
    onSave();
  };
  return html`<header class="drawer-head">
      <div>
        <h2>${title}</h2>
        ${note && html`<p class="quiet">${note}</p>`}
      </div>
      <button type="button" class="icon-button" aria-label="Close" onClick=${() => side.close()}>${cross}</button>
    </header>
    <form class="side-form" onSubmit=${submit}>
      ${
        form.told &&
        html`<div class="notice" role="alert" tabindex="-1">
          <p>${form.told.line}</p>
          ${form.told.more}
        </div>`
      }
      ${children}
      <div class="side-foot">
        <button class="button primary" disabled=${form.busy}>${save}</button>
        <button type="button" class="button" onClick=${() => side.close()}>Cancel</button
        ><span class="spacer"></span>${more}
      </div>
    </form>`;
}

/** @param {any} props one box to tick */
export const Tick = ({ form, name, label, hint = null, disabled = false }) =>
  html`<div class="field tick-field">
    <label class="tick"
      ><input
        type="checkbox"
        checked=${form.values[name]}
        disabled=${disabled}
        onChange=${(event) => form.set({ [name]: event.currentTarget.checked })}
      />${label}</label
    >
    ${hint && html`<span class="hint">${hint}</span>`}
  </div>`;
