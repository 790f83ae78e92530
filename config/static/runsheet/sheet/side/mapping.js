// @ts-check
/** A workflow group as its form has it, and as the API takes it; what a workflow takes and gives. Pure. */

export const KINDS = [
  ["column", "Column"],
  ["expression", "Expression"],
  ["value", "Fixed value"],
];

/** @param {any} group as the API shows it, or null for a new one */
export function valuesOf(group) {
  const retry = group?.retry;
  const limits = group?.limits || {};
  return {
    name: group?.name || "",
    workflow: group?.workflow || "",
    ref: group?.ref || "live",
    inputs: Object.entries(group?.inputs || {}).map(([name, source]) => inputOf(name, source)),
    outputs: (group?.outputs || []).map(({ path, column }) => ({ path, column, name: "", type: "text" })),
    depends: group?.depends_on || [],
    condition: group?.condition || "",
    auto_run: group?.auto_run || false,
    attempts: text(retry?.max_attempts),
    delay: text(retry?.delay_seconds),
    timeout: text(group?.timeout_seconds),
    concurrency: text(limits.concurrency),
    rate: text(limits.rate?.count),
    per: text(limits.rate?.per_seconds ?? (limits.rate ? 60 : "")),
  };
}

const text = (value) => (value === null || value === undefined ? "" : String(value));

export function inputOf(name, source) {
  const kind = source ? Object.keys(source)[0] : "column";
  const held = source ? source[kind] : "";
  return {
    name,
    kind,
    held,
    column: kind === "column" ? held : "",
    expression: kind === "expression" ? held : "",
    value: kind === "value" ? asTyped(held) : "",
  };
}

const asTyped = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/** What was typed as a fixed value: JSON where the input is no text and it reads as JSON, else the text. */
function fixed({ value, held }, type) {
  if (value === asTyped(held)) return held;
  if (type === "text") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/**
 * @param {any} values
 * @param {any} stored the group's stored `retry`, whose other members stay
 * @param {any} declared inputs by name
 */
export function bodyOf(values, stored = null, declared = null) {
  const inputs = values.inputs.filter((one) => one.name && one[one.kind]);
  const source = (one) => (one.kind === "value" ? fixed(one, declared?.[one.name]?.type) : one[one.kind]);
  const outputs = values.outputs.filter((one) => one.path);
  const column = (one) => one.column || { name: one.name.trim(), type: one.type };
  const delay = values.delay && { delay_seconds: Number(values.delay) };
  return {
    name: values.name.trim(),
    workflow: values.workflow,
    ref: values.ref,
    condition: values.condition.trim(),
    auto_run: values.auto_run,
    depends_on: values.depends,
    inputs: Object.fromEntries(inputs.map((one) => [one.name, { [one.kind]: source(one) }])),
    outputs: outputs.map((one) => ({ path: one.path.trim(), column: column(one) })),
    retry: values.attempts ? { ...stored, max_attempts: Number(values.attempts), ...delay } : null,
    timeout_seconds: values.timeout ? Number(values.timeout) : null,
    limits: {
      ...(values.concurrency && { concurrency: Number(values.concurrency) }),
      ...(values.rate && { rate: { count: Number(values.rate), per_seconds: Number(values.per || 60) } }),
    },
  };
}

/**
 * What a definition takes: `{declared: {name: {type, required…}} or null, names, reads}`; `reads` are keys of columns
 * it reads by itself.
 */
export function inputsOf(definition) {
  const start = definition.blocks.find((block) => block.type === "start");
  const declared = start?.config?.inputs || null;
  const text = JSON.stringify(definition);
  const used = (root) => {
    const found = text.matchAll(new RegExp(`\\b${root}\\.([A-Za-z_]\\w*)`, "g"));
    return [...new Set(Array.from(found, ([, name]) => name))];
  };
  return { declared, names: declared ? Object.keys(declared) : used("input"), reads: used("row") };
}

/** Paths that a definition's result has, the likely ones first; `types` as `GET /blocks/` describes them. */
export function pathsOf(definition, types = []) {
  const fieldsOf = (block) => {
    if (block.type === "set") return Object.keys(block.config?.fields || {});
    if (block.type === "respond") return isPlain(block.config?.value) ? Object.keys(block.config.value) : [];
    return Object.keys(types.find((one) => one.type === block.type)?.output_schema?.properties || {});
  };
  const isTaking = ({ enabled, type, parent }) => enabled !== false && !["start", "note"].includes(type) && !parent;
  const taking = definition.blocks.filter(isTaking);
  const onward = (definition.edges || []).filter((edge) => (edge.handle || "source") === "source");
  const left = new Set(onward.map((edge) => edge.from));
  const ends = taking.filter((block) => block.type === "respond");
  const last = ends.length ? ends : taking.filter((block) => !left.has(block.key));
  const within = (block) => [...fieldsOf(block).map((field) => `blocks.${block.key}.${field}`), `blocks.${block.key}`];
  const results = last.length === 1 ? fieldsOf(last[0]).map((field) => `result.${field}`) : [];
  return [...(results.length ? results : ["result"]), ...taking.flatMap(within)];
}

const isPlain = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/**
 * Why a column cannot be waited for, by its id; the others are missing.
 * @param {any} schema of the grid @param {string|null} groupId @param {string[]} outputs ids of columns it fills
 */
export function barred(schema, groupId, outputs) {
  const columns = [...schema.column.values()];
  const own = columns.filter((column) => outputs.includes(column.id));
  const edge = Math.min(Infinity, ...own.map((column) => column.ordinal));
  const after = dependants(schema, groupId, new Set(outputs));
  const reasons = columns.map((column) => {
    if (outputs.includes(column.id)) return [column.id, "It is filled here."];
    if (column.group && after.has(column.group)) return [column.id, "It waits for these columns itself."];
    return column.ordinal > edge ? [column.id, "It stands to the right: move it left first."] : null;
  });
  return new Map(/** @type {[string, string][]} */ (reasons.filter(Boolean)));
}

/** Groups that wait for these columns, through others too. */
function dependants(schema, groupId, outputs) {
  const found = new Set();
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const group of schema.groups) {
      if (group.id !== groupId && group.depends.some((column) => outputs.has(column.id) || found.has(column.group)))
        found.add(group.id);
    }
  }
  return found;
}

/** `result.a.b` or `blocks.key.a` in what a run gave. @param {{result: any, blocks: Object<string, any>}} given */
export function valueAt(path, given) {
  return path.split(".").reduce((value, part) => value?.[part], /** @type {any} */ (given));
}

/** "result.company_name" → "Company name" */
export function titleOf(path) {
  const last = (path.split(".").pop() || "").replace(/[_-]+/g, " ").trim();
  return last.charAt(0).toUpperCase() + last.slice(1);
}

/** What a new group may begin with: inputs from columns of their names, one new column for each field of the result. */
export function suggested(definition, types, schema, taken) {
  const { names, reads } = inputsOf(definition);
  const columns = [...schema.column.values()];
  const like = (name) => columns.find((column) => [column.key, column.name.toLowerCase()].includes(name.toLowerCase()));
  const inputs = names.map((name) => inputOf(name, like(name) ? { column: like(name).id } : null));
  const paths = pathsOf(definition, types).filter((path) => path.startsWith("result"));
  const used = new Set(columns.map((column) => column.name));
  const outputs = paths.map((path) => {
    const name = path === "result" ? taken : titleOf(path);
    return { path, column: "", name: used.has(name) ? `${name} 2` : name, type: "text" };
  });
  const read = reads.map((key) => columns.find((column) => column.key === key)?.id);
  const depends = new Set([...inputs.map((one) => one.column), ...read].filter(Boolean));
  return { inputs, outputs, depends: [...depends] };
}
