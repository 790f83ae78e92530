// @ts-check
/** Where the cards of a graph stand: layers from top to bottom by dagre, containers around what they hold. Pure. */
import { Graph, layout as arrange } from "../vendor/dagre.js";
import { CARD, homesOf } from "./places.js";

const GAP = { x: 28, y: 44 };
const PAD = 16;
/** How far an edge that passes a layer keeps from what stands there. */
const LANE = 20;

/**
 * @typedef {{key: string, parent?: string|null}} Block
 * @typedef {{from: string, handle?: string, to: string}} Edge
 * @typedef {{x: number, from: number, to: number}} Stop
 * @typedef {{path: string, label: {x: number, y: number}}} Line
 * @typedef {import("./places.js").Node} Node
 */

/**
 * @param {{blocks: Block[], edges: Edge[]}} graph
 * @param {typeof CARD} [card]
 * @returns {{nodes: Map<string, Node>, edges: (Edge & Line)[], width: number, height: number}}
 *   `nodes` has containers before what they hold
 */
export function layout(graph, card = CARD) {
  const whole = arranged({ ...graph, homes: homesOf(graph.blocks) }, null, card);
  /** @type {Map<string, Node>} */
  const nodes = new Map();
  const stops = new Map();
  flatten(whole, 0, 0, nodes, stops, card);
  const edges = graph.edges
    .filter((edge) => nodes.has(edge.from) && nodes.has(edge.to))
    .map((edge) => ({ ...edge, ...drawn(nodes, stops.get(nameOf(edge)) || [], edge) }));
  return { nodes, edges, width: whole.width, height: whole.height };
}

/**
 * One scope: dagre knows no edges to a group of nodes, so a container is to it a card as large as what is in it.
 * @returns {{width: number, height: number, boxes: any[], stops: Map<string, Stop[]>}} `stops` by edge: where it passes
 *   layers, straight down, or the place of its label
 */
function arranged(graph, parent, card) {
  const members = graph.blocks.filter((block) => graph.homes.get(block.key) === parent);
  if (!members.length) return { width: 0, height: 0, boxes: [], stops: new Map() };
  const scope = new Graph({ multigraph: true });
  scope.setGraph({ nodesep: GAP.x, ranksep: GAP.y, edgesep: LANE, rankalign: "top" });
  for (const block of members) scope.setNode(block.key, boxOf(graph, block, card));
  const edges = graph.edges.filter(
    (edge) => edge.from !== edge.to && scope.hasNode(edge.from) && scope.hasNode(edge.to),
  );
  for (const edge of edges) scope.setEdge(edge.from, edge.to, labelOf(edge), nameOf(edge));
  arrange(scope);
  const boxes = members.map(({ key }) => scope.node(key));
  for (const box of boxes) Object.assign(box, { x: box.x - box.width / 2, y: box.y - box.height / 2 });
  const floors = new Map();
  for (const { y, height } of boxes) floors.set(Math.round(y), Math.max(floors.get(Math.round(y)) || 0, y + height));
  const stopsOf = (edge) => {
    const { points, x, y } = scope.edge(edge.from, edge.to, nameOf(edge));
    // Between its ends an edge has a point in every gap and, at its upper side, in every layer.
    const passed = points.slice(1, -1).filter((point) => floors.has(Math.round(point.y)));
    if (!passed.length && x !== undefined) return [{ x, from: y, to: y }];
    return passed.map((point) => ({ x: point.x, from: point.y, to: floors.get(Math.round(point.y)) }));
  };
  const { width, height } = scope.graph();
  return { width, height, boxes, stops: new Map(edges.map((edge) => [nameOf(edge), stopsOf(edge)])) };
}

/** The room a handle's word takes. */
const labelOf = ({ handle = "source" }) => (handle === "source" ? {} : { width: 6 * handle.length + 10, height: 12 });

function boxOf(graph, { key }, card) {
  const isContainer = graph.blocks.some((other) => graph.homes.get(other.key) === key);
  if (!isContainer) return { key, isContainer, inner: null, width: card.width, height: card.height };
  const inner = arranged(graph, key, card);
  const width = Math.max(card.width, inner.width + 2 * PAD);
  return { key, isContainer, inner, width, height: card.head + inner.height + PAD };
}

const nameOf = (edge) => `${edge.from} ${edge.handle || "source"} ${edge.to}`;

/** From places within a scope to places within the whole. */
function flatten(scope, left, top, nodes, stops, card) {
  const moved = ({ x, from, to }) => ({ x: left + x, from: top + from, to: top + to });
  for (const [name, found] of scope.stops) stops.set(name, found.map(moved));
  for (const { key, isContainer, inner, width, height, ...box } of scope.boxes) {
    const [x, y] = [left + box.x, top + box.y];
    nodes.set(key, { key, x, y, width, height, isContainer });
    if (inner) flatten(inner, x + (width - inner.width) / 2, y + card.head, nodes, stops, card);
  }
}

/** An edge from the lower side of one card to the upper side of the other, straight where it passes layers. */
function drawn(nodes, stops, edge) {
  const [from, to] = [nodes.get(edge.from), nodes.get(edge.to)];
  const start = { x: from.x + from.width / 2, y: from.y + from.height };
  const end = { x: to.x + to.width / 2, from: to.y, to: to.y };
  let path = `M${start.x} ${start.y}`;
  let here = start;
  for (const { x, from: y, to: below } of [...stops, end]) {
    const bend = y > here.y ? (y - here.y) / 2 : 18;
    path += `C${here.x} ${here.y + bend} ${x} ${y - bend} ${x} ${y}${below === y ? "" : `V${below}`}`;
    here = { x, y: below };
  }
  const [first = end] = stops;
  if (first !== end && first.from === first.to) return { path, label: { x: first.x, y: first.from + 4 } };
  return { path, label: { x: (start.x + first.x) / 2, y: (start.y + first.from) / 2 } };
}
