// @ts-check
/** Durations in a list of runs, as people write them. */
import { duration } from "../format.js";

/** Write out the durations under an element. @param {Element} root */
export function finishList(root) {
  for (const span of root.querySelectorAll("[data-seconds]")) {
    if (span instanceof HTMLElement) span.textContent = duration(Number(span.dataset.seconds) * 1000);
  }
}
