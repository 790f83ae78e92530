// @ts-check
/** A question with more than two answers. */
import { openDialog } from "../ui/dialog.js";
import { html } from "../ui/html.js";
import { button, cancel } from "../ui/parts.js";

/**
 * @param {string} title @param {string} text
 * @param {[string, any, string?][]} answers the words, what they mean, how the button looks
 * @returns {Promise<any>} undefined when cancelled
 */
export const ask = (title, text, answers) =>
  openDialog(
    (close) =>
      html`<h2 id="dialog-title">${title}</h2>
        <p>${text}</p>
        <div class="actions">
          ${cancel(close)}${answers.map(([words, answer, look]) => button(words, () => close(answer), look))}
        </div>`,
  );
