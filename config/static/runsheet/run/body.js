// @ts-check
/** What steps take, give and say: a JSON value, cut when it is long; a fault; text that is still coming. */
import { count } from "../format.js";
import { html, useState } from "../ui/html.js";
import { button } from "../ui/parts.js";

const SHOWN_CHARS = 6_000;

/** @param {{title: string, value: any, open?: boolean}} props nothing is drawn for null */
export function Body({ title, value, open = true }) {
  const [whole, setWhole] = useState(false);
  if (value === null || value === undefined) return null;
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  const cut = !whole && text.length > SHOWN_CHARS;
  return html`<details class="body" open=${open}>
    <summary>${title}</summary>
    <pre tabindex="0" aria-label=${title}>${cut ? `${text.slice(0, SHOWN_CHARS)} …` : text}</pre>
    ${cut && button(`Show all ${count(text.length)} characters`, () => setWhole(true), "small")}
  </details>`;
}

/** What went wrong, with its code. @param {{title: string, error: any}} props nothing is drawn without an error */
export function Fault({ title, error }) {
  if (!error) return null;
  return html`<section class="fault">
    <h3>${title}</h3>
    <pre class="error-box">${error.code}: ${error.message || "no details"}</pre>
  </section>`;
}

/** The text of a block that is not done yet. @param {{live: any, label?: string}} props */
export const SoFar = ({ live, label = "Output so far" }) =>
  live?.text && html`<pre class="so-far" tabindex="0" aria-label=${label}>${live.text}</pre>`;

/** "run 0a1b2c", to go to it. @param {{id: string}} props */
export const RunLink = ({ id }) => html`<a href=${`/runs/${id}/`}>run ${id.slice(-6)}</a>`;
