// @ts-check
/** Where a column may go: the outputs of a workflow group stay together. Pure; orders are lists of column ids. */

/**
 * The table's order once a column stands beside another, or null when it may not or nothing changes.
 * @param {any} schema @param {string} id @param {string} besideId @param {boolean} isAfter
 */
export function moveBeside(schema, id, besideId, isAfter) {
  const column = schema.column.get(id);
  const beside = schema.column.get(besideId);
  if (id === besideId || (column.group && column.group !== beside.group)) return null;
  if (schema.pinned && schema.pinned.includes(id) !== schema.pinned.includes(besideId)) return null;
  const others = schema.all.filter((each) => each.id !== id);
  const isThere = (each) =>
    beside.group && beside.group !== column.group ? each.group === beside.group : each.id === besideId;
  const place = isAfter ? others.findLastIndex(isThere) + 1 : others.findIndex(isThere);
  const order = [...others.slice(0, place), column, ...others.slice(place)].map((each) => each.id);
  return order.every((each, at) => each === schema.all[at].id) ? null : order;
}

/** The same for one step to the left (-1) or right (1) of where it is shown. */
export function moveStep(schema, id, step) {
  const place = schema.columns.findIndex((column) => column.id === id);
  const beside = place < 0 ? null : schema.columns[place + step];
  return beside ? moveBeside(schema, id, beside.id, step > 0) : null;
}

/**
 * What groups would no longer read, as the server takes away what is not left of them: `[{group, columns}]`, names.
 * @param {any} table as the API shows it @param {string[]} order
 */
export function lostBy(table, order) {
  const at = new Map(order.map((id, place) => [id, place]));
  const names = new Map(table.columns.map((column) => [column.id, column.name]));
  return table.groups.flatMap((group) => {
    const first = Math.min(...group.outputs.map((output) => at.get(output.column)));
    const reads = new Set(
      [...group.depends_on, ...Object.values(group.inputs).map((source) => source.column)].filter(Boolean),
    );
    const lost = [...reads].filter((id) => Number(at.get(id)) >= first).map((id) => names.get(id));
    return lost.length ? [{ group: group.name, columns: lost }] : [];
  });
}
