// @ts-check
/** The first rows of a file, and above each of its columns where it goes. */
import { count } from "../format.js";
import { html } from "../ui/html.js";
import { optionsOf } from "../ui/parts.js";
import { NEW, SKIP, TYPES } from "./mapping.js";

const ROWS = 5;
const OTHERS = [
  [NEW, "New column"],
  [SKIP, "Skip"],
];

/**
 * @typedef {import("./mapping.js").Choice} Choice
 * @param {{preview: any, choices: Object<string, Choice>, columns: any[], faults: Object<string, string>,
 *   choose: (header: string, choice: Choice) => void}} props
 */
export function PreviewTable({ preview, choices, columns, faults, choose }) {
  const isSkipped = ({ header }) => choices[header].to === SKIP;
  const target = ({ header }) =>
    html`<td key=${header}>
      <${Target} header=${header} choice=${choices[header]} columns=${columns} choose=${choose} />
    </td>`;
  const head = (column) =>
    html`<th scope="col" key=${column.header}>
      <span class="head">${column.header}</span>
      ${!isSkipped(column) && html`<${Fit} column=${column} fault=${faults[column.header]} />`}
    </th>`;
  const cell = (value, at) => html`<td class=${isSkipped(preview.columns[at]) ? "skipped" : ""}>${value}</td>`;
  return html`<div class="preview" tabindex="0" role="region" aria-label="First rows">
    <table>
      <thead>
        <tr class="targets">
          ${preview.columns.map(target)}
        </tr>
        <tr>
          ${preview.columns.map(head)}
        </tr>
      </thead>
      <tbody>
        ${preview.rows.slice(0, ROWS).map(
          (row) =>
            html`<tr>
              ${row.map(cell)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function Target({ header, choice, columns, choose }) {
  const list = (label, isListed) => {
    const some = columns.filter(isListed).map(({ id, name }) => [id, name]);
    return some.length > 0 && html`<optgroup label=${label}>${optionsOf(some, choice.to)}</optgroup>`;
  };
  const set = (name) => (event) => choose(header, { ...choice, [name]: event.currentTarget.value });
  return html`<select aria-label=${`Where “${header}” goes`} value=${choice.to} onChange=${set("to")}>
      ${optionsOf(OTHERS, choice.to)} ${list("Columns", (column) => !column.group)}
      ${list("Filled by workflows", (column) => column.group)}
    </select>
    ${
      choice.to === NEW &&
      html`<select aria-label=${`Type of “${header}”`} value=${choice.type} onChange=${set("type")}>
        ${optionsOf(TYPES, choice.type)}
      </select>`
    }`;
}

function Fit({ column, fault }) {
  if (fault) return html`<span class="fit errors" role="alert">${fault}</span>`;
  if (!column.misfits) return null;
  const share = `${count(column.misfits)} of ${count(column.filled)}`;
  return html`<span class="fit errors">${share} do not fit: ${column.misfit}</span>`;
}
