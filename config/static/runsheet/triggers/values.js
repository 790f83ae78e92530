// @ts-check
/** What the form of a trigger holds, made from the API's trigger and made into the API's body again. Pure. */
import { cronOf, planOf, plainPlan } from "../cron/build.js";
import { instantOf, wallOf } from "../cron/zone.js";

/** Fields that are the same number or null in the form (as text) and in the API. */
const NUMBERS = [
  "jitter_seconds",
  "catchup_window_seconds",
  "catchup_limit",
  "max_retries",
  "retry_delay_seconds",
  "timeout_seconds",
  "pause_on_failures",
];
const WORDS = ["name", "description", "target_kind", "overlap_policy", "catchup_policy", "cron_timezone"];

/** What a trigger is before anybody has touched it, as the server has it by default. */
const FRESH = {
  name: "",
  description: "",
  target_kind: "workflow",
  workflow: null,
  table: null,
  ref: "live",
  target_options: {},
  cron_expression: "0 9 * * *",
  run_at: null,
  start_at: null,
  end_at: null,
  jitter_seconds: 0,
  payload: {},
  message_template: null,
  overlap_policy: "skip",
  catchup_policy: "latest",
  catchup_window_seconds: 3600,
  catchup_limit: 100,
  max_retries: 1,
  retry_delay_seconds: 60,
  timeout_seconds: 780,
  pause_on_failures: null,
};

/** The values of an empty form. */
export const blank = (zone, person) => valuesOf({ ...FRESH, cron_timezone: zone, run_as_user: person });

/** The id in a field that may hold an id, `{id}` or nothing. */
const idOf = (thing) => (thing && typeof thing === "object" ? thing.id : thing) || "";

/** The form's values of a trigger as the API shows it. */
export function valuesOf(trigger) {
  const zone = trigger.cron_timezone;
  const options = trigger.target_options || {};
  const plan = trigger.cron_expression ? planOf(trigger.cron_expression) : null;
  const wall = (iso) => (iso ? wallOf(iso, zone) : "");
  return {
    ...Object.fromEntries(WORDS.map((name) => [name, trigger[name]])),
    ...Object.fromEntries(NUMBERS.map((name) => [name, trigger[name] === null ? "" : String(trigger[name])])),
    workflow: idOf(trigger.workflow),
    table: idOf(trigger.table),
    run_as_user: idOf(trigger.run_as_user),
    ref: trigger.ref || "live",
    options,
    groups: options.groups || [],
    mode: options.mode || "incomplete",
    limit: options.limit ? String(options.limit) : "",
    fail_above_percent: String(options.fail_above_percent ?? 100),
    when: trigger.run_at ? "once" : plan ? "repeats" : "cron",
    plan: plan || plainPlan(),
    cron_expression: trigger.cron_expression || "0 9 * * *",
    run_at: wall(trigger.run_at),
    start_at: wall(trigger.start_at),
    end_at: wall(trigger.end_at),
    payload: Object.keys(trigger.payload || {}).length ? JSON.stringify(trigger.payload, null, 2) : "",
    message_template: trigger.message_template || "",
  };
}

/** The cron expression that the form means; null for a single run. */
export const expressionOf = (values) =>
  values.when === "once" ? null : values.when === "repeats" ? cronOf(values.plan) : values.cron_expression.trim();

/** The API's body of the form. Throws `FieldFault`. */
export function bodyOf(values) {
  const isTable = values.target_kind === "table_run";
  const wall = (text) => (text ? instantOf(text, values.cron_timezone) : null);
  return {
    ...Object.fromEntries(WORDS.map((name) => [name, values[name]])),
    ...Object.fromEntries(NUMBERS.map((name) => [name, numberOf(name, values[name])])),
    workflow: isTable ? null : values.workflow || null,
    table: isTable ? values.table || null : null,
    ref: isTable ? null : values.ref,
    target_options: isTable ? optionsOf(values) : {},
    run_as_user: values.run_as_user || null,
    cron_expression: expressionOf(values),
    run_at: values.when === "once" ? wall(values.run_at) : null,
    start_at: wall(values.start_at),
    end_at: wall(values.end_at),
    payload: payloadOf(values.payload),
    message_template: values.message_template || null,
  };
}

/** Something the form itself can tell is wrong, by field as the API does. */
export class FieldFault extends Error {
  constructor(field, words) {
    super(words);
    this.errors = { [field]: [words] };
  }
}

function numberOf(name, text) {
  if (text === "") return null;
  const number = Number(text);
  if (!Number.isInteger(number)) throw new FieldFault(name, "Give a whole number.");
  return number;
}

function optionsOf(values) {
  const { groups, mode, limit, fail_above_percent, ...rest } = values.options;
  const most = numberOf("target_options.limit", values.limit);
  const above = numberOf("target_options.fail_above_percent", values.fail_above_percent);
  return {
    ...rest,
    ...(values.groups.length && { groups: values.groups }),
    mode: values.mode,
    ...(most && { limit: most }),
    ...(above !== null && { fail_above_percent: above }),
  };
}

function payloadOf(text) {
  if (!text.trim()) return {};
  let payload;
  try {
    payload = JSON.parse(text);
  } catch (error) {
    throw new FieldFault("payload", `This is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (payload === null || typeof payload !== "object" || Array.isArray(payload))
    throw new FieldFault("payload", 'A payload is an object, such as {"region": "EU"}.');
  return payload;
}

/** The fields in which two bodies differ, as the second has them: what a PATCH names. */
export function changes(before, after) {
  return Object.fromEntries(Object.entries(after).filter(([name, value]) => ordered(before[name]) !== ordered(value)));
}

/** One text for one meaning: keys in order. */
const ordered = (value) =>
  JSON.stringify(value, (_, each) =>
    each && typeof each === "object" && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
