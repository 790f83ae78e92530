// @ts-check
/** The first rows of a file, and above each of its columns where it goes. */
import { count } from "../format.js";
import { html } from "../ui/html.js";
import { NEW, SKIP, TYPES } from "./mapping.js";

const ROWS = 5;

/**
 * @param {{preview: any, choices: Object<string, import("./mapping.js").Choice>, columns: any[], faults: Object<string, string>,
 *   choose: (header: string, choice: import("./mapping.js").Choice) => void}} props
 */
export function PreviewTable({ preview, choices, columns, faults, choose }) {
  const rows = preview.rows.slice(0, ROWS);
  return html`<div class="preview" tabindex="0" role="region" aria-label="First rows">
    <table>
      <thead>
        <tr class="targets">
          ${preview.columns.map(({ header }) => html`<td key=${header}><${Target} header=${header} choice=${choices[header]} columns=${columns} choose=${choose} /></td>`)}
        </tr>
        <tr>
          ${preview.columns.map((column) => html`<th scope="col" key=${column.header}><span class="head">${column.header}</span><${Fit} column=${column} fault=${faults[column.header]} skipped=${choices[column.header].to === SKIP} /></th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${row.map((value, at) => html`<td class=${choices[preview.columns[at].header].to === SKIP ? "skipped" : ""}>${value}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function Target({ header, choice, columns, choose }) {
  const option = (value, word) => html`<option value=${value} selected=${value === choice.to}>${word}</option>`;
  const [typed, filled] = [columns.filter((column) => !column.group), columns.filter((column) => column.group)];
  const list = (label, some) =>
    some.length > 0 && html`<optgroup label=${label}>${some.map(({ id, name }) => option(id, name))}</optgroup>`;
  return html`<select
      aria-label=${`Where “${header}” goes`}
      value=${choice.to}
      onChange=${(event) => choose(header, { ...choice, to: event.currentTarget.value })}
    >
      ${option(NEW, "New column")}${option(SKIP, "Skip")}
      ${list("Columns", typed)}${list("Filled by workflows", filled)}
    </select>
    ${
      choice.to === NEW &&
      html`<select
        aria-label=${`Type of “${header}”`}
        value=${choice.type}
        onChange=${(event) => choose(header, { ...choice, type: event.currentTarget.value })}
      >
        ${TYPES.map(([value, word]) => html`<option value=${value} selected=${value === choice.type}>${word}</option>`)}
      </select>`
    }`;
}

function Fit({ column, fault, skipped }) {
  if (skipped) return null;
  if (fault) return html`<span class="fit errors" role="alert">${fault}</span>`;
  if (!column.misfits) return null;
  return html`<span class="fit errors"
    >${count(column.misfits)} of ${count(column.filled)} do not fit: ${column.misfit}</span
  >`;
}
