// @ts-check
/** The table's columns and workflow groups as the grid uses them. Pure. */

const WIDTHS = {
  number: 110,
  currency: 110,
  boolean: 84,
  date: 110,
  datetime: 150,
  select: 132,
  multi_select: 180,
  json: 240,
  email: 200,
  url: 210,
  text: 200,
};
export const HUES = 8;
export const NUMBER_WIDTH = 52;
/** How tall rows are, by the name a layout has for it. */
export const ROW_HEIGHTS = { compact: 28, normal: 34, tall: 56 };

/**
 * @param {any} table as `GET /tables/{t}/` shows it
 * @returns {{columns: any[], all: any[], pins: number, pinned: string[]|null, rowHeight: number, groups: any[],
 *   group: Map<string, any>, column: Map<string, any>, locks: string[]}}
 *   `columns` are those shown, the first `pins` of them pinned, `all` the table's in its order; each `{id, key, name,
 *   type, options, width, group}`; groups `{id, name, hue, auto_run, conditional, outputs, depends}`, outputs and
 *   depends being columns. Unless the layout says what is pinned, the first column is.
 */
export function schemaOf(table) {
  const layout = table.layout || {};
  const widths = layout.widths || {};
  const hidden = new Set(layout.hidden || []);
  const all = table.columns.map((column) => ({
    ...column,
    group: column.group || null,
    options: column.options || {},
    width: widths[column.id] || WIDTHS[column.type] || WIDTHS.text,
  }));
  const shown = all.filter((column) => !hidden.has(column.id));
  const pinned = new Set(layout.pinned || shown.slice(0, 1).map((column) => column.id));
  const first = shown.filter((column) => pinned.has(column.id));
  const byId = new Map(all.map((column) => [column.id, column]));
  const byKey = new Map(all.map((column) => [column.key, column]));
  const groups = table.groups.map((group, place) => ({
    id: group.id,
    name: group.name,
    auto_run: group.auto_run,
    conditional: Boolean(group.condition),
    hue: place % HUES,
    depends: (group.depends_on || []).map((named) => byId.get(named) || byKey.get(named)).filter(Boolean),
    outputs: all.filter((column) => column.group === group.id),
  }));
  return {
    columns: [...first, ...shown.filter((column) => !pinned.has(column.id))],
    all,
    pins: first.length,
    pinned: layout.pinned || null,
    rowHeight: ROW_HEIGHTS[layout.row_height] || ROW_HEIGHTS.normal,
    groups,
    group: new Map(groups.map((group) => [group.id, group])),
    column: byId,
    locks: table.locks || [],
  };
}

/** Neighbouring columns of one workflow group, as bands of the upper header: `{group, from, to}` (`to` exclusive). */
export function bandsOf(columns) {
  const bands = [];
  columns.forEach((column, place) => {
    const last = bands.at(-1);
    if (last && last.group === column.group) last.to = place + 1;
    else bands.push({ group: column.group, from: place, to: place + 1 });
  });
  return bands;
}
