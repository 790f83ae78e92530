// @ts-check
/** A workflow's graph: cards as buttons over edges. What a card says of its block is the caller's affair. */
import { html } from "../ui/html.js";
import { layout } from "./layout.js";

const drawnOf = new WeakMap();

/** The layout of a graph object, worked out once. @param {any} graph @param {any} [card] */
export function laidOut(graph, card) {
  if (!drawnOf.has(graph)) drawnOf.set(graph, layout(graph, card));
  return drawnOf.get(graph);
}

/**
 * @param {{graph: any, states: Map<string, {state: string, word: string, note?: string}>, selected: string|null,
 *   live: (edge: any) => boolean, onSelect: (key: string) => void}} props
 *   `live` says whether an edge was taken.
 */
export function Graph({ graph, ...props }) {
  const { width, height } = laidOut(graph);
  return html`<div class="flow" tabindex="0" role="group" aria-label="Graph">
    <div class="flow-area" style=${{ width: `${width}px`, height: `${height}px` }}>
      <${Drawing} graph=${graph} ...${props} />
    </div>
  </div>`;
}

/**
 * Edges and cards alone. Beside what `Graph` takes: `card` (their size), `extra(block)` `{line, faults, said, mark, tab, after(node)}` of a card,
 * `edgeClass(edge)`, `wire` (a path being drawn).
 */
export function Drawing({
  graph,
  states,
  selected,
  live,
  onSelect,
  card = undefined,
  extra = (_) => ({}),
  edgeClass = (_) => "",
  wire = null,
}) {
  const { nodes, edges, width, height } = laidOut(graph, card);
  const blocks = new Map(graph.blocks.map((block) => [block.key, block]));
  return html`<svg width=${width} height=${height} aria-hidden="true">
      ${edges.map(
        (edge) =>
          html`<path
              key=${`${edge.from}>${edge.handle}>${edge.to}`}
              d=${edge.path}
              class=${`edge ${live(edge) ? "live" : ""} ${edgeClass(edge)}`}
            />
            ${edge.handle && edge.handle !== "source" && html`<text x=${edge.label.x} y=${edge.label.y}>${edge.handle}</text>`}`,
      )}
      ${wire && html`<path d=${wire} class="edge wire" />`}
    </svg>
    ${[...nodes.values()].map(
      (node) =>
        html`<${Card}
          key=${node.key}
          block=${blocks.get(node.key)}
          node=${node}
          state=${states.get(node.key)}
          isSelected=${selected === node.key}
          onSelect=${onSelect}
          extra=${extra(blocks.get(node.key))}
        />`,
    )}`;
}

/** Blocks of one type have one hue. */
const hueOf = (type) => [...type].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 8;

function Card({ block, node, state, isSelected, onSelect, extra }) {
  const name = block.name || block.key;
  const classes = ["flow-card", node.isContainer && "container", block.enabled === false && "off", extra.mark]
    .filter(Boolean)
    .join(" ");
  const place = { left: `${node.x}px`, top: `${node.y}px`, width: `${node.width}px`, height: `${node.height}px` };
  return html`<button
      type="button"
      class=${classes}
      style=${place}
      data-state=${state.state}
      data-block=${block.key}
      aria-pressed=${String(isSelected)}
      tabindex=${extra.tab}
      onClick=${() => onSelect(block.key)}
    >
      <span class="flow-head"
        ><span class="flow-icon" data-hue=${hueOf(block.type)} aria-hidden="true"
          >${name.slice(0, 1).toUpperCase()}</span
        >
        <span class="flow-name"><span>${name}</span><span class="quiet">${block.type}</span></span>
        ${extra.faults > 0 && html`<span class="flow-faults" title=${extra.said}><span class="visually-hidden">faults: </span>${extra.faults}</span>`}</span
      >
      ${extra.line !== undefined && html`<span class="flow-line quiet">${extra.line}</span>`}
      <span class="flow-foot mark" data-state=${state.state}
        >${state.word}${state.note ? ` · ${state.note}` : ""}</span
      ></button
    >${extra.after && extra.after(node)}`;
}
