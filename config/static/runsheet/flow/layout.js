// @ts-check
/** Where the cards of a graph stand: layers from top to bottom, containers around what they hold. Pure. */

/** The size of a card, and how much of a container its head takes. */
export const CARD = { width: 196, height: 62, head: 50 };
const GAP = { x: 28, y: 44 };
const PAD = 16;
/** How wide the lane is that an edge keeps free where it passes a layer. */
const LANE = 20;

/**
 * @typedef {{key: string, parent?: string|null}} Block
 * @typedef {{from: string, handle?: string, to: string}} Edge
 * @typedef {{key: string, x: number, y: number, width: number, height: number, isContainer: boolean}} Node
 */

/**
 * @param {{blocks: Block[], edges: Edge[]}} graph
 * @param {typeof CARD} [card]
 * @returns {{nodes: Map<string, Node>, edges: (Edge & {path: string, label: {x: number, y: number}})[], width: number, height: number}}
 *   `nodes` has containers before what they hold
 */
export function layout(graph, card = CARD) {
  const homes = homesOf(graph.blocks);
  const inner = placed({ ...graph, homes }, null, card);
  /** @type {Map<string, Node>} */
  const nodes = new Map();
  const lanes = new Map();
  flatten(inner, 0, 0, nodes, lanes, card);
  const edges = graph.edges
    .filter((edge) => nodes.has(edge.from) && nodes.has(edge.to))
    .map((edge) => ({ ...edge, ...drawn(nodes, lanes, edge) }));
  return { nodes, edges, width: inner.width, height: inner.height };
}

/** The container each block is drawn in: its parent, if that exists and is not inside the block itself. */
export function homesOf(blocks) {
  const parents = new Map(blocks.map((block) => [block.key, block.parent || null]));
  const isSound = (key) => {
    const seen = new Set();
    for (let at = key; at; at = parents.get(at)) {
      if (seen.has(at) || !parents.has(at)) return false;
      seen.add(at);
    }
    return true;
  };
  return new Map(blocks.map((block) => [block.key, isSound(block.key) ? block.parent || null : null]));
}

function placed(graph, parent, card) {
  const members = graph.blocks.filter((block) => graph.homes.get(block.key) === parent);
  const own = new Set(members.map((block) => block.key));
  const edges = graph.edges.filter((edge) => own.has(edge.from) && own.has(edge.to) && edge.from !== edge.to);
  const boxes = new Map(members.map((block) => [block.key, boxOf(graph, block, card)]));
  const layered = layers(members, edges);
  const joined = passing(layered, edges, boxes);
  const rows = ordered(layered, joined).map((keys) => keys.map((key) => boxes.get(key)));
  const widths = rows.map((row) => row.reduce((sum, box) => sum + box.width, GAP.x * (row.length - 1)));
  const width = Math.max(0, ...widths);
  let y = 0;
  rows.forEach((row, at) => {
    let x = (width - widths[at]) / 2;
    const height = Math.max(...row.map((box) => box.height));
    for (const box of row) {
      Object.assign(box, { x, y });
      if (box.lane) box.height = height;
      x += box.width + GAP.x;
    }
    y += height + GAP.y;
  });
  return { width, height: Math.max(0, y - GAP.y), boxes: [...boxes.values()] };
}

function boxOf(graph, block, card) {
  const isContainer = graph.blocks.some((other) => graph.homes.get(other.key) === block.key);
  if (!isContainer) return { key: block.key, width: card.width, height: card.height, isContainer, inner: null };
  const inner = placed(graph, block.key, card);
  return {
    key: block.key,
    isContainer,
    inner,
    width: Math.max(card.width, inner.width + 2 * PAD),
    height: card.head + inner.height + PAD,
  };
}

/** Each block one layer below the lowest of those it comes after. Blocks on a cycle, which no valid graph has, go last. */
function layers(members, edges) {
  const rank = new Map(members.map((block) => [block.key, 0]));
  const waiting = new Map(members.map((block) => [block.key, edges.filter((edge) => edge.to === block.key).length]));
  const ready = members.filter((block) => !waiting.get(block.key)).map((block) => block.key);
  for (const key of ready) {
    for (const edge of edges.filter((one) => one.from === key)) {
      rank.set(edge.to, Math.max(rank.get(edge.to), rank.get(key) + 1));
      waiting.set(edge.to, waiting.get(edge.to) - 1);
      if (!waiting.get(edge.to)) ready.push(edge.to);
    }
  }
  const rows = [];
  for (const [key, at] of rank) (rows[at] ||= []).push(key);
  return rows.filter(Boolean);
}

/** Edges that pass layers get a lane in each of them, so that they run beside the cards there; the edges piece by piece. */
function passing(rows, edges, boxes) {
  const at = new Map(rows.flatMap((row, number) => row.map((key) => [key, number])));
  return edges.flatMap((edge) => {
    const stops = [edge.from];
    for (let layer = at.get(edge.from) + 1; layer < at.get(edge.to); layer += 1) {
      const key = `${laneOf(edge)} ${layer}`;
      rows[layer].push(key);
      boxes.set(key, { key, width: LANE, height: 0, lane: laneOf(edge) });
      stops.push(key);
    }
    return [...stops.slice(1), edge.to].map((to, number) => ({ from: stops[number], to }));
  });
}

const laneOf = (edge) => `${edge.from} ${edge.handle || "source"} ${edge.to}`;

/** Within a layer, each block near those it comes from, so that few edges cross. */
function ordered(rows, edges) {
  const place = new Map();
  for (const row of rows) {
    const wish = new Map(
      row.map((key, at) => {
        const before = edges
          .filter((edge) => edge.to === key && place.has(edge.from))
          .map((edge) => place.get(edge.from));
        return [key, before.length ? before.reduce((sum, x) => sum + x, 0) / before.length : at / row.length];
      }),
    );
    row.sort((a, b) => wish.get(a) - wish.get(b));
    row.forEach((key, at) => place.set(key, (at + 0.5) / row.length));
  }
  return rows;
}

function flatten(inner, left, top, nodes, lanes, card) {
  for (const { key, width, height, isContainer, lane, ...box } of inner.boxes) {
    const [x, y] = [left + box.x, top + box.y];
    if (lane) lanes.set(lane, [...(lanes.get(lane) || []), { x: x + width / 2, from: y, to: y + height }]);
    else nodes.set(key, { key, width, height, isContainer, x, y });
    if (box.inner) flatten(box.inner, x + (width - box.inner.width) / 2, y + card.head, nodes, lanes, card);
  }
}

function drawn(nodes, lanes, edge) {
  const [from, to] = [nodes.get(edge.from), nodes.get(edge.to)];
  const start = { x: from.x + from.width / 2, y: from.y + from.height };
  const via = lanes.get(laneOf(edge)) || [];
  let [path, here] = [`M${start.x} ${start.y}`, start];
  for (const lane of [...via, { x: to.x + to.width / 2, from: to.y, to: to.y }]) {
    const bend = Math.max(18, (lane.from - here.y) / 2);
    path += `C${here.x} ${here.y + bend} ${lane.x} ${lane.from - bend} ${lane.x} ${lane.from}${lane.to === lane.from ? "" : `V${lane.to}`}`;
    here = { x: lane.x, y: lane.to };
  }
  const first = via[0] || { x: here.x, from: here.y };
  return { path, label: { x: (start.x + first.x) / 2, y: (start.y + first.from) / 2 } };
}

/**
 * The card that an arrow key leads to: the nearest one in that direction, seen from the head of this one.
 * @param {Map<string, Node>} nodes @param {string} key @param {string} arrow "ArrowDown" …
 */
export function neighbour(nodes, key, arrow) {
  const head = (node) => ({ x: node.x + node.width / 2, y: node.y + CARD.height / 2 });
  const here = head(nodes.get(key));
  const [dx, dy] = { ArrowDown: [0, 1], ArrowUp: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[arrow];
  let best = null;
  let least = Infinity;
  for (const node of nodes.values()) {
    const there = head(node);
    const along = (there.x - here.x) * dx + (there.y - here.y) * dy;
    const aside = Math.abs((there.x - here.x) * dy) + Math.abs((there.y - here.y) * dx);
    const far = along + (dx ? 6 : 2) * aside; // to the sides, the same layer comes first
    if (along > 4 && far < least) [best, least] = [node.key, far];
  }
  return best;
}
