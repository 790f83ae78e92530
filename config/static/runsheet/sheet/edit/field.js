// @ts-check
/**
 * The field that has the focus whenever the grid has it, unseen until something is typed: what is composed by an input
 * method begins in a field, or its first letters are lost.
 *
 * It stands in the shadow of the grid's scroller. To the page the scroller itself has the focus and gets the keys; the
 * field's own half of the active row names the cell it stands for.
 */
import { make } from "../dom.js";

/** What the field says of itself while it searches a list. */
const CHOOSING = [
  "role",
  "aria-expanded",
  "aria-controls",
  "aria-autocomplete",
  "aria-activedescendant",
  "placeholder",
];

export class Field {
  /** @param {HTMLElement} scroller */
  constructor(scroller) {
    this.scroller = scroller;
    const root = scroller.attachShadow({ mode: "open", delegatesFocus: true });
    const own = { "aria-describedby": "words" };
    this.text = make("textarea", { part: "field", rows: 1, spellcheck: "false", autocomplete: "off", ...own });
    /** A date's own field. */
    this.native = make("input", { part: "field native", hidden: true, ...own });
    this.words = make("p", { part: "words", id: "words", role: "status" });
    /** Below the field: what there is to choose from, what is wrong. */
    this.below = make("div", { part: "below", hidden: true }, this.words);
    /** @type {HTMLElement|null} */
    this.list = null;
    this.isOpen = false;
    this.cell = make("div", { part: "cell", role: "gridcell" }, this.text, this.native, this.below);
    this.box = make("div", { part: "editor", role: "row" }, this.cell);
    root.append(this.box, make("slot"));
    scroller.focus = (options) => this.input.focus(options);
    new MutationObserver(() => this.follow()).observe(scroller, { attributeFilter: ["aria-activedescendant"] });
    this.follow();
  }

  /** The one that is typed into. */
  get input() {
    return this.native.hidden ? this.text : this.native;
  }

  /** Stand for the active cell, as far as screen readers ask. */
  follow() {
    const cell = document.getElementById(this.scroller.getAttribute("aria-activedescendant") || "");
    if ("ariaActiveDescendantElement" in this.text && !this.isOpen) this.text.ariaActiveDescendantElement = cell;
    this.box.setAttribute("aria-rowindex", cell?.parentElement?.getAttribute("aria-rowindex") || "1");
    this.cell.setAttribute("aria-colindex", cell?.getAttribute("aria-colindex") || "1");
    if (!this.isOpen) this.name(this.scroller.getAttribute("aria-label") || "Cell");
  }

  name(words) {
    for (const input of [this.text, this.native])
      input.setAttribute("aria-label", input === this.input ? words : "Value");
  }

  /** Show the field over a cell. @param {string} look "one", "long" or "native" @param {string} label */
  open(look, label) {
    this.isOpen = true;
    this.native.hidden = look !== "native";
    this.box.part.add("open");
    this.text.part.toggle("tall", look === "long");
    if ("ariaActiveDescendantElement" in this.text) this.text.ariaActiveDescendantElement = null;
    this.name(label);
    this.input.focus({ preventScroll: true });
    this.text.hidden = look === "native";
  }

  close() {
    const hadFocus = this.hasFocus;
    this.isOpen = false;
    this.box.part.remove("open");
    this.text.hidden = false;
    if (hadFocus) this.text.focus({ preventScroll: true });
    this.native.hidden = true;
    this.text.value = "";
    for (const name of ["style", ...CHOOSING]) this.text.removeAttribute(name);
    this.tell("");
    this.follow();
  }

  get hasFocus() {
    return Boolean(this.scroller.shadowRoot?.activeElement);
  }

  /** Stand where the cell stands. @param {Element} cell */
  place(cell) {
    const frame = cell.getBoundingClientRect();
    const own = this.scroller.getBoundingClientRect();
    this.put(frame.left - own.left + this.scroller.scrollLeft, frame.top - own.top + this.scroller.scrollTop);
    this.box.style.setProperty("--cell-width", `${frame.width}px`);
    this.box.style.setProperty("--cell-height", `${frame.height}px`);
  }

  /** The page's style of a part goes before one set here: it takes these. */
  put(left, top) {
    this.box.style.setProperty("--left", `${left}px`);
    this.box.style.setProperty("--top", `${top}px`);
  }

  /** As high as its text; and what is below it above it where there is no room. */
  fit() {
    this.text.style.height = "auto";
    this.text.style.height = `${this.text.scrollHeight + 2}px`;
    const own = this.scroller.getBoundingClientRect();
    const frame = this.box.getBoundingClientRect();
    const over = frame.bottom - own.bottom + 4;
    const right = frame.right - own.right + 16;
    if (over > 0 || right > 0)
      this.put(
        Math.max(this.scroller.scrollLeft, this.box.offsetLeft - Math.max(0, right)),
        this.box.offsetTop - Math.max(0, over),
      );
    this.below.part.toggle("up", frame.bottom + this.below.offsetHeight > own.bottom);
  }

  /** Say what is wrong, or what keys do. */
  tell(words, isFault = false) {
    this.words.textContent = words;
    this.words.hidden = !words;
    this.words.part.toggle("fault", isFault);
    this.input.setAttribute("aria-invalid", String(isFault));
    this.below.hidden = !words && !this.list;
  }

  /** Put a list to choose from below the field, or take it away. @param {HTMLElement|null} list */
  offer(list) {
    this.list?.remove();
    this.list = list;
    if (list) this.below.prepend(list);
    this.below.hidden = !list && !this.words.textContent;
  }
}
