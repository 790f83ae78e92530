// @ts-check
/** Which columns have to be filled before a workflow group runs, to be switched one by one. */
import { faultsOf } from "../../ui/fields.js";
import { html } from "../../ui/html.js";
import { Faults } from "../../ui/parts.js";
import { barred } from "./mapping.js";

/** Those that cannot be waited for say why. */
export function After({ form, grid, groupId, outputs, reads }) {
  const { depends } = form.values;
  const reasons = barred(grid.schema, groupId, outputs);
  const columns = grid.schema.all.filter((column) => !outputs.includes(column.id));
  const flip = (id) =>
    form.set({ depends: depends.includes(id) ? depends.filter((one) => one !== id) : [...depends, id] });
  const read = columns.filter((column) => reads.includes(column.key)).map((column) => column.name);
  const chip = ({ id, name }) => {
    const isOn = depends.includes(id);
    const reason = isOn ? "" : reasons.get(id) || "";
    return html`<button
      type="button"
      class="chip-button"
      aria-pressed=${String(isOn)}
      aria-disabled=${reason ? "true" : null}
      title=${reason}
      onClick=${() => reason || flip(id)}
    >
      ${name}
    </button>`;
  };
  const reading = read.length ? ` The workflow reads ${read.join(", ")} from the row by itself.` : "";
  return html`<fieldset class="after">
    <legend>Run after</legend>
    <div class="chip-buttons">${columns.map(chip)}</div>
    <span class="hint">${`A row runs once these are filled.${reading}`}</span>
    <${Faults} lines=${faultsOf(form.errors, "depends_on")} />
  </fieldset>`;
}
