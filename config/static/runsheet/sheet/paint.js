// @ts-check
/** Puts what `cell.js` says into a cell's element. Text nodes only: no data ever becomes markup. */
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
  const print = [
    shown.text,
    shown.state,
    shown.word,
    shown.dim,
    shown.mark,
    shown.box,
    shown.tags,
    shown.quiet,
    narrow,
  ].join("\u0001");
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
  if (shown.box) found.push(make("span", shown.text ? "box on" : "box", text));
  else if (shown.tags) found.push(...shown.tags.map(tag));
  else if (shown.text) found.push(make("span", "text", text));
  if (shown.mark) {
    const mark = make(
      "span",
      "cell-mark",
      make("span", "visually-hidden", document.createTextNode(` (${shown.mark})`)),
    );
    mark.dataset.mark = shown.mark;
    found.push(mark);
  }
  return found;
}

/** One of the choices; a comma that only screen readers and copies see stands between two. */
function tag([text, hue], place) {
  const found = make("span", "tag", document.createTextNode(text));
  if (hue >= 0) found.dataset.hue = String(hue);
  if (place) found.prepend(make("span", "visually-hidden", document.createTextNode(", ")));
  return found;
}

function pill(shown, signOnly) {
  const word = make("span", signOnly ? "visually-hidden" : "word", document.createTextNode(shown.word));
  const found = make("span", signOnly ? "pill sign" : "pill", word);
  found.dataset.state = shown.state;
  return found;
}

function make(tag, className, child) {
  const found = document.createElement(tag);
  found.className = className;
  found.append(child);
  return found;
}
