// @ts-check
/** Puts what `cell.js` says into a cell's element. Text nodes only: no data ever becomes markup. */
import { make } from "./dom.js";
import { arrive, mayMove, settle } from "./motion.js";

/** Below this width a pill is its sign alone, the word in the title. */
const NARROW = 110;

/**
 * @param {HTMLElement} element
 * @param {import("./cell.js").Shown} shown
 * @param {{width: number, live: boolean}} how `live` is true when the value came by an event while on screen
 */
export function paint(element, shown, { width, live }) {
  const narrow = width < NARROW;
  const { text: words, state, word, dim, mark, box, tags, quiet } = shown;
  const print = [words, state, word, dim, mark, box, tags, quiet, narrow].join("\u0001");
  const known = element.dataset.text;
  setTitle(element, shown.title || (shown.text.length > width / 8 ? shown.text : ""));
  if (prints.get(element) === print) return;
  settle(element);
  prints.set(element, print);
  element.className = classes(shown);
  const text = document.createTextNode(shown.text);
  element.replaceChildren(...parts(shown, text, narrow));
  const arrived = live && shown.text && !shown.state && known !== shown.text;
  element.dataset.text = shown.state ? "" : shown.text;
  if (arrived && mayMove()) arrive(element, text, !shown.right && !shown.tags && !shown.box);
}

/** The cell of a row that is not here yet. */
export function paintMissing(element) {
  if (prints.get(element) === "missing") return;
  settle(element);
  prints.set(element, "missing");
  element.className = "cell missing";
  element.replaceChildren();
  element.dataset.text = "";
  setTitle(element, "");
}

/** @type {WeakMap<Element, string>} what each element shows, so that nothing is written twice */
const prints = new WeakMap();

function setTitle(element, title) {
  if (element.title !== title) element.title = title;
}

function classes(shown) {
  return `cell${shown.right ? " right" : ""}${shown.dim ? " dim" : ""}${shown.quiet ? " quiet" : ""}`;
}

function parts(shown, text, narrow) {
  const found = [];
  if (shown.state) found.push(pill(shown, shown.dim || narrow || Boolean(shown.mark)));
  if (shown.box) found.push(make("span", { class: shown.text ? "box on" : "box" }, text));
  else if (shown.tags) found.push(...shown.tags.map(tag));
  else if (shown.text) found.push(make("span", { class: "text" }, text));
  if (shown.mark) {
    const words = make("span", { class: "visually-hidden" }, ` (${shown.mark})`);
    found.push(make("span", { class: "cell-mark", "data-mark": shown.mark }, words));
  }
  return found;
}

/** One of the choices; a comma that only screen readers and copies see stands between two. */
function tag([text, hue], place) {
  const comma = place ? [make("span", { class: "visually-hidden" }, ", ")] : [];
  return make("span", { class: "tag", "data-hue": hue >= 0 && hue }, ...comma, text);
}

function pill({ state, word }, signOnly) {
  const words = make("span", { class: signOnly ? "visually-hidden" : "word" }, word);
  return make("span", { class: signOnly ? "pill sign" : "pill", "data-state": state }, words);
}
