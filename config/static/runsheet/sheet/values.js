// @ts-check
/** Values as text, by column type; and what counts as empty. Pure. */
import { number } from "../format.js";

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
    case "number": return typeof value === "number" ? number(value) : String(value);
    case "currency": return asMoney(column, value);
    case "boolean": return value === true ? "✓" : "";
    case "datetime": return asInstant(value);
    case "select": return optionName(column, value);
    case "multi-select": return Array.isArray(value) ? value.map((one) => optionName(column, one)).join(", ") : asPlain(value);
    default: return asPlain(value);
  }
}

/** The hue of a select option, or -1. */
export function optionHue(column, value) {
  const place = choices(column).findIndex((choice) => choice === value || choice.id === value || choice.name === value);
  return place < 0 ? -1 : place % 8;
}

export const isRight = (type) => type === "number" || type === "currency";

const choices = (column) => column.options.choices || column.options.options || [];

function optionName(column, value) {
  const found = choices(column).find((choice) => choice.id === value);
  return found && found.name ? found.name : asPlain(value);
}

function asPlain(value) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 500 ? `${text.slice(0, 500)}…` : text;
}

function asMoney(column, value) {
  if (typeof value !== "number") return String(value);
  const currency = column.options.currency;
  try {
    return value.toLocaleString("en", currency ? { style: "currency", currency } : { minimumFractionDigits: 2 });
  } catch {
    return `${number(value)} ${currency}`;
  }
}

function asInstant(value) {
  const found = typeof value === "string" ? /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)/.exec(value) : null;
  return found ? `${found[1]} ${found[2]}` : String(value);
}
