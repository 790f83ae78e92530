// @ts-check
/** Short messages in the corner. Errors stay until closed and are announced at once. */
import { Problem, isAbort, linesOf } from "../api.js";

function shelf() {
  let found = document.querySelector(".toasts");
  if (!found) {
    found = document.createElement("div");
    found.className = "toasts";
    document.body.append(found);
  }
  return found;
}

/**
 * @param {string} text
 * @param {{kind?: "info"|"error", seconds?: number, action?: {label: string, run: () => void}}} [options]
 */
export function toast(text, { kind = "info", seconds = 6, action } = {}) {
  const box = document.createElement("div");
  box.className = "toast";
  box.dataset.kind = kind;
  box.setAttribute("role", kind === "error" ? "alert" : "status");
  const words = document.createElement("span");
  words.textContent = text;
  box.append(words);
  const close = () => box.remove();
  if (action)
    box.append(
      button(action.label, "button small", () => {
        close();
        action.run();
      }),
    );
  box.append(button("Close", "button small", close));
  shelf().append(box);
  if (kind !== "error") setTimeout(close, seconds * 1000);
}

/** Tell what went wrong with something the person did; `doing` completes "Could not …". */
export function report(error, doing) {
  if (isAbort(error)) return;
  toast(`Could not ${doing}. ${linesOf(error).join(" ")}`, { kind: "error" });
  if (!(error instanceof Problem)) console.warn(error);
}

function button(label, className, run) {
  const found = document.createElement("button");
  found.type = "button";
  found.className = className;
  found.textContent = label;
  found.addEventListener("click", run);
  return found;
}
