// @ts-check
/** Small controls that the grid's menus, panels and forms are drawn with. They tell their new value, not the event. */
import { html } from "../ui/html.js";
import { optionsOf } from "../ui/parts.js";

/** Something is written. @param {Object<string, any>} [more] attributes */
export const text = (label, value, tell, more = {}) =>
  html`<input aria-label=${label} ...${more} value=${value} onInput=${(event) => tell(event.currentTarget.value)} />`;

/** One of `options`, `[value, words]` each, and of `others`. @param {Object<string, any>} [more] attributes */
export const choose = (label, value, options, tell, more = {}, others = null) =>
  html`<select aria-label=${label} ...${more} value=${value} onChange=${(event) => tell(event.currentTarget.value)}>
    ${optionsOf(options, value)} ${others}
  </select>`;

/** A box to tick. */
export const box = (isOn, tell, disabled = false) =>
  html`<input
    type="checkbox"
    checked=${isOn}
    disabled=${disabled}
    onChange=${(event) => tell(event.currentTarget.checked)}
  />`;

/**
 * Items of a menu, which close it: `item(words, act, {danger, on, off})`.
 * @param {() => void} close @param {() => void} [after] is called when what was chosen is done
 */
export const itemsOf =
  (close, after = () => {}) =>
  (words, act, { danger = false, on = null, off = false } = {}) => {
    const choose = async () => {
      close();
      await act();
      after();
    };
    const look = danger ? "item danger" : "item";
    const pressed = on === null ? null : String(on);
    return html`<button type="button" class=${look} disabled=${off} aria-pressed=${pressed} onClick=${choose}>
      ${words}
    </button>`;
  };
