// @ts-check
/** The choices of a column: named, coloured, put in order, added by Enter. */
import { html, useLayoutEffect, useRef } from "../../ui/html.js";
import { button, crossButton } from "../../ui/parts.js";
import { choose, text } from "../controls.js";
import { COLOURS } from "./columns.js";

const SWATCHES = [["", "automatic"], ...COLOURS.map((colour) => [colour, colour])];
const NONE = "Without any, a column that holds values gets those as its choices.";

export function Choices({ form, isNew }) {
  const { choices } = form.values;
  const list = useRef(/** @type {HTMLElement|null} */ (null));
  const put = (place, part) =>
    form.set({ choices: choices.map((one, at) => (at === place ? { ...one, ...part } : one)) });
  const wanted = useRef(-1);
  useLayoutEffect(() => {
    // at once: the next letter that is typed belongs there
    if (wanted.current >= 0) list.current?.querySelectorAll("input")[wanted.current]?.focus();
    wanted.current = -1;
  });
  const add = (place) => {
    form.set({ choices: [...choices.slice(0, place), { was: "", name: "", colour: "" }, ...choices.slice(place)] });
    wanted.current = place;
  };
  const drop = (place) => {
    form.set({ choices: choices.filter((_, at) => at !== place) });
    wanted.current = Math.max(0, place - 1);
  };
  const move = (place, to) => {
    const moved = choices.filter((_, at) => at !== place);
    moved.splice(to, 0, choices[place]);
    form.set({ choices: moved });
    wanted.current = to;
  };
  const key = (event, place) => {
    const step = event.altKey ? { ArrowUp: -1, ArrowDown: 1 }[event.key] : 0;
    if (event.key === "Enter") add(place + 1);
    else if (event.key === "Backspace" && !choices[place].name) drop(place);
    else if (step && choices[place + step]) move(place, place + step);
    else return;
    event.preventDefault();
  };
  const line = (one, place) => {
    const number = place + 1;
    const swatch = { class: "swatch", "data-colour": one.colour || "auto" };
    const own = { maxlength: 200, onKeyDown: (event) => key(event, place) };
    return html`<div class="choice" key=${place}>
      ${choose(`Colour of choice ${number}`, one.colour, SWATCHES, (colour) => put(place, { colour }), swatch)}
      ${text(`Choice ${number}`, one.name, (name) => put(place, { name }), own)}
      ${crossButton(`Remove choice ${one.name || number}`, () => drop(place))}
    </div>`;
  };
  return html`<fieldset class="choices" ref=${list}>
    <legend>Choices</legend>
    ${choices.map(line)} ${button("Add choice", () => add(choices.length), "small")}
    ${isNew && !choices.length && html`<span class="hint">${NONE}</span>`}
    ${choices.length > 1 && html`<span class="hint">Alt with an arrow key moves a choice.</span>`}
  </fieldset>`;
}
