// @ts-check
/** The blocks as a list, in the order in which they run: what the drawing board says, for those who read. */
import { html } from "../ui/html.js";
import { CARD } from "./canvas.js";
import { lineOf, titleOf } from "./draft.js";
import { laidOut } from "./graph.js";
import { homesOf } from "./places.js";

/** @param {{editor: any}} props */
export function Outline({ editor }) {
  const { draft } = editor;
  const { nodes } = laidOut(draft, CARD);
  const homes = homesOf(draft.blocks);
  const place = (block) => nodes.get(block.key) || { x: 0, y: 0 }; // not laid out: in the order of the definition
  const level = (parent) =>
    draft.blocks
      .filter((block) => homes.get(block.key) === parent)
      .sort((a, b) => place(a).y - place(b).y || place(a).x - place(b).x);
  const entry = (block) =>
    html`<li key=${block.key}>
      <${Row} editor=${editor} block=${block} />
      ${level(block.key).length > 0 && list(block.key, `Inside ${titleOf(block)}`)}
    </li>`;
  const list = (parent, label) =>
    html`<ol class="flow-outline" aria-label=${label}>
      ${level(parent).map(entry)}
    </ol>`;
  return html`<div class="flow-list">${list(null, "Blocks")}</div>`;
}

function Row({ editor, block }) {
  const { key } = block;
  const type = editor.types.get(block.type);
  const { state, word } = editor.states.get(key);
  const faults = editor.faultsOf(key).length;
  const from = editor.draft.edges.filter((edge) => edge.to === key).map((edge) => edge.from);
  const kind = `${type?.title || block.type}${from.length ? `, after ${from.join(" and ")}` : ""}`;
  return html`<button
    type="button"
    class="outline-row"
    data-block=${key}
    aria-pressed=${String(editor.selected === key)}
    onClick=${() => editor.select(key, true)}
  >
    <strong>${titleOf(block)}</strong>${" "}<span class="quiet">${kind}</span>
    <span class="quiet line">${lineOf(block, type)}</span>
    <span class="mark" data-state=${state}>${word}</span>
    ${faults > 0 && html`<span class="flow-faults">${faults}<span class="visually-hidden"> faults</span></span>`}
  </button>`;
}
