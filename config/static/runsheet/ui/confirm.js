// @ts-check
/** Ask once before something costly. The answer is a promise of yes or no. */
import { openDialog } from "./dialog.js";
import { html } from "./html.js";
import { button } from "./parts.js";

/** @param {{title: string, text: string, yes: string}} words `yes` is the verb on the button */
export async function confirm({ title, text, yes }) {
  const agreed = await openDialog(
    (close) =>
      html`<h2 id="dialog-title">${title}</h2>
        <p>${text}</p>
        <div class="actions">
          ${button("Cancel", () => close(false))} ${button(yes, () => close(true), "primary")}
        </div>`,
  );
  return agreed === true;
}
