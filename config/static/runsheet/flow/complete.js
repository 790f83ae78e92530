// @ts-check
/** A text that may speak of other blocks: while `{{ …` is typed, a list offers what there is. */
import { html, useRef, useState } from "../ui/html.js";

const MOST = 12;
const INSERT = { "aria-label": "Insert a value", title: "Insert a value of an earlier block" };
const OPEN = /\{\{-?\s*(?:[^{}]*[\s(|,+~=<>])?([\w.]*)$/;
const BARE = /([A-Za-z_][\w.]*)$/;

/**
 * What is being typed at the caret; null when no name is. Pure.
 * @param {string} text @param {number} caret @param {boolean} isExpression
 */
export function typedAt(text, caret, isExpression) {
  const found = (isExpression ? BARE : OPEN).exec(text.slice(0, caret));
  return found ? found[1] : null;
}

/** The names that go on from what is typed, those that begin with it first. Pure. @param {[string, string][]} names */
export function offered(names, typed) {
  const part = typed.toLowerCase();
  return names
    .map(([name, note]) => ({ name, note, at: name.toLowerCase().indexOf(part) }))
    .filter(({ name, at }) => at >= 0 && name !== typed)
    .sort((a, b) => Number(a.at > 0) - Number(b.at > 0))
    .slice(0, MOST);
}

/** The text with a name put in place of what was typed, and where the caret stands then. Pure. */
export function completed(text, caret, typed, name, isExpression) {
  const head = text.slice(0, caret - typed.length) + name;
  const tail = text.slice(caret);
  const close = !isExpression && !/^[^{]*\}\}/.test(tail) ? " }}" : "";
  return { text: head + close + tail, caret: head.length + close.length };
}

/**
 * @param {{value: string, onText: (text: string) => void, names: () => any[], isExpression?: boolean,
 *   [attribute: string]: any}} props
 */
export function Template({ value, onText, names, isExpression = false, id, rows = 1, ...more }) {
  const field = useRef(/** @type {HTMLTextAreaElement|null} */ (null));
  const [list, setList] = useState(/** @type {{typed: string, options: any[], at: number}|null} */ (null));
  const look = (box) => {
    const typed = typedAt(box.value, box.selectionStart, isExpression);
    const options = typed === null ? [] : offered(names(), typed);
    setList(options.length ? { typed: typed || "", options, at: 0 } : null);
  };
  const pick = (name) => {
    const box = /** @type {HTMLTextAreaElement} */ (field.current);
    const done = completed(box.value, box.selectionStart, list?.typed || "", name, isExpression);
    box.value = done.text;
    box.setSelectionRange(done.caret, done.caret);
    box.focus();
    setList(null);
    onText(done.text);
  };
  const begin = () => {
    const box = /** @type {HTMLTextAreaElement} */ (field.current);
    box.focus();
    box.setRangeText("{{ ", box.selectionStart, box.selectionEnd, "end");
    look(box);
  };
  const onKeyDown = (event) => {
    if (!list) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setList({ ...list, at: (list.at + step + list.options.length) % list.options.length });
    else if (event.key === "Enter" || event.key === "Tab") pick(list.options[list.at].name);
    else if (event.key === "Escape") setList(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const type = ({ currentTarget: box }) => {
    onText(box.value);
    look(box);
  };
  const entry = (option, at) =>
    html`<li
      role="option"
      id=${`${id}-${at}`}
      aria-selected=${String(at === list?.at)}
      onMouseDown=${(event) => {
        event.preventDefault();
        pick(option.name);
      }}
    >
      <code>${option.name}</code><span class="quiet">${option.note}</span>
    </li>`;
  return html`<span class="template">
    <textarea
      ref=${field}
      id=${id}
      rows=${rows}
      value=${value}
      spellcheck="false"
      autocomplete="off"
      aria-autocomplete="list"
      aria-haspopup="listbox"
      aria-controls=${`${id}-list`}
      aria-activedescendant=${list ? `${id}-${list.at}` : null}
      ...${more}
      onInput=${type}
      onKeyDown=${onKeyDown}
      onBlur=${() => setList(null)}
    ></textarea>
    ${!isExpression && html`<button type="button" class="insert" ...${INSERT} onClick=${begin}>{ }</button>`}
    <ul class="completions" role="listbox" id=${`${id}-list`} aria-label="Values" hidden=${!list}>
      ${list?.options.map(entry)}
    </ul>
  </span>`;
}
