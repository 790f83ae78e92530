// @ts-check
/** A workflow's graph: cards as buttons over edges. What a card says of its block is the caller's affair. */
import { html } from "../ui/html.js";
import { layout } from "./layout.js";

const drawnOf = new WeakMap();

/** The layout of a graph object, worked out once. */
function laidOut(graph) {
  if (!drawnOf.has(graph)) drawnOf.set(graph, layout(graph));
  return drawnOf.get(graph);
}

/**
 * @param {{graph: any, states: Map<string, {state: string, word: string, note?: string}>, selected: string|null,
 *   live: (edge: any) => boolean, onSelect: (key: string) => void}} props
 *   `live` says whether an edge was taken.
 */
export function Graph({ graph, states, selected, live, onSelect }) {
  const { nodes, edges, width, height } = laidOut(graph);
  return html`<div class="flow" tabindex="0" role="group" aria-label="Graph"><div class="flow-area" style=${{ width: `${width}px`, height: `${height}px` }}>
    <svg width=${width} height=${height} aria-hidden="true">${edges.map((edge) => html`
      <path key=${`${edge.from}>${edge.handle}>${edge.to}`} d=${edge.path} class=${live(edge) ? "edge live" : "edge"} />
      ${edge.handle && edge.handle !== "source" && html`<text x=${edge.label.x} y=${edge.label.y}>${edge.handle}</text>`}`)}</svg>
    ${graph.blocks.map((block) => html`<${Card} key=${block.key} block=${block} node=${nodes.get(block.key)} state=${states.get(block.key)}
      isSelected=${selected === block.key} onSelect=${onSelect} />`)}
  </div></div>`;
}

function Card({ block, node, state, isSelected, onSelect }) {
  const name = block.name || block.key;
  const classes = ["flow-card", node.isContainer && "container", block.enabled === false && "off"].filter(Boolean).join(" ");
  const place = { left: `${node.x}px`, top: `${node.y}px`, width: `${node.width}px`, height: `${node.height}px` };
  return html`<button type="button" class=${classes} style=${place} data-state=${state.state} data-block=${block.key} aria-pressed=${String(isSelected)}
    onClick=${() => onSelect(block.key)}>
    <span class="flow-head"><span class="flow-icon" aria-hidden="true">${name.slice(0, 1).toUpperCase()}</span>
      <span class="flow-name"><span>${name}</span><span class="quiet">${block.type}</span></span></span>
    <span class="flow-foot mark" data-state=${state.state}>${state.word}${state.note ? ` · ${state.note}` : ""}</span>
  </button>`;
}
