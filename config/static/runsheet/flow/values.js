// @ts-check
/** What a form of a block holds: text to value and back, faults to their fields. Pure. */

const isSame = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** An object with some fields set, and without those that are set to undefined. */
export const merged = (object, changes) =>
  Object.fromEntries(Object.entries({ ...object, ...changes }).filter(([, value]) => value !== undefined));

/** JSON where it is some, else the text itself: `3`, `["a"]`, `{{ input.list }}`. */
export function readJson(text) {
  if (!text.trim()) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The text that `readJson` reads as this value. */
export function writeJson(value) {
  if (value === undefined) return "";
  return typeof value === "string" && isSame(readJson(value), value) ? value : JSON.stringify(value, null, 2);
}

/** A number where it is one; anything else as it was typed, for the server to say what is wrong. */
export function readNumber(text) {
  const trimmed = text.trim();
  return trimmed === "" ? undefined : Number.isFinite(Number(trimmed)) ? Number(trimmed) : text;
}

const plain = (value) =>
  value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value);
const readText = (text) => (text === "" ? undefined : text);

/** How a kind of field is read and written: `[read, write]`. */
export const codecOf = (kind) =>
  ({ json: [readJson, writeJson], number: [readNumber, plain] })[kind] || [readText, plain];

/** The text to show: what is being typed as long as it means the value, which `1.` and `{"a":  1}` do. */
export const shownText = (typed, value, [read, write]) =>
  typed !== null && isSame(read(typed), value) ? typed : write(value);

/** A fresh value for a new item of a list or object. */
export function blankOf(field) {
  if (field.variants) return { [field.discriminator]: field.variants[0].value };
  if (field.kind === "select") return field.options[0];
  return { object: {}, list: [] }[field.kind] ?? "";
}

/** The fields inside a field for this value: of the object, of its chosen variant. */
export const fieldsOf = (field, value) =>
  (field.variants ? field.variants.find((one) => one.value === value?.[field.discriminator])?.fields : field.fields) ||
  [];

/**
 * Which fields of a form stand in front, and the rest: those that are needed, set, shown by the example, or choose
 * among few before what is needed.
 */
export function inFront(form, config, example) {
  const needed = form.map((field) => field.required).lastIndexOf(true);
  const isSet = (field) =>
    config[field.name] !== undefined ||
    field.required ||
    (example && field.name in example) ||
    (field.kind === "select" && form.indexOf(field) < needed);
  const front = form.filter(isSet);
  return front.length ? [front, form.filter((field) => !isSet(field))] : [form, []];
}

/**
 * Faults by the field that shows them: the deepest one that the form has on the way to their place.
 * @param {any[]} form @param {any} config
 * @param {{field: string|null, message: string, severity: string}[]} faults of one block
 * @returns {Map<string, string[]>} by path such as `operations.0.when`; under "" what no field shows, under `:key`,
 *   `:parent` … what is not of the config
 */
export function placed(form, config, faults) {
  const found = new Map();
  for (const fault of faults) {
    const [first, ...rest] = (fault.field || "").replace(/\[(\d+)\]/g, ".$1").split(".");
    const beside = first.startsWith("config") || !first ? "" : `:${fault.field}`;
    const at = first === "config" ? deepest(form, config, rest) : beside;
    found.set(at, [...(found.get(at) || []), fault.message]);
  }
  return found;
}

function deepest(form, config, parts) {
  const path = [];
  let [fields, value, rest] = [form, config, parts];
  for (;;) {
    const [name, ...after] = rest;
    const field = fields.find((one) => one.name === name);
    if (!field) return path.join(".");
    path.push(name);
    [value, rest] = [value?.[name], after];
    let inner = field;
    while (["list", "object"].includes(inner.kind) && inner.item && rest.length && value?.[rest[0]] !== undefined) {
      path.push(rest[0]);
      [inner, value, rest] = [inner.item, value[rest[0]], rest.slice(1)];
    }
    fields = fieldsOf(inner, value);
    if (inner.variants && rest[0] === value?.[inner.discriminator]) rest = rest.slice(1);
  }
}
