// @ts-check
/** What a filter asks about. Pure. */

/** How many conditions a filter has. */
export const countOf = (node) => leavesOf(node).length;

/** The columns' and groups' ids that a filter asks about. */
export const askedOf = (node) => new Set(leavesOf(node).map((leaf) => leaf.column || leaf.group));

function leavesOf(node) {
  if (!node || typeof node !== "object") return [];
  if (Array.isArray(node)) return node.flatMap(leavesOf);
  return node.column || node.group ? [node] : Object.values(node).flatMap(leavesOf);
}

/** Whether everything a filter asks about is there, its choices too; what is not would be refused by the server. */
export function isAbout(node, schema) {
  return leavesOf(node).every((leaf) => {
    if (leaf.group) return schema.group.has(leaf.group);
    const column = schema.column.get(leaf.column);
    const choices = column?.options.choices;
    return column && (!choices || [].concat(leaf.value ?? []).every((one) => choices.includes(one)));
  });
}
