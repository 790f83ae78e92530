// @ts-check
/**
 * The conditions people put a filter together from, and the API's filter they mean. Pure.
 *
 * A draft is `{word: "all"|"any", items}`, an item a condition `{field, op, value}` or, one level deep, a draft. A
 * field is `column:<id>` or `group:<id>`; the latter asks for the status of a workflow group's cells.
 */

const PARTS = ["contains", "not_contains", "starts_with", "ends_with"];
const NUMBER = ["eq", "ne", "gt", "gte", "lt", "lte", "between"];
const DAYS = ["eq", "before", "after", "between", "today", "yesterday", "tomorrow", "last_days", "next_days"];
const EMPTINESS = ["is_empty", "not_empty"];

/** What can be asked of a column, by its type; the first is the usual one. */
export const OPERATORS = {
  text: [...PARTS, "eq", "ne", "in", "not_in", ...EMPTINESS],
  url: [...PARTS, ...EMPTINESS],
  email: [...PARTS, ...EMPTINESS],
  number: [...NUMBER, ...EMPTINESS],
  currency: [...NUMBER, ...EMPTINESS],
  boolean: ["eq"],
  date: [...DAYS, ...EMPTINESS],
  datetime: [...DAYS, ...EMPTINESS],
  select: ["eq", "ne", "in", "not_in", ...EMPTINESS],
  multi_select: ["any_of", "all_of", "none_of", ...EMPTINESS],
  json: ["contains", "not_contains", ...EMPTINESS],
};
const GROUP_OPERATORS = ["is", "is_not", "error"];

const WORDS = {
  contains: "contains",
  not_contains: "does not contain",
  eq: "is",
  ne: "is not",
  starts_with: "begins with",
  ends_with: "ends with",
  in: "is one of",
  not_in: "is none of",
  gt: "is more than",
  gte: "is at least",
  lt: "is less than",
  lte: "is at most",
  between: "is between",
  before: "is before",
  after: "is after",
  today: "is today",
  yesterday: "is yesterday",
  tomorrow: "is tomorrow",
  last_days: "is in the last",
  next_days: "is in the next",
  any_of: "has any of",
  all_of: "has all of",
  none_of: "has none of",
  is_empty: "is empty",
  not_empty: "is not empty",
  is: "is",
  is_not: "is not",
  error: "failed with the code",
};
export const wordsOf = (op) => WORDS[op];

/** What a cell's status may be asked for: `[value, word, statuses of the API]`. */
export const STATUSES = [
  ["none", "Never run", ["none"]],
  ["queued", "Queued", ["pending", "queued"]],
  ["running", "Running", ["running"]],
  ["paused", "Waiting", ["paused"]],
  ["completed", "Done", ["completed"]],
  ["failed", "Failed", ["failed"]],
  ["cancelled", "Cancelled", ["cancelled"]],
  ["outdated", "Made by an older version", ["outdated"]],
  ["stale", "Stale", ["stale"]],
];

const NO_VALUE = new Set([...EMPTINESS, "today", "yesterday", "tomorrow"]);
const MANY = new Set(["in", "not_in", "any_of", "all_of", "none_of"]);

/** What is asked about: `{type, choices, operators}`, type "group" for a workflow group; null when it is gone. */
export function fieldOf(field, schema) {
  const [kind, id] = field.split(":");
  if (kind === "group") return schema.group.has(id) ? { type: "group", choices: [], operators: GROUP_OPERATORS } : null;
  const column = schema.column.get(id);
  if (!column) return null;
  const { type, options } = column;
  return { type, choices: options.choices || [], operators: OPERATORS[type] || EMPTINESS };
}

/** How a value is given: none, text, number, days, date, checked, choice, choices, list, status, numbers or dates. */
export function kindOf(type, op) {
  if (type === "group") return op === "error" ? "text" : "status";
  if (NO_VALUE.has(op)) return "none";
  if (op === "last_days" || op === "next_days") return "days";
  if (type === "boolean") return "checked";
  if (type === "select" || type === "multi_select") return MANY.has(op) ? "choices" : "choice";
  const one = { number: "number", currency: "number", date: "date", datetime: "date" }[type] || "text";
  if (op === "between") return one === "date" ? "dates" : "numbers";
  return MANY.has(op) ? "list" : one;
}

/** A new condition on a field, or the same condition under another operator: a value that fits stays. */
export function conditionOn(field, schema, op = "", value = undefined) {
  const { type, operators } = /** @type {any} */ (fieldOf(field, schema));
  const chosen = op || operators[0];
  const kind = kindOf(type, chosen);
  if (kind === "none") return { field, op: chosen, value: undefined };
  const starts = { checked: true, status: "failed", choices: [], numbers: ["", ""], dates: ["", ""] };
  const start = starts[kind] ?? "";
  const isAlike = typeof value === typeof start && Array.isArray(value) === Array.isArray(start);
  return { field, op: chosen, value: isAlike ? value : start };
}

/** The API's filter of a draft, or null when no condition is complete. */
export function filterOf(draft, schema) {
  const parts = draft.items.map((item) => (item.items ? filterOf(item, schema) : leafOf(item, schema))).filter(Boolean);
  return parts.length ? { [draft.word]: parts } : null;
}

function leafOf({ field, op, value }, schema) {
  const found = fieldOf(field, schema);
  if (!found) return null;
  const id = field.split(":")[1];
  const kind = kindOf(found.type, op);
  if (kind === "status") {
    const leaf = { group: id, status: STATUSES.find(([name]) => name === value)?.[2] };
    return op === "is_not" ? { not: leaf } : leaf;
  }
  const sent = sentAs(kind, value);
  if (sent === undefined) return null;
  if (found.type === "group") return { group: id, error: sent };
  return kind === "none" ? { column: id, op } : { column: id, op, value: sent };
}

/** A value as the API takes it; undefined while it is not complete. */
function sentAs(kind, value) {
  const isText = (text) => typeof text === "string" && text.trim() !== "";
  const asNumber = (text) => (isText(text) && Number.isFinite(Number(text)) ? Number(text) : undefined);
  switch (kind) {
    case "none":
      return null;
    case "checked":
      return value;
    case "choices":
      return value.length ? value : undefined;
    case "number":
      return asNumber(value);
    case "days":
      return Number.isInteger(asNumber(value)) && Number(value) > 0 ? Number(value) : undefined;
    case "list":
      return isText(value) ? partsOf(value) : undefined;
    case "numbers":
      return value.map(asNumber).includes(undefined) ? undefined : value.map(Number);
    case "dates":
      return value.every(isText) ? value : undefined;
    default:
      return isText(value) ? value : undefined;
  }
}

const partsOf = (text) =>
  text
    .split(",")
    .map((one) => one.trim())
    .filter(Boolean);

/** The draft of a filter, or null when it says more than a draft can. */
export function draftOf(filter, schema) {
  if (!filter || !Object.keys(filter).length) return { word: "all", items: [] };
  const root = groupOf(filter, schema, true);
  if (root) return root;
  const leaf = conditionOf(filter, schema);
  return leaf && { word: "all", items: [leaf] };
}

function groupOf(node, schema, isRoot) {
  const [word, inner] = Object.entries(node)[0];
  if (!["all", "any"].includes(word) || !Array.isArray(inner)) return null;
  const items = inner.map((each) => conditionOf(each, schema) || (isRoot ? groupOf(each, schema, false) : null));
  return items.includes(null) ? null : { word, items };
}

function conditionOf(node, schema) {
  const leaf = node.not && node.not.status ? node.not : node;
  const field = leaf.group ? `group:${leaf.group}` : `column:${leaf.column}`;
  const found = leaf.group || leaf.column ? fieldOf(field, schema) : null;
  if (!found) return null;
  if (leaf.status) {
    const asked = [].concat(leaf.status).join();
    const status = STATUSES.find(([, , names]) => names.join() === asked);
    return status ? { field, op: node.not ? "is_not" : "is", value: status[0] } : null;
  }
  const op = leaf.error ? "error" : leaf.op || "eq";
  const value = leaf.error || leaf.value;
  const shown = shownAs(kindOf(found.type, op), value);
  return found.operators.includes(op) && shown !== null ? { field, op, value: shown } : null;
}

const arrayOf = (value) => (Array.isArray(value) ? value : null);

/** A value of the API as an input holds it; null when it cannot. */
function shownAs(kind, value) {
  const asText = (one) => (typeof one === "string" || typeof one === "number" ? String(one) : null);
  if (kind === "none") return undefined;
  if (kind === "checked") return typeof value === "boolean" ? value : null;
  if (kind === "choices") return Array.isArray(value) || !asText(value) ? arrayOf(value) : [value];
  if (kind === "numbers" || kind === "dates") return arrayOf(value)?.length === 2 ? value.map(String) : null;
  if (kind !== "list") return asText(value);
  const isPlain = arrayOf(value)?.every((one) => asText(one) && !String(one).includes(","));
  return isPlain ? value.join(", ") : null;
}
