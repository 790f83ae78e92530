// @ts-check
/** How two definitions differ, drawn: blocks and edges that came, went and changed. */
import { plural } from "../format.js";
import { html } from "../ui/html.js";

const shown = (value) => (value === undefined ? "nothing" : typeof value === "string" ? value : JSON.stringify(value));

/** "2 blocks added, 1 edge differ"; "" when they do the same. @param {any} found of `definitionsDiffer` */
export function summary({ blocks, edges }) {
  const of = (kind) => blocks.filter((block) => block.kind === kind).length;
  const said = ["added", "removed", "changed"].filter(of).map((kind) => `${plural(of(kind), "block")} ${kind}`);
  if (edges.length) said.push(`${plural(edges.length, "edge")} differ`);
  return said.join(", ");
}

/** @param {{found: any}} props of `definitionsDiffer` */
export function Differences({ found }) {
  if (!summary(found)) return html`<p role="status">They do the same.</p>`;
  const field = ({ path, before, after }) =>
    html`<code>${path}</code><del>${shown(before)}</del><ins>${shown(after)}</ins>`;
  return html`<dl class="differences">
    ${found.blocks.map(
      (block) =>
        html`<dt><strong>${block.name}</strong> <span class="quiet">${block.kind}</span></dt>
          <dd>${block.fields.map(field)}</dd>`,
    )}
    ${found.edges.map(
      (edge) =>
        html`<dt class="quiet">${edge.kind}</dt>
          <dd>${edge.kind === "added" ? html`<ins>${edge.text}</ins>` : html`<del>${edge.text}</del>`}</dd>`,
    )}
  </dl>`;
}
