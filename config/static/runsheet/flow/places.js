// @ts-check
/** Cards by their places: which container holds which, and where arrow keys lead. Pure. */

/** The size of a card, and how much of a container its head takes. */
export const CARD = { width: 196, height: 62, head: 50 };

/** @typedef {{key: string, x: number, y: number, width: number, height: number, isContainer: boolean}} Node */

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
