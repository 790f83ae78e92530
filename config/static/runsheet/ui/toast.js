// @ts-check
/** Short messages in the corner. Errors stay until closed and are announced at once. */
import { Problem, isAbort, linesOf } from "../api.js";

const shelf = document.createElement("div");
shelf.className = "toasts";
/** Stands from the beginning: screen readers say what comes into a live region, not always one that comes. */
const told = document.createElement("div");
told.setAttribute("role", "status");
told.setAttribute("aria-atomic", "false");
shelf.append(told);
document.body.append(shelf);

/**
 * @param {string} text
 * @param {{kind?: "info"|"error", seconds?: number, action?: {label: string, run: () => void}}} [options]
 */
export function toast(text, { kind = "info", seconds = 6, action } = {}) {
  const box = document.createElement("div");
  box.className = "toast";
  box.dataset.kind = kind;
  if (kind === "error") box.setAttribute("role", "alert");
  const words = document.createElement("span");
  words.textContent = text;
  box.append(words);
  const close = closing(box);
  if (action)
    box.append(
      button(action.label, "button small", () => {
        close();
        action.run();
      }),
    );
  box.append(button("Close", "button small", close));
  (kind === "error" ? shelf : told).append(box);
  if (kind !== "error") setTimeout(close, seconds * 1000);
}

/** Tell what went wrong with something the person did; `doing` completes "Could not …". */
export function report(error, doing) {
  if (isAbort(error)) return;
  toast(`Could not ${doing}. ${linesOf(error).join(" ")}`, { kind: "error" });
  if (!(error instanceof Problem)) console.warn(error);
}

/** Takes a message away; the focus goes back to where it came from. @param {HTMLElement} box */
function closing(box) {
  /** @type {any} */
  let before = null;
  box.addEventListener("focusin", ({ relatedTarget }) => {
    if (relatedTarget instanceof HTMLElement && !shelf.contains(relatedTarget)) before = relatedTarget;
  });
  return () => {
    const hadFocus = box.contains(document.activeElement);
    box.remove();
    if (hadFocus && before?.isConnected) before.focus({ preventScroll: true });
  };
}

function button(label, className, run) {
  const found = document.createElement("button");
  found.type = "button";
  found.className = className;
  found.textContent = label;
  found.addEventListener("click", run);
  return found;
}
