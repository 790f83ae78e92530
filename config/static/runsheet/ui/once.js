// @ts-check
/** Buttons that ask the server for something: not before their module is here, and one request at a time. */
import { Problem } from "../api.js";
import { report, toast } from "./toast.js";

const GONE = new Set(["trigger_not_found", "invocation_not_found"]);

/**
 * Do something once while its button is busy (not disabled: it keeps the focus); the answer, or null when it was
 * refused and told.
 * @param {HTMLButtonElement|null} button
 * @param {string} doing completes "Could not …"
 * @param {() => Promise<any>} act
 */
export async function once(button, doing, act) {
  if (button?.ariaBusy === "true") return null;
  if (button) button.ariaBusy = "true";
  try {
    return (await act()) ?? true;
  } catch (error) {
    if (error instanceof Problem && GONE.has(error.code))
      toast(`Could not ${doing}: it has been deleted.`, { kind: "error" });
    else report(error, doing);
    return null;
  } finally {
    if (button) button.ariaBusy = null;
  }
}

/**
 * The buttons of a list, which come disabled: before its module is here a click would do nothing.
 * @param {Element} list @param {(button: HTMLButtonElement) => any} act what a click on one does
 */
export function arm(list, act) {
  const enable = () => {
    for (const button of list.querySelectorAll("[data-act]"))
      /** @type {HTMLButtonElement} */ (button).disabled = false;
  };
  list.addEventListener("change", enable);
  list.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-act]") : null;
    if (button instanceof HTMLButtonElement) act(button);
  });
  enable();
}
