// @ts-check
/** A column as its form has it, and as the API takes it. Pure. */
import { isSame } from "../values.js";

/** @type {[string, string, string[]?][]} type, its word, the options it takes */
export const TYPES = [
  ["text", "Text", ["long"]],
  ["number", "Number", ["decimals"]],
  ["boolean", "Checkbox"],
  ["date", "Date", ["date_format"]],
  ["datetime", "Date and time", ["date_format"]],
  ["select", "Single choice", ["choices"]],
  ["multi_select", "Several choices", ["choices"]],
  ["url", "Web address"],
  ["email", "E-mail"],
  ["currency", "Currency", ["currency", "decimals"]],
  ["json", "JSON"],
];

export const COLOURS = ["grey", "red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "brown"];

/** @param {any} column null for a new one */
export function valuesOf(column) {
  const { name = "", type = "text", options = {}, required = false, unique = false } = column || {};
  const { choices = [], colours = {}, currency = "", decimals = "", date_format = "", long = false } = options;
  return {
    name,
    type,
    required,
    unique,
    currency,
    decimals: String(decimals),
    date_format,
    long,
    choices: choices.map((choice) => ({ was: choice, name: choice, colour: colours[choice] || "" })),
  };
}

/** The options that mean something for the type chosen, as far as they are given. */
function optionsOf(values) {
  const names = TYPES.find(([type]) => type === values.type)?.[2] || [];
  const choices = values.choices.map((one) => ({ ...one, name: one.name.trim() })).filter((one) => one.name);
  const colours = Object.fromEntries(choices.filter((one) => one.colour).map((one) => [one.name, one.colour]));
  const named = { choices: choices.map((one) => one.name), ...(Object.keys(colours).length && { colours }) };
  const all = {
    choices: choices.length && named,
    currency: values.currency.trim() && { currency: values.currency.trim().toUpperCase() },
    decimals: values.decimals !== "" && { decimals: Number(values.decimals) },
    date_format: values.date_format && { date_format: values.date_format },
    long: values.long && { long: true },
  };
  return Object.assign({}, ...names.map((name) => all[name]));
}

export function bodyOf(values) {
  const { name, type, required, unique } = values;
  return { name: name.trim(), type, options: optionsOf(values), required, unique };
}

/** What differs from the stored column; a choice that got another name takes its values along. */
export function changesOf(column, values) {
  const body = bodyOf(values);
  const stored = { ...column, options: column.options || {} };
  const changed = Object.fromEntries(Object.entries(body).filter(([name, value]) => !isSame(value, stored[name])));
  const renamed = values.choices
    .filter((one) => one.was && one.name.trim() && one.was !== one.name.trim())
    .map((one) => [one.was, one.name.trim()]);
  if (renamed.length && body.type === column.type) changed.renamed_choices = Object.fromEntries(renamed);
  return changed;
}
