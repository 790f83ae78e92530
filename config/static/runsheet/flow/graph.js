// @ts-check
/** A workflow's graph: cards as buttons over edges. What a card says of its block is the caller's affair. */
import { count } from "../format.js";
import { html } from "../ui/html.js";

/** More blocks than these are listed, not drawn: to lay them out would take seconds. */
export const MOST_DRAWN = 400;
const NOTHING = { nodes: new Map(), edges: [], width: 0, height: 0 };

/** @type {typeof import("./layout.js").layout} */
let layout;
/** dagre comes beside what can be read without it; before, nothing is laid out. */
export const layoutReady = import("./layout.js").then((found) => {
  layout = found.layout;
});
let last = { shape: "", drawn: NOTHING };

/** The layout of a graph, worked out anew when blocks or edges come or go. @param {any} graph @param {any} [card] */
export function laidOut(graph, card) {
  if (!layout || graph.blocks.length > MOST_DRAWN) return NOTHING;
  const blocks = graph.blocks.map(({ key, parent }) => [key, parent]);
  const shape = JSON.stringify([blocks, graph.edges, card]);
  if (last.shape !== shape) last = { shape, drawn: layout(graph, card) };
  return last.drawn;
}

/**
 * @param {{graph: any, states: Map<string, {state: string, word: string, note?: string}>, selected: string|null,
 *   live: (edge: any) => boolean, onSelect: (key: string) => void}} props
 *   `live` says whether an edge was taken.
 */
export function Graph({ graph, ...props }) {
  const { width, height } = laidOut(graph);
  if (graph.blocks.length > MOST_DRAWN) return html`<${TooLarge} graph=${graph} />`;
  return html`<div class="flow" tabindex="0" role="group" aria-label="Graph">
    <div class="flow-area" style=${{ width: `${width}px`, height: `${height}px` }}>
      <${Drawing} graph=${graph} ...${props} />
    </div>
  </div>`;
}

/**
 * Edges and cards alone. Beside what `Graph` takes: `card` (their size), `extra(block)`
 * `{line, faults, said, mark, tab, after(node)}` of a card, `edgeClass(edge)`, `wire` (a path being drawn).
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
  wire = "",
}) {
  const { nodes, edges, width, height } = laidOut(graph, card);
  const blocks = new Map(graph.blocks.map((block) => [block.key, block]));
  const line = (edge) => {
    const { from, handle, to, path, label } = edge;
    const classes = `edge ${live(edge) ? "live" : ""} ${edgeClass(edge)}`;
    return html`<path key=${`${from}>${handle}>${to}`} d=${path} class=${classes} />
      ${handle && handle !== "source" && html`<text x=${label.x} y=${label.y}>${handle}</text>`}`;
  };
  const drawn = (node) => {
    const block = blocks.get(node.key);
    return html`<${Card}
      key=${node.key}
      block=${block}
      node=${node}
      state=${states.get(node.key)}
      isSelected=${selected === node.key}
      onSelect=${onSelect}
      extra=${extra(block)}
    />`;
  };
  return html`<svg width=${width} height=${height} aria-hidden="true">
      ${edges.map(line)} ${wire && html`<path d=${wire} class="edge wire" />`}
    </svg>
    ${[...nodes.values()].map(drawn)}`;
}

/** Instead of a graph that is too large. */
export const TooLarge = ({ graph }) =>
  html`<p class="quiet">${count(graph.blocks.length)} blocks are too many to draw; the list has them all.</p>`;

/** Blocks of one type have one hue. */
const hueOf = (type) => [...type].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 8;

function Card({ block, node, state, isSelected, onSelect, extra }) {
  const name = block.name || block.key;
  const classes = ["flow-card", node.isContainer && "container", block.enabled === false && "off", extra.mark]
    .filter(Boolean)
    .join(" ");
  const word = `${state.word}${state.note ? ` · ${state.note}` : ""}`;
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
      <span class="flow-head">
        <span class="flow-icon" data-hue=${hueOf(block.type)} aria-hidden="true">${name[0].toUpperCase()}</span>
        <span class="flow-name"><span>${name}</span><span class="quiet">${block.type}</span></span>
        ${extra.faults > 0 && marked(extra)}
      </span>
      ${extra.line !== undefined && html`<span class="flow-line quiet">${extra.line}</span>`}
      <span class="flow-foot mark" data-state=${state.state}>${word}</span>
    </button>
    ${extra.after && extra.after(node)}`;
}

const marked = ({ faults, said }) =>
  html`<span class="flow-faults" title=${said}><span class="visually-hidden">faults: </span>${faults}</span>`;
