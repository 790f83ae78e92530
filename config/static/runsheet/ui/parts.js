// @ts-check
/** Small parts that many panels are made of. */
import { cross, html } from "./html.js";

/**
 * @param {any} words @param {(event: any) => any} act
 * @param {string} [look] "primary", "small danger" … @param {Object<string, any>} [more] attributes
 */
export const button = (words, act, look = "", more = {}) =>
  html`<button type="button" class=${`button ${look}`} onClick=${act} ...${more}>${words}</button>`;

/** The button that leaves a dialog as if nothing had been asked. @param {(result?: any) => void} close */
export const cancel = (close) => button("Cancel", () => close());

/** A button that is only a cross. */
export const crossButton = (label, act, isOff = false) =>
  html`<button type="button" class="icon-button" aria-label=${label} disabled=${isOff} onClick=${act}>
    ${cross}
  </button>`;

/**
 * The head of a drawer: what it is about, some facts, what stands beside them, and a cross.
 * @param {{title: any, facts: any, close: () => void, children?: any}} props
 */
export const DrawerHead = ({ title, facts, close, children }) =>
  html`<header class="drawer-head">
    <div>
      <h2>${title}</h2>
      <p class="quiet number">${facts}</p>
    </div>
    ${children} ${crossButton("Close", close)}
  </header>`;

/** A control under its label. */
export const labelled = (id, label, control) =>
  html`<div class="field"><label for=${id}>${label}</label>${control}</div>`;

/** A box to tick. @param {any} words @param {boolean} checked @param {(checked: boolean) => void} set */
export const tick = (words, checked, set, more = {}) =>
  html`<label class="tick">
    <input type="checkbox" ...${more} checked=${checked} onChange=${(event) => set(event.currentTarget.checked)} />
    ${words}
  </label>`;

/** The options of a select. @param {any[][]} list `[value, word]` of each */
export const optionsOf = (list, chosen) =>
  list.map(([value, word]) => html`<option value=${value} selected=${value === chosen}>${word}</option>`);

/** A state in its colour. @param {Object<string, any>} [more] attributes */
export const pill = (state, word, more = {}) =>
  html`<span class="pill" data-state=${state} ...${more}><span class="word">${word}</span></span>`;

/**
 * What is wrong, line by line; nothing is drawn where nothing is wrong.
 * @param {{lines: any[], id?: string, role?: string|null}} props
 */
export const Faults = ({ lines, id, role = "alert" }) =>
  lines.length > 0 &&
  html`<ul class="errors" id=${id} role=${role}>
    ${lines.map((line) => html`<li>${line}</li>`)}
  </ul>`;

/** The same for a form as a whole, above its fields. @param {{lines: string[]}} props */
export const Notice = ({ lines }) =>
  lines.length > 0 && html`<div class="notice" role="alert">${lines.map((line) => html`<p>${line}</p>`)}</div>`;
