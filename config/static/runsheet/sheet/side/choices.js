// @ts-check
/** The choices of a column: named, coloured, put in order, added by Enter. */
import { cross, html, useLayoutEffect, useRef } from "../../ui/html.js";
import { COLOURS } from "./columns.js";

/** @param {{form: any, isNew: boolean}} props */
export function Choices({ form, isNew }) {
  const { choices } = form.values;
  const list = useRef(/** @type {HTMLElement|null} */ (null));
  const put = (place, part) =>
    form.set({ choices: choices.map((one, at) => (at === place ? { ...one, ...part } : one)) });
  const wanted = useRef(-1);
  const focus = (place) => {
    wanted.current = place;
  };
  useLayoutEffect(() => {
    // at once: the next letter that is typed belongs there
    if (wanted.current >= 0) list.current?.querySelectorAll("input")[wanted.current]?.focus();
    wanted.current = -1;
  });
  const add = (place) => {
    form.set({ choices: [...choices.slice(0, place), { was: "", name: "", colour: "" }, ...choices.slice(place)] });
    focus(place);
  };
  const drop = (place) => {
    form.set({ choices: choices.filter((_, at) => at !== place) });
    focus(Math.max(0, place - 1));
  };
  const key = (event, place) => {
    if (event.key === "Enter") {
      event.preventDefault();
      add(place + 1);
    }
    if (event.key === "Backspace" && !choices[place].name) {
      event.preventDefault();
      drop(place);
    }
    const to = event.altKey ? place + ({ ArrowUp: -1, ArrowDown: 1 }[event.key] || 0) : place;
    if (to === place || !choices[to]) return;
    event.preventDefault();
    const moved = choices.filter((_, at) => at !== place);
    moved.splice(to, 0, choices[place]);
    form.set({ choices: moved });
    focus(to);
  };
  return html`<fieldset class="choices" ref=${list}>
    <legend>Choices</legend>
    ${choices.map(
      (one, place) =>
        html`<div class="choice" key=${place}>
          <select
            class="swatch"
            data-colour=${one.colour || "auto"}
            aria-label=${`Colour of choice ${place + 1}`}
            onChange=${(event) => put(place, { colour: event.currentTarget.value })}
          >
            <option value="" selected=${!one.colour}>automatic</option>
            ${COLOURS.map((colour) => html`<option value=${colour} selected=${colour === one.colour}>${colour}</option>`)}
          </select>
          <input
            value=${one.name}
            maxlength="200"
            aria-label=${`Choice ${place + 1}`}
            onInput=${(event) => put(place, { name: event.currentTarget.value })}
            onKeyDown=${(event) => key(event, place)}
          />
          <button
            type="button"
            class="icon-button"
            aria-label=${`Remove choice ${one.name || place + 1}`}
            onClick=${() => drop(place)}
          >
            ${cross}
          </button>
        </div>`,
    )}
    <button type="button" class="button small" onClick=${() => add(choices.length)}>Add choice</button>
    ${isNew && !choices.length && html`<span class="hint">Without any, a column that holds values gets those as its choices.</span>`}
    ${choices.length > 1 && html`<span class="hint">Alt with an arrow key moves a choice.</span>`}
  </fieldset>`;
}
