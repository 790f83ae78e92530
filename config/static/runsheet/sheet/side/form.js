// @ts-check
/** What the forms beside the grid share: values, what is wrong with them, sending them, and their frame. */
import { Problem } from "../../api.js";
import { html, useRef, useState } from "../../ui/html.js";
import { button, crossButton } from "../../ui/parts.js";
import { box } from "../controls.js";

const UNREACHED = "The server could not be reached. Nothing is lost: try again.";

/** @param {any} start @param {any} side which asks before unsaved values are left */
export function useForm(start, side) {
  const [values, setValues] = useState(start);
  const [errors, setErrors] = useState(/** @type {Object<string, string[]>} */ ({}));
  const [told, setTold] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  const origin = useRef(JSON.stringify(start));
  side.isDirty = JSON.stringify(values) !== origin.current;
  const set = (part) => setValues((known) => ({ ...known, ...(typeof part === "function" ? part(known) : part) }));
  /** Do it; what is refused is told beside its field, and nothing that was typed is lost. */
  const send = async (work) => {
    setBusy(true);
    setErrors({});
    setTold(null);
    try {
      await work();
    } catch (error) {
      const isRefused = error instanceof Problem;
      setErrors(isRefused ? error.errors : {});
      setTold(isRefused ? { line: error.message, body: error.body } : { line: UNREACHED });
      requestAnimationFrame(() => {
        const first = side.box.querySelector("[aria-invalid=true]") || side.box.querySelector(".notice");
        first?.scrollIntoView({ block: "center" });
        if (first instanceof HTMLElement) first.focus();
      });
    }
    setBusy(false);
  };
  return { values, errors, told, busy, set, send };
}

/** The frame of a panel: its title and Close, the form, and the buttons at its foot. `more` are further buttons. */
export function Frame({ title, note = null, side, form, onSave, save, more = null, children }) {
  const submit = (event) => {
    event.preventDefault();
    onSave();
  };
  return html`<${Head} title=${title} note=${note} side=${side} />
    <form class="side-form" onSubmit=${submit}>
      ${form.told && html`<${Notice} ...${form.told} />`} ${children}
      <div class="side-foot">
        <button class="button primary" disabled=${form.busy}>${save}</button>
        ${button("Cancel", () => side.close())}
        <span class="spacer"></span>
        ${more}
      </div>
    </form>`;
}

/** What a panel begins with. */
export const Head = ({ title, note = null, side }) =>
  html`<header class="drawer-head">
    <div>
      <h2>${title}</h2>
      ${note && html`<p class="quiet">${note}</p>`}
    </div>
    ${crossButton("Close", () => side.close())}
  </header>`;

const Notice = ({ line, more = null }) =>
  html`<div class="notice" role="alert" tabindex="-1">
    <p>${line}</p>
    ${more}
  </div>`;

/** A box to tick, for the field of this name. */
export const Tick = ({ form, name, label, hint = null, disabled = false }) => {
  const set = (isOn) => form.set({ [name]: isOn });
  return html`<div class="field tick-field">
    <label class="tick">${box(form.values[name], set, disabled)}${label}</label>
    ${hint && html`<span class="hint">${hint}</span>`}
  </div>`;
};
