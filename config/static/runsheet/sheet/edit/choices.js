// @ts-check
/** What a choice is made of: a list below the field, which searches it; a choice that is missing can be added. */
import { api } from "../../api.js";
import { isCtrl, make } from "../dom.js";
import { choicesOf, hueOf } from "../values.js";
import { wordsOf } from "./kinds.js";

const MOST_SHOWN = 100;
const LONGEST = 200;

export class Choices {
  /**
   * @param {any} grid @param {import("./field.js").Field} field @param {any} column @param {any} value
   * @param {(isKey: boolean) => void} done the choice is made
   */
  constructor(grid, field, column, value, done) {
    this.grid = grid;
    this.field = field;
    this.column = column;
    this.done = done;
    this.isMany = column.type === "multi_select";
    /** @type {string[]} */
    this.chosen = [].concat(value ?? []);
    this.mayAdd = !grid.schema.locks.includes("schema");
    this.on = -1;
    const many = { "aria-multiselectable": this.isMany && "true" };
    this.list = make("div", { part: "list", id: "choices", role: "listbox", "aria-label": column.name, ...many });
    field.offer(this.list);
    const says = { role: "combobox", "aria-expanded": "true", "aria-controls": "choices", "aria-autocomplete": "list" };
    for (const [name, said] of Object.entries(says)) field.text.setAttribute(name, said);
    field.text.placeholder = this.mayAdd ? "Find or add" : "Find";
  }

  get value() {
    return this.isMany ? (this.chosen.length ? this.chosen : null) : (this.chosen[0] ?? null);
  }

  /** Show the choices that hold these words. */
  search(text) {
    const wanted = text.trim().toLowerCase();
    const all = choicesOf(this.column);
    const found = all
      .filter((choice) => choice.toLowerCase().includes(wanted))
      .slice(0, MOST_SHOWN)
      .map((choice) => ({ choice, act: (isKey) => this.pick(choice, isKey) }));
    const isKnown = all.some((choice) => choice.toLowerCase() === wanted);
    const isNew = wanted && !isKnown && !wanted.includes(",") && text.length <= LONGEST;
    /** @type {{choice?: string, label?: string, act: (isKey: boolean) => void}[]} */
    this.options = found;
    if (isNew && this.mayAdd)
      this.options.push({ label: `Add “${text.trim()}”`, act: (isKey) => this.add(text.trim(), isKey) });
    if (!wanted && !this.isMany && this.chosen.length)
      this.options.push({ label: "Empty this cell", act: (isKey) => this.pick(null, isKey) });
    this.list.replaceChildren(...this.options.map((option, place) => this.draw(option, place)));
    const chosen = this.isMany ? -1 : found.findIndex(({ choice }) => choice === this.chosen[0]);
    this.light(wanted ? 0 : chosen);
    const none = all.length ? "No such choice." : "This column has no choices yet: type one to add it.";
    this.field.tell(this.options.length ? "" : none);
  }

  draw({ choice, label, act }, place) {
    const isChosen = choice !== undefined && this.chosen.includes(choice);
    const words = make("span", { part: choice === undefined ? "act" : "tag" }, choice ?? label);
    const hue = choice === undefined ? -1 : hueOf(this.column, choice);
    if (hue >= 0) words.style.setProperty("--hue", `var(--hue-${hue}, var(--ink2))`);
    const says = { part: "option", id: `choice-${place}`, role: "option", "aria-selected": String(isChosen) };
    const line = make("div", says, words);
    if (isChosen) line.append(make("span", { part: "tick", "aria-hidden": "true" }, "✓"));
    line.addEventListener("pointerdown", (event) => event.preventDefault());
    line.addEventListener("click", () => act(false));
    return line;
  }

  /** Point at an option. */
  light(place) {
    this.on = place;
    [...this.list.children].forEach((line, each) => line.part.toggle("on", each === place));
    const line = this.list.children[place];
    line?.scrollIntoView({ block: "nearest" });
    if (line) this.field.text.setAttribute("aria-activedescendant", line.id);
    else this.field.text.removeAttribute("aria-activedescendant");
  }

  /** Returns whether the key was taken. */
  key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const count = this.list.children.length;
    if (step && count) this.light(Math.max(0, (this.on + step + count) % count));
    else if (event.key === "Enter" && this.on >= 0 && !isCtrl(event)) this.options[this.on].act(true);
    else if (event.key === "Backspace" && this.isMany && !this.field.text.value && this.chosen.length) {
      this.chosen = this.chosen.slice(0, -1);
      this.search("");
    } else return false;
    return true;
  }

  pick(choice, isKey) {
    if (!this.isMany) {
      this.chosen = choice === null ? [] : [choice];
      return this.done(isKey);
    }
    this.chosen = this.chosen.includes(choice) ? this.chosen.filter((one) => one !== choice) : [...this.chosen, choice];
    this.field.text.value = "";
    this.search("");
  }

  /** The column learns the choice, beside those that others have added meanwhile. */
  async add(choice, isKey) {
    const path = `${this.grid.session.path}columns/${this.column.id}/`;
    this.field.tell("Adding…");
    try {
      const { options } = await api("GET", path);
      const choices = [...new Set([...(options.choices || []), choice])];
      const { options: now } = await api("PATCH", path, { body: { options: { ...options, choices } } });
      this.column.options = now;
      this.grid.loadSchema();
      this.pick(choice, isKey);
    } catch (error) {
      this.field.tell(wordsOf(error), true);
    }
  }
}
