// @ts-check
/** A step beside the same step of another run: what was added, removed and changed, where in its JSON. */
import { api, linesOf } from "../api.js";
import { html } from "../ui/html.js";
import { Faults } from "../ui/parts.js";

const shown = (value) => (value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value));

/** What to draw of the comparison; a refusal is drawn too. */
export async function compareStep(runId, other, stepKey) {
  try {
    return differences(await api("GET", `runs/${runId}/diff/`, { query: { with: other, step: stepKey } }));
  } catch (error) {
    return html`<${Faults} lines=${linesOf(error)} />`;
  }
}

function differences({ differences: found, truncated }) {
  if (!found.length) return html`<p role="status">Both runs agree on this step.</p>`;
  return html`<dl class="differences">
      ${found.map(
        (one) =>
          html`<dt><code>${one.path}</code> <span class="quiet">${one.kind}</span></dt>
            <dd>${one.lines ? texts(one) : values(one)}</dd>`,
      )}
    </dl>
    ${truncated && html`<p class="quiet">There are more differences than are shown.</p>`}`;
}

const texts = ({ path, lines }) =>
  html`<pre tabindex="0" aria-label=${path}>
    ${lines.map((line) => html`<span data-side=${line[0]}>${line}${"\n"}</span>`)}
  </pre>`;

const values = ({ kind, before, after }) =>
  html`${kind !== "added" && html`<del>${shown(before)}</del>`}
  ${kind !== "removed" && html`<ins>${shown(after)}</ins>`}`;
