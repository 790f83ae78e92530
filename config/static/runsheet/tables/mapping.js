// @ts-check
/** Which header of a file fills which column. Pure. */
import { plural } from "../format.js";

export const SKIP = "skip";
export const NEW = "new";

/** What a new column can be, as an import makes it. */
export const TYPES = [
  ["text", "Text"],
  ["number", "Number"],
  ["boolean", "Checkbox"],
  ["date", "Date"],
  ["datetime", "Date and time"],
  ["url", "Link"],
  ["email", "Email"],
  ["json", "JSON"],
];

/** @typedef {{to: string, type: string}} Choice `to`: a column's id, NEW or SKIP; `type`: what a new one would be */

/** What the server suggests; choices made before stay if the header does. @returns {Object<string, Choice>} */
export function choicesOf(preview, before = {}) {
  return Object.fromEntries(
    preview.columns.map(({ header, type }) => {
      const target = preview.mapping[header];
      const to = typeof target === "string" ? target : target ? NEW : SKIP;
      return [header, before[header] || { to, type: target?.type || type }];
    }),
  );
}

/** As the API takes it. @param {Object<string, Choice>} choices */
export function mappingOf(choices) {
  return Object.fromEntries(
    Object.entries(choices).map(([header, { to, type }]) => [
      header,
      to === SKIP ? null : to === NEW ? { name: header, type } : to,
    ]),
  );
}

/**
 * What is wrong by header, before the server is asked.
 * @param {Object<string, Choice>} choices @param {{id: string, name: string}[]} columns
 */
export function faultsOf(choices, columns) {
  const faults = {};
  const taken = new Map();
  for (const [header, { to }] of Object.entries(choices)) {
    if (to === SKIP) continue;
    const same = to === NEW && columns.find((column) => column.name === header);
    if (same) faults[header] = `The table has a column “${same.name}”: choose it, or skip this one.`;
    else if (to !== NEW && taken.has(to)) faults[header] = `“${taken.get(to)}” fills this column already.`;
    taken.set(to, header);
  }
  return faults;
}

/** Columns by which rows can be found: existing ones that are filled. */
export const keysOf = (choices, columns) =>
  columns.filter(({ id }) => Object.values(choices).some(({ to }) => to === id));

/** "3 columns filled, 2 of them new, 1 skipped" @param {Object<string, Choice>} choices */
export function summary(choices) {
  const all = Object.values(choices);
  const skipped = all.filter(({ to }) => to === SKIP).length;
  const made = all.filter(({ to }) => to === NEW).length;
  const parts = [
    `${plural(all.length - skipped, "column")} filled`,
    made && `${made === all.length - skipped ? "all" : `${made} of them`} new`,
    skipped && `${skipped} skipped`,
  ];
  return parts.filter(Boolean).join(", ");
}

/** "eu_prospects-2026.csv" → "eu prospects 2026" */
export const titleOf = (filename) =>
  filename
    .replace(/\.[^.]+$/, "")
    .replace(/[_-]+/g, " ")
    .trim();

/**
 * The beginning of a text file up to a line's end, which is all a preview needs. Workbooks are needed whole.
 * @param {File} file
 */
export async function beginningOf(file, most = 512 * 1024) {
  if (file.size <= most) return file;
  const bytes = new Uint8Array(await file.slice(0, most).arrayBuffer());
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) return file; // PK: a workbook
  const isWide = bytes[0] + bytes[1] === 0x1fd; // UTF-16: the byte beside the line feed belongs to it
  const end = bytes.lastIndexOf(10);
  if (end < 0) return file;
  return new File([bytes.slice(0, isWide ? (end | 1) + 1 : end + 1)], file.name, { type: file.type });
}
