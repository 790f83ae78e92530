// @ts-check
/**
 * A menu in a native popover: it closes on Escape and on a click elsewhere, arrows move, the focus comes back.
 * A form in one keeps its keys to itself and is as large as what is in it.
 */
import { html, render } from "./html.js";

let open = null;

/**
 * Show a menu below an element (or at a point) and draw `view` into it.
 * @param {Element} anchor what the menu belongs to and the focus returns to
 * @param {(close: () => void) => any} view returns the Preact tree; items have the class "item"
 * @param {{label: string, at?: {x: number, y: number}, isForm?: boolean, back?: () => void}} options `back` gives the
 *   focus to what stands for an anchor that is gone by then
 */
export function openMenu(anchor, view, { label, at, isForm = false, back = () => {} }) {
  closeMenu();
  const box = document.createElement("div");
  box.className = isForm ? "menu form" : "menu";
  box.popover = "auto";
  box.setAttribute("role", "dialog");
  box.setAttribute("aria-label", label);
  document.body.append(box);
  const close = () => box.hidePopover();
  open = { box, close };
  box.addEventListener("toggle", (event) => {
    if (/** @type {ToggleEvent} */ (event).newState === "closed") dispose(box, anchor, back);
  });
  if (!isForm) box.addEventListener("keydown", (event) => moveFocus(box, event));
  render(view(close), box);
  box.showPopover();
  place(box, at || below(anchor));
  if (isForm) new ResizeObserver(() => place(box, at || below(anchor))).observe(box);
  focusables(box)[0]?.focus();
  anchor.setAttribute("aria-expanded", "true");
}

/** Close whatever menu is open. */
export function closeMenu() {
  if (open) open.close();
}

/** A line of a menu: it closes the menu and does something. */
export const item = (label, act, isDanger = false) =>
  html`<button
    type="button"
    class=${isDanger ? "item danger" : "item"}
    onClick=${() => {
      closeMenu();
      act();
    }}
  >
    ${label}
  </button>`;

function dispose(box, anchor, back) {
  const hadFocus = box.contains(document.activeElement) || document.activeElement === document.body;
  anchor.removeAttribute("aria-expanded");
  render(null, box);
  box.remove();
  if (open && open.box === box) open = null;
  if (!hadFocus) return;
  if (anchor.isConnected) anchor.focus();
  else back();
}

function below(anchor) {
  const frame = anchor.getBoundingClientRect();
  return { x: frame.left, y: frame.bottom + 4 };
}

function place(box, { x, y }) {
  const width = box.offsetWidth;
  const height = box.offsetHeight;
  box.style.left = `${Math.max(8, Math.min(x, innerWidth - width - 8))}px`;
  box.style.top = `${Math.max(8, Math.min(y, innerHeight - height - 8))}px`;
}

/** @returns {HTMLElement[]} */
function focusables(box) {
  return [...box.querySelectorAll("button:not(:disabled), [href], input, select")];
}

function moveFocus(box, event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (event.key === "Tab") return closeMenu();
  if (!step && event.key !== "Home" && event.key !== "End") return;
  event.preventDefault();
  const all = focusables(box);
  const here = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const next = { Home: 0, End: all.length - 1 }[event.key] ?? (here + step + all.length) % all.length;
  all[next]?.focus();
}
