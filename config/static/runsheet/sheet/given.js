// @ts-check
/**
 * What a table's page comes with, so that its first rows wait for nothing else: `{seq, table, views}`, the latter two
 * as the API answers them. `seq` is where the table's log ended before they were read: its socket goes on from there.
 */

/** That of this table; null where the page has none, or cannot tell its place in the log. @param {string} tableId */
export function given(tableId) {
  const found = document.getElementById("given");
  const told = found && JSON.parse(found.textContent || "null");
  return told?.seq && told.table.id === tableId ? told : null;
}
