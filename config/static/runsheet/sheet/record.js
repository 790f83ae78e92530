// @ts-check
/** One row as the browser has it: what the server says of its cells, and which of two words is the newer. */

/** What the server foretells about cells (T36) stands in `row.told`, so that `row.cells` holds records alone. */
export function setApart(row) {
  row.told = {};
  for (const [group, cell] of Object.entries(row.cells)) {
    if (cell.version === 0) {
      row.told[group] = cell;
      delete row.cells[group];
    } else if (cell.ahead) row.told[group] = cell.ahead;
  }
}

/** A row as it was answered; of its cells those that are no older than what is shown. */
export function mend(row, { cells, ...answered }) {
  const newer = Object.entries(cells).filter(([group, cell]) => !(row.cells[group]?.version > cell.version));
  Object.assign(row, answered, { cells: { ...row.cells, ...Object.fromEntries(newer) } });
}

/** Apply one cell event to a row unless the row shows something newer. Returns whether it did. */
export function admit(row, event) {
  if (event.answered) return mend(row, event.answered);
  const known = row.cells[event.group];
  if (known && event.version < known.version) return false;
  const { kind, row: id, group, data, ...cell } = event;
  row.cells = { ...row.cells, [group]: cell };
  if (row.told) delete row.told[group];
  if (data) row.data = { ...row.data, ...data };
  return true;
}
