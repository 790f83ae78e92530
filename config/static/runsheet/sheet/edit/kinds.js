// @ts-check
/**
 * What is typed, by column type: the text a value is edited as, and the value a text means. Pure.
 *
 * The server decides. `hint` says what it may object to; only JSON that is none cannot be sent at all (`fault`).
 */
import { Problem } from "../../api.js";

/** @typedef {{value: any, hint?: string, fault?: string}} Meant */

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i;
const GROUPED = /^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$/;
const MONEY = /[\s$€£¥₹]|\b[A-Z]{3}\b/g;
const MOST_SHORT = 120;

/** The text a value is edited as. */
export function toText(column, value) {
  if (value === null || value === undefined) return "";
  if (column.type === "json") return JSON.stringify(value, null, 2);
  if (Array.isArray(value)) return value.join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Whether the field for this text has several lines: Enter then writes one. */
export const isLong = (column, text) =>
  column.type === "json" ||
  (column.type === "text" && Boolean(column.options.long || text.includes("\n") || text.length > MOST_SHORT));

/** What a date's own field takes; "" when the value is none. Times are those of UTC, as they are stored and shown. */
export function toNative(column, value) {
  const found = typeof value === "string" ? /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d)?))?/.exec(value) : null;
  if (!found) return "";
  return column.type === "date" ? found[1] : `${found[1]}T${found[2] || "00:00"}`;
}

/** @returns {Meant} what a text means in a column */
export function fromText(column, text) {
  const trimmed = text.trim();
  if (column.type === "json") return fromJson(trimmed);
  if (column.type === "text") return { value: text || null };
  if (!trimmed) return { value: null };
  switch (column.type) {
    case "number":
      return fromNumber(trimmed, trimmed);
    case "currency":
      return fromNumber(trimmed.replace(MONEY, ""), trimmed);
    case "date":
      return checked(trimmed, /^\d{4}-\d\d-\d\d$/, "Write a date like 2024-12-31.");
    case "datetime":
      return fromMoment(trimmed);
    case "url":
      return checked(trimmed, /^https?:\/\/[^\s/?#]+\.[^\s]+$/i, "Write it like https://example.org/page.");
    case "email":
      return checked(
        trimmed,
        /^[^@\s,;<>"]{1,64}@[^@\s,;<>"]+\.[^@\s,;<>".]{2,63}$/,
        "Write it like name@example.org.",
      );
    default:
      return { value: trimmed };
  }
}

function fromJson(text) {
  if (!text) return { value: null };
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { value: null, fault: `This is not JSON: ${/** @type {Error} */ (error).message}` };
  }
}

/** Digits that a number of JavaScript cannot keep are sent as they are. */
function fromNumber(text, typed) {
  const plain = GROUPED.test(text) ? text.replaceAll(",", "") : text;
  if (!NUMBER.test(plain)) return { value: typed, hint: "Write a number like 1234.5." };
  const value = Number(plain);
  const isKept = Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
  return { value: isKept ? value : typed };
}

function fromMoment(text) {
  const found = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d)?(\.\d{3})?Z?$/.exec(text);
  if (!found) return { value: text, hint: "Write it like 2024-12-31 08:30, in UTC." };
  return { value: `${found[1]}T${found[2]}${found[3] || ":00"}${found[4] || ".000"}Z` };
}

const checked = (text, pattern, hint) => (pattern.test(text) ? { value: text } : { value: text, hint });

/** What the server said about a cell, without the place of the row in the call. */
export function wordsOf(error) {
  if (!(error instanceof Problem)) return "The server could not be reached. Try again.";
  return Object.values(error.errors).flat().join(" ") || error.message;
}
