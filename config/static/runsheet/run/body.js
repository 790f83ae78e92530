// @ts-check
/** A JSON value to read: indented, cut when it is long, the rest on request. */
import { html, useState } from "../ui/html.js";

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
    ${cut && html`<button type="button" class="button small" onClick=${() => setWhole(true)}>Show all ${text.length.toLocaleString("en")} characters</button>`}
  </details>`;
}

/** What went wrong, with its code. @param {{title: string, error: any}} props */
export function Fault({ title, error }) {
  if (!error) return null;
  return html`<section class="fault">
    <h3>${title}</h3>
    <pre class="error-box">${error.code}: ${error.message || "no details"}</pre>
  </section>`;
}
