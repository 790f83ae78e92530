// @ts-check
/** A native modal dialog drawn by Preact. It stays open while its request runs and shows the error it got. */
import { render } from "./html.js";

/**
 * @param {(close: (result?: any) => void) => any} view the Preact tree, heading with id "dialog-title" included
 * @param {{wide?: boolean}} [options]
 * @returns {Promise<any>} what `close` was given; `undefined` when dismissed
 */
export function openDialog(view, { wide = false } = {}) {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const box = document.createElement("dialog");
    box.className = wide ? "dialog wide" : "dialog";
    box.setAttribute("aria-labelledby", "dialog-title");
    document.body.append(box);
    let result;
    box.addEventListener("close", () => {
      render(null, box);
      box.remove();
      if (before instanceof HTMLElement) before.focus();
      resolve(result);
    });
    render(
      view((value) => {
        result = value;
        box.close();
      }),
      box,
    );
    box.showModal();
  });
}
