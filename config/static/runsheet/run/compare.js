// @ts-check
/** A step beside the same step of another run: what was added, removed and changed, where in its JSON. */
import { Problem, api } from "../api.js";
import { html } from "../ui/html.js";

const shown = (value) => (value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value));

/** What to draw of the comparison; a refusal is drawn too. */
export async function compareStep(runId, other, stepKey) {
  try {
    const answer = await api("GET", `runs/${runId}/diff/`, { query: { with: other, step: stepKey } });
    return differences(answer);
  } catch (error) {
    const lines = error instanceof Problem ? error.lines : ["The server could not be reached. Try again."];
    return html`<ul class="errors" role="alert">
      ${lines.map((line) => html`<li>${line}</li>`)}
    </ul>`;
  }
}

function differences({ differences: found, truncated }) {
  if (!found.length) return html`<p role="status">Both runs agree on this step.</p>`;
  return html`<dl class="differences">
      ${found.map(
        (one) =>
          html`<dt><code>${one.path}</code> <span class="quiet">${one.kind}</span></dt>
            <dd>
              ${
                one.lines
                  ? html`<pre tabindex="0" aria-label=${one.path}>
${one.lines.map((line) => html`<span data-side=${line[0]}>${line}${"\n"}</span>`)}</pre>`
                  : html`${one.kind !== "added" && html`<del>${shown(one.before)}</del>`}${one.kind !== "removed" && html`<ins>${shown(one.after)}</ins>`}`
              }
            </dd>`,
      )}
    </dl>
    ${truncated && html`<p class="quiet">There are more differences than are shown.</p>`}`;
}
