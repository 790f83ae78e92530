// @ts-check
/** Values as text, by column type; and what counts as empty. Pure. */
import { number } from "../format.js";

/** The hue of each colour a choice may be given (`column_options.py`); 8 is grey. */
const HUES = { grey: 8, red: 7, orange: 2, yellow: 2, green: 5, teal: 1, blue: 4, purple: 6, pink: 3, brown: 2 };
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/** How the formats of `date_format` write year, month and day. */
const DATES = {
  "DD.MM.YYYY": (year, month, day) => `${day}.${month}.${year}`,
  "DD/MM/YYYY": (year, month, day) => `${day}/${month}/${year}`,
  "MM/DD/YYYY": (year, month, day) => `${month}/${day}/${year}`,
  "D MMM YYYY": (year, month, day) => `${day} ${MONTHS[Number(month) - 1]} ${year}`,
};

/** T7: null, "", [], missing, and an unchecked box; 0 is filled. */
export function isEmpty(type, value) {
  if (value === null || value === undefined || value === "") return true;
  if (type === "boolean") return value !== true;
  return Array.isArray(value) && value.length === 0;
}

/** One line of text for a cell. */
export function asText(column, value) {
  if (value === null || value === undefined) return "";
  switch (column.type) {
    case "number":
      return typeof value === "number" ? withDecimals(column, value) : asPlain(value);
    case "currency":
      return asMoney(column, value);
    case "boolean":
      return value === true ? "✓" : value === false ? "" : asPlain(value);
    case "date":
    case "datetime":
      return asMoment(column, value);
    case "json":
      return asPlain(value);
    default:
      return Array.isArray(value) ? value.join(", ") : asPlain(value);
  }
}

/** The whole value, for reading and copying: text as it is, JSON indented. */
export function asWhole(column, value) {
  if (typeof value === "string" || value === null || value === undefined) return value || "";
  return column.type === "json" ? JSON.stringify(value, null, 2) : asText(column, value);
}

/** The hue of a choice: as the column says, else by its place; -1 for what is no choice. */
export function hueOf(column, choice) {
  const given = HUES[(column.options.colours || {})[choice]];
  return given ?? choicesOf(column).indexOf(choice) % 8;
}

/** Whether two values are the same JSON; the database keeps no order of names. */
export const isSame = (one, other) => spelled(one) === spelled(other);

const spelled = (value) =>
  JSON.stringify(value ?? null, (_, part) =>
    part && part.constructor === Object ? Object.fromEntries(Object.entries(part).sort()) : part,
  );

export const isRight = (type) => type === "number" || type === "currency";

/** @returns {string[]} */
export const choicesOf = (column) => column.options.choices || [];

function asPlain(value) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 500 ? `${text.slice(0, 500)}…` : text;
}

function withDecimals(column, value) {
  const digits = column.options.decimals;
  if (digits === undefined) return number(value);
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function asMoney(column, value) {
  if (typeof value !== "number") return asPlain(value);
  const { currency, decimals = 2 } = column.options;
  const digits = {
    minimumFractionDigits: decimals,
    maximumFractionDigits: Math.max(decimals, column.options.decimals === undefined ? 10 : 0),
  };
  return value.toLocaleString("en", currency ? { style: "currency", currency, ...digits } : digits);
}

function asMoment(column, value) {
  const found = typeof value === "string" ? /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d:\d\d))?/.exec(value) : null;
  if (!found) return asPlain(value);
  const [, year, month, day, time] = found;
  const written = DATES[column.options.date_format] || (() => `${year}-${month}-${day}`);
  return column.type === "datetime" && time ? `${written(year, month, day)} ${time}` : written(year, month, day);
}
