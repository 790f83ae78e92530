// @ts-check
/** Where a block stands: the container it is in, the blocks it runs after. */
import { cross, html } from "../ui/html.js";
import { labelled, optionsOf } from "../ui/parts.js";
import { around, blockOf, connect, disconnect, handleOf, handlesOf, mayConnect, moveBlock, titleOf } from "./draft.js";

/** The container it stands in, where there are any. */
export function Inside({ editor, block }) {
  const { draft, types } = editor;
  const isWithin = (each) => each === block || around(draft, each.key).includes(block);
  const containers = draft.blocks.filter((each) => types.get(each.type)?.container && !isWithin(each));
  if (!containers.length && !block.parent) return null;
  const choices = [["", "the workflow itself"], ...containers.map((each) => [each.key, titleOf(each)])];
  const move = (event) => editor.change(moveBlock(draft, block.key, event.currentTarget.value), `inside ${Date.now()}`);
  const select = html`<select id="block-inside" disabled=${!editor.mayEdit} onChange=${move}>
    ${optionsOf(choices, block.parent || "")}
  </select>`;
  return labelled("block-inside", "Inside", select);
}

/** What it comes after, as chips; and what it may come after, by port. */
export function After({ editor, block }) {
  const { draft, types } = editor;
  const incoming = draft.edges.filter((edge) => edge.to === block.key);
  const choices = draft.blocks
    .filter((each) => mayConnect(draft, each.key, block.key))
    .flatMap((each) =>
      handlesOf(draft, each, types.get(each.type))
        .map((handle) => ({ from: each.key, handle, to: block.key }))
        .filter((edge) => !incoming.some((one) => one.from === edge.from && handleOf(one) === edge.handle)),
    );
  const label = (edge) => {
    const title = titleOf(blockOf(draft, edge.from) || { key: edge.from });
    return handleOf(edge) === "source" ? title : `${title} · ${handleOf(edge)}`;
  };
  const change = (next) => editor.change(next, `edge ${Date.now()}`);
  const add = (event) => {
    const edge = choices[Number(event.currentTarget.value)];
    event.currentTarget.value = "";
    if (edge) change(connect(draft, edge.from, edge.handle, edge.to));
  };
  const remover = (edge) =>
    html`<button
      type="button"
      aria-label=${`Not after ${label(edge)}`}
      onClick=${() => change(disconnect(draft, edge))}
    >
      ${cross}
    </button>`;
  const none = block.parent ? `Nothing: it is first inside ${block.parent}.` : "Nothing yet, so it never runs.";
  return html`<div class="field" role="group" aria-labelledby="after-label">
    <span class="label" id="after-label">Runs after</span>
    <div class="chips">
      ${incoming.map((edge) => html`<span class="chip">${label(edge)}${editor.mayEdit && remover(edge)}</span>`)}
      ${!incoming.length && html`<span class="quiet">${none}</span>`}
    </div>
    ${
      editor.mayEdit &&
      choices.length > 0 &&
      html`<select aria-label="Runs after another block" onChange=${add}>
        <option value="">Choose a block…</option>
        ${choices.map((edge, at) => html`<option value=${at}>${label(edge)}</option>`)}
      </select>`
    }
  </div>`;
}
