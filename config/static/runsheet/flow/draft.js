// @ts-check
/** What can be done with a definition: every function answers a new one. Pure. */
import { merged } from "./values.js";

/**
 * @typedef {{key: string, type: string, name?: string, config?: any, retry?: any, timeout_seconds?: number|null,
 *   enabled?: boolean, parent?: string|null}} Block
 * @typedef {{from: string, handle?: string, to: string}} Edge
 * @typedef {{blocks: Block[], edges: Edge[]}} Definition
 */

const PREFIX = { cases: "case-", routes: "route-" };

export const handleOf = (edge) => edge.handle || "source";
export const blockOf = (definition, key) => definition.blocks.find((block) => block.key === key);
export const titleOf = (block) => block.name || block.key;
const parentOf = (block) => block?.parent || null;
const same = (a, b) => a.from === b.from && handleOf(a) === handleOf(b) && a.to === b.to;

/** A draft may be any JSON: what of it can be drawn. @returns {Definition} */
export function drawable(draft) {
  const listed = (name, fields) =>
    (draft && Array.isArray(draft[name]) ? draft[name] : []).filter(
      (each) => each && fields.every((field) => typeof each[field] === "string"),
    );
  return { ...draft, blocks: listed("blocks", ["key", "type"]), edges: listed("edges", ["from", "to"]) };
}

/** The ports of a block, with those that its edges use; `error` comes last. */
export function handlesOf(definition, block, type) {
  const config = block.config || {};
  const keyed = Object.entries(PREFIX).flatMap(([field, prefix]) =>
    (Array.isArray(config[field]) ? config[field] : []).map((each) => each?.key && prefix + each.key),
  );
  const isPlain = !type || (type.type === "cache" && config.operation && config.operation !== "get");
  const own = isPlain ? ["source"] : type.handles;
  const used = definition.edges.filter((edge) => edge.from === block.key).map(handleOf);
  const all = new Set([
    ...keyed.filter(Boolean),
    ...[...own].sort((a, b) => Number(b === "true") - Number(a === "true")),
    ...used,
  ]);
  all.delete("error");
  return type && !type.handles.length ? [] : [...all, "error"];
}

/** The containers around a block, from the inside out. @returns {Block[]} */
export function around(definition, key) {
  const found = new Set();
  let at = blockOf(definition, parentOf(blockOf(definition, key)));
  for (; at && !found.has(at); at = blockOf(definition, parentOf(at))) found.add(at);
  return [...found];
}

/** Blocks that lead to this one in its scope, and to the containers around it. @returns {Set<string>} */
function before(definition, key) {
  const found = new Set();
  const waiting = [key, ...around(definition, key).map((container) => container.key)];
  for (const one of waiting) {
    const from = definition.edges.filter((edge) => edge.to === one && !found.has(edge.from)).map((edge) => edge.from);
    from.forEach((each) => found.add(each));
    waiting.push(...from);
  }
  return found;
}

/** Whether a block may be joined to another: in the same scope, and no circle comes of it. */
export function mayConnect(definition, from, to) {
  const [a, b] = [blockOf(definition, from), blockOf(definition, to)];
  return Boolean(a && b) && from !== to && parentOf(a) === parentOf(b) && !before(definition, from).has(to);
}

/** @param {Definition} definition */
export function connect(definition, from, handle, to) {
  const edge = { from, ...(handle !== "source" && { handle }), to };
  return definition.edges.some((one) => same(one, edge))
    ? definition
    : { ...definition, edges: [...definition.edges, edge] };
}

/** @param {Definition} definition */
export const disconnect = (definition, edge) => ({
  ...definition,
  edges: definition.edges.filter((one) => !same(one, edge)),
});

/** A key nobody has: `http`, `http_2` … */
function freeKey(definition, wish) {
  const taken = new Set(definition.blocks.map((block) => block.key));
  const stem = wish.replace(/\W/g, "_").replace(/^(?=\d)/, "_") || "block";
  let key = stem;
  for (let n = 2; taken.has(key); n += 1) key = `${stem}_${n}`;
  return key;
}

/**
 * Add a block: after another, between it and what followed there; or inside a container; or alone.
 * @param {Definition} definition
 * @param {any} type as GET /blocks/ describes it
 * @param {{after?: string, handle?: string, parent?: string|null}} place
 * @returns {[Definition, string]} with the new block's key
 */
export function addBlock(definition, type, { after, handle = "source", parent = null }) {
  const key = freeKey(definition, type.type);
  const within = after ? parentOf(blockOf(definition, after)) : parent;
  const picks = type.config_form
    .filter((field) => field.required && field.kind === "select")
    .map((field) => [field.name, field.options[0]]);
  const config = Object.fromEntries(picks);
  const block = { key, type: type.type, name: "", config, ...(within && { parent: within }) };
  const grown = { ...definition, blocks: [...definition.blocks, block] };
  if (!after || type.entry || (!type.handles.length && !type.handles_vary)) return [grown, key];
  const onward = type.handles.includes("source") || !type.handles.length ? "source" : [...type.handles].sort().pop();
  const edges = definition.edges.map((edge) =>
    edge.from === after && handleOf(edge) === handle
      ? { from: key, ...(onward !== "source" && { handle: onward }), to: edge.to }
      : edge,
  );
  return [connect({ ...grown, edges }, after, handle, key), key];
}

/** Take a block away with all it contains; what led to it leads on to what followed it. */
export function removeBlock(definition, key) {
  const gone = new Set([key]);
  for (let size = 0; size !== gone.size;) {
    size = gone.size;
    for (const block of definition.blocks) if (block.parent && gone.has(block.parent)) gone.add(block.key);
  }
  const rest = {
    blocks: definition.blocks.filter((block) => !gone.has(block.key)),
    edges: definition.edges.filter((edge) => !gone.has(edge.from) && !gone.has(edge.to)),
  };
  const inward = definition.edges.filter((edge) => edge.to === key && !gone.has(edge.from));
  const onward = definition.edges.filter(
    (edge) => edge.from === key && handleOf(edge) !== "error" && !gone.has(edge.to),
  );
  let healed = { ...definition, ...rest };
  if (new Set(onward.map(handleOf)).size > 1) return healed;
  for (const edge of inward) for (const next of onward) healed = connect(healed, edge.from, handleOf(edge), next.to);
  return healed;
}

/** Put a block into a container, or out of all; its edges would cross the wall, so they go. */
export function moveBlock(definition, key, parent) {
  const freed = { ...definition, edges: definition.edges.filter((edge) => edge.from !== key && edge.to !== key) };
  return changeBlock(freed, key, { parent: parent || undefined });
}

/** Change fields of a block; `undefined` takes a field away. @param {Definition} definition */
export function changeBlock(definition, key, changes) {
  const changed = (block) => (block.key === key ? /** @type {Block} */ (merged(block, changes)) : block);
  return { ...definition, blocks: definition.blocks.map(changed) };
}

/** Give a block another key, wherever it is spoken of. @param {Definition} definition */
export function renameBlock(definition, old, key) {
  const dotted = new RegExp(`\\bblocks\\.${old}(?![\\w-])|\\bblocks\\[(["'])${old}\\1\\]`, "g");
  const written = /^[A-Za-z_]\w*$/.test(key) ? `blocks.${key}` : `blocks['${key}']`;
  const told = (value) => {
    if (typeof value === "string") return value.replace(dotted, written);
    if (Array.isArray(value)) return value.map(told);
    return value && typeof value === "object"
      ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, told(each)]))
      : value;
  };
  const end = (name) => (name === old ? key : name);
  return {
    ...definition,
    blocks: definition.blocks.map((block) => ({
      ...block,
      key: end(block.key),
      ...(block.parent && { parent: end(block.parent) }),
      ...(block.config && { config: told(block.config) }),
    })),
    edges: definition.edges.map((edge) => ({ ...edge, from: end(edge.from), to: end(edge.to) })),
  };
}

/** The inputs that the definition declares, by name; null when any will do. @param {Definition} definition */
export function inputsOf(definition, types) {
  const entry = definition.blocks.find((block) => types.get(block.type)?.entry);
  const inputs = entry?.config?.inputs;
  return inputs && typeof inputs === "object" ? inputs : null;
}

const IN_A_LOOP = Object.entries({ item: "this turn", index: "from 0" });

/** What a block's templates may speak of, nearest first: `[text, note]`. */
export function namesFor(definition, key, types, { secrets = [], roots = [] } = {}) {
  const containers = around(definition, key);
  const inside = containers.flatMap((container) => [
    [`blocks.${container.key}.item`, titleOf(container)],
    [`blocks.${container.key}.previous`, titleOf(container)],
  ]);
  const earlier = before(definition, key);
  const outputs = definition.blocks
    .filter((each) => earlier.has(each.key) && !types.get(each.type)?.entry)
    .flatMap((each) => {
      const schema = types.get(each.type)?.output_schema.properties || {};
      const fields = each.type === "set" ? Object.keys(each.config?.fields || {}) : Object.keys(schema);
      return ["", ...fields].map((field) => [`blocks.${each.key}${field && `.${field}`}`, titleOf(each)]);
    });
  const inputs = Object.entries(inputsOf(definition, types) || {});
  return [
    ...roots.map((root) => [root, "here"]),
    ...(containers.length ? IN_A_LOOP : []),
    ...inputs.map(([name, input]) => [`input.${name}`, input?.type || "any"]),
    ...outputs,
    ...inside,
    ...secrets.map((name) => [`secrets.${name}`, "secret"]),
    ["row", "the table's row"],
    ["run.id", "run"],
  ];
}

/** One line that says what a block is set to. */
export function lineOf(block, type) {
  const config = block.config || {};
  const fields = [...(type?.config_form || [])].sort((a, b) => Number(b.required) - Number(a.required));
  const said = fields.map((field) => inShort(config[field.name])).find(Boolean);
  return config.method && config.url ? `${config.method} ${config.url}` : said || "";
}

function inShort(value) {
  if (typeof value === "string" || typeof value === "number") return String(value);
  if (!value || typeof value !== "object") return "";
  if (!Array.isArray(value)) return Object.keys(value).join(", ");
  return value
    .map((each) => (each && typeof each === "object" ? each.key || each.op || each.name || "…" : each))
    .join(", ");
}
