// @ts-check
/** What was wrong with a form, above its fields. */
import { Problem } from "../api.js";
import { html } from "../ui/html.js";

/** The lines to show for an error of `api`. */
export const linesOf = (error) =>
  error instanceof Problem ? error.lines : ["The server could not be reached. Try again."];

export const Faults = ({ lines }) =>
  lines.length ? html`<div class="notice" role="alert">${lines.map((line) => html`<p>${line}</p>`)}</div>` : null;
