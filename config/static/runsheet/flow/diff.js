// @ts-check
/** Two definitions side by side: blocks that were added, removed, changed, and in which fields. Pure. */

const leaves = (value, path, found) => {
  if (value && typeof value === "object" && Object.keys(value).length)
    for (const [name, each] of Object.entries(value)) leaves(each, path ? `${path}.${name}` : name, found);
  else if (value !== undefined) found.set(path, value);
  return found;
};

/** Drawn or not, these mean the same. */
const meaning = ({ key, position, ...block }) => ({
  ...block,
  name: block.name || undefined,
  enabled: block.enabled === false ? false : undefined,
  parent: block.parent || undefined,
});
const arrow = ({ from, handle, to }) => `${from}${handle && handle !== "source" ? `:${handle}` : ""} → ${to}`;

/** @returns {{path: string, before?: any, after?: any}[]} */
function fieldsDiffer(before, after) {
  const [a, b] = [leaves(before, "", new Map()), leaves(after, "", new Map())];
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((path) => JSON.stringify(a.get(path)) !== JSON.stringify(b.get(path)))
    .map((path) => ({ path, before: a.get(path), after: b.get(path) }));
}

/**
 * @param {any} before @param {any} after definitions
 * @returns {{blocks: {kind: "added"|"removed"|"changed", key: string, name: string, fields: any[]}[],
 *   edges: {kind: "added"|"removed", text: string}[]}}
 */
export function definitionsDiffer(before, after) {
  const [a, b] = [before, after].map((one) => new Map(one.blocks.map((block) => [block.key, block])));
  const [c, d] = [before, after].map((one) => new Set(one.edges.map(arrow)));
  const blocks = [...new Set([...a.keys(), ...b.keys()])].map((key) => {
    const kind = !a.has(key) ? "added" : !b.has(key) ? "removed" : "changed";
    return {
      kind,
      key,
      name: (b.get(key) || a.get(key)).name || key,
      fields: kind === "changed" ? fieldsDiffer(meaning(a.get(key)), meaning(b.get(key))) : [],
    };
  });
  return {
    blocks: /** @type {any} */ (blocks.filter((block) => block.kind !== "changed" || block.fields.length)),
    edges: [
      ...[...d].filter((text) => !c.has(text)).map((text) => ({ kind: /** @type {const} */ ("added"), text })),
      ...[...c].filter((text) => !d.has(text)).map((text) => ({ kind: /** @type {const} */ ("removed"), text })),
    ],
  };
}
