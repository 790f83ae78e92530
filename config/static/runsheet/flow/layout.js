// @ts-check
/** Where the cards of a graph stand: layers from top to bottom, containers around what they hold. Pure. */

export const CARD = { width: 196, height: 62 };
const GAP = { x: 28, y: 44 };
const PAD = 16;
const HEAD = 50;

/**
 * @typedef {{key: string, parent?: string|null}} Block
 * @typedef {{from: string, handle?: string, to: string}} Edge
 * @typedef {{key: string, x: number, y: number, width: number, height: number, isContainer: boolean}} Node
 */

/**
 * @param {{blocks: Block[], edges: Edge[]}} graph
 * @returns {{nodes: Map<string, Node>, edges: (Edge & {path: string, label: {x: number, y: number}})[], width: number, height: number}}
 */
export function layout(graph) {
  const inner = placed(graph, null);
  /** @type {Map<string, Node>} */
  const nodes = new Map();
  flatten(inner, 0, 0, nodes);
  const edges = graph.edges.filter((edge) => nodes.has(edge.from) && nodes.has(edge.to)).map((edge) => ({ ...edge, ...drawn(nodes, edge) }));
  return { nodes, edges, width: inner.width, height: inner.height };
}

function placed(graph, parent) {
  const members = graph.blocks.filter((block) => (block.parent || null) === parent);
  const own = new Set(members.map((block) => block.key));
  const edges = graph.edges.filter((edge) => own.has(edge.from) && own.has(edge.to));
  const boxes = new Map(members.map((block) => [block.key, boxOf(graph, block)]));
  const rows = ordered(layers(members, edges), edges).map((keys) => keys.map((key) => boxes.get(key)));
  const widths = rows.map((row) => row.reduce((sum, box) => sum + box.width, GAP.x * (row.length - 1)));
  const width = Math.max(0, ...widths);
  let y = 0;
  rows.forEach((row, at) => {
    let x = (width - widths[at]) / 2;
    for (const box of row) {
      Object.assign(box, { x, y });
      x += box.width + GAP.x;
    }
    y += Math.max(...row.map((box) => box.height)) + GAP.y;
  });
  return { width, height: Math.max(0, y - GAP.y), boxes: [...boxes.values()] };
}

function boxOf(graph, block) {
  const isContainer = graph.blocks.some((other) => other.parent === block.key);
  if (!isContainer) return { key: block.key, ...CARD, isContainer, inner: null };
  const inner = placed(graph, block.key);
  return { key: block.key, isContainer, inner, width: Math.max(CARD.width, inner.width + 2 * PAD), height: HEAD + inner.height + PAD };
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

/** Within a layer, each block near those it comes from, so that few edges cross. */
function ordered(rows, edges) {
  const place = new Map();
  for (const row of rows) {
    const wish = new Map(row.map((key, at) => {
      const before = edges.filter((edge) => edge.to === key && place.has(edge.from)).map((edge) => place.get(edge.from));
      return [key, before.length ? before.reduce((sum, x) => sum + x, 0) / before.length : at / row.length];
    }));
    row.sort((a, b) => wish.get(a) - wish.get(b));
    row.forEach((key, at) => place.set(key, (at + 0.5) / row.length));
  }
  return rows;
}

function flatten(inner, left, top, nodes) {
  for (const box of inner.boxes) {
    const { key, width, height, isContainer } = box;
    nodes.set(key, { key, width, height, isContainer, x: left + box.x, y: top + box.y });
    if (box.inner) flatten(box.inner, left + box.x + (width - box.inner.width) / 2, top + box.y + HEAD, nodes);
  }
}

function drawn(nodes, edge) {
  const from = nodes.get(edge.from);
  const to = nodes.get(edge.to);
  const [x1, y1, x2, y2] = [from.x + from.width / 2, from.y + from.height, to.x + to.width / 2, to.y];
  const bend = Math.max(18, (y2 - y1) / 2);
  return { path: `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`, label: { x: (x1 + x2) / 2, y: (y1 + y2) / 2 } };
}
