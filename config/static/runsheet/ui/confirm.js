// @ts-check
/** Ask once before something costly. The answer is a promise of yes or no. */
import { html } from "./html.js";
import { openDialog } from "./dialog.js";

/** @param {{title: string, text: string, yes: string}} words `yes` is the verb on the button */
export async function confirm({ title, text, yes }) {
  const agreed = await openDialog(
    (close) =>
      html`<h2 id="dialog-title">${title}</h2>
        <p>${text}</p>
        <div class="actions">
          <button type="button" class="button" onClick=${() => close(false)}>Cancel</button>
          <button type="button" class="button primary" onClick=${() => close(true)}>${yes}</button>
        </div>`,
  );
  return agreed === true;
}
