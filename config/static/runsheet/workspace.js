// @ts-check
/**
 * The lists of Runs and Approvals follow their workspace: a hint on its socket has the page's own list read anew.
 *
 * `[data-live-list="run …"]` names the kinds of events that may change it. The page is fetched as it is addressed and
 * its list put in place of the old one, at most every two seconds, and never under somebody's hands: while an answer is
 * being written, a note says that there is news; while a menu or dialog is open or the pointer is pressed, and while
 * another row would come under the control it is moving over, it waits. An event `stale` on the list asks for the same.
 */
import { finishList } from "./run/list_times.js";
import { watchWorkspace } from "./workspace_live.js";
import { selectorsOf, wouldSlip } from "./workspace_place.js";

const REREAD_MS = 2_000;
const SPREAD_MS = 500;
/** A pointer that has not moved for so long is about to press nothing. */
const RESTS_MS = 1_500;

const list = /** @type {HTMLElement} */ (document.querySelector("[data-live-list]"));
const kinds = new Set((list.dataset.liveList || "").split(" "));
let due = 0;
let readAt = 0;
let movedAt = -Infinity;
let isPressed = false;

function soon() {
  due ||= window.setTimeout(reread, Math.max(readAt + REREAD_MS - performance.now(), Math.random() * SPREAD_MS));
}

async function reread() {
  due = 0;
  readAt = performance.now();
  if (isPressed || document.querySelector(".menu:popover-open, dialog[open]")) return soon();
  if (isInHand()) return note();
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const fresh = answer.ok && new DOMParser().parseFromString(await answer.text(), "text/html");
    const fromServer = fresh && fresh.querySelector("[data-live-list]");
    if (!fromServer || isInHand()) return undefined;
    if (isPressed || (isMoving() && wouldSlip(list, fromServer, underPointer()))) return soon();
    replace(fresh, fromServer);
  } catch (error) {
    console.warn("the list could not be read", error);
  }
  return undefined;
}

const isMoving = () => performance.now() - movedAt < RESTS_MS;

/** The control of the list that the pointer is on; a finger is on nothing once it is lifted. */
const underPointer = () =>
  matchMedia("(hover: hover)").matches ? list.querySelector(":is(a, button, input, label, select):hover") : null;

/** Whether somebody is writing an answer, or has written one that is not sent. */
function isInHand() {
  const fields = [...list.querySelectorAll("form input:not([type=hidden]), form textarea, form select")];
  return list.querySelector("form :focus") !== null || fields.some((field) => isChanged(/** @type {any} */ (field)));
}

function isChanged(field) {
  if (field instanceof HTMLSelectElement)
    return [...field.options].some((option) => option.selected !== option.defaultSelected && field.selectedIndex > 0);
  return field.type === "checkbox" || field.type === "radio"
    ? field.checked !== field.defaultChecked
    : field.value !== field.defaultValue;
}

function note() {
  if (document.querySelector("[data-live-note]")) return;
  const told = document.createElement("p");
  told.className = "told";
  told.dataset.liveNote = "";
  told.setAttribute("role", "status");
  told.textContent = "There is news here: reload once you are done.";
  list.before(told);
}

/** Put the fresh list in place of the old one; runs that were picked stay picked. */
function replace(fresh, fromServer) {
  const picked = new Set([...list.querySelectorAll("[data-pick]:checked")].map((box) => runOf(box)));
  const focused = selectorsOf(list, document.activeElement);
  list.replaceChildren(...fromServer.childNodes);
  for (const box of list.querySelectorAll("[data-pick]"))
    if (box instanceof HTMLInputElement) box.checked = picked.has(runOf(box));
  const old = document.querySelector(".nav a[aria-label^=Approvals]");
  const now = fresh.querySelector(".nav a[aria-label^=Approvals]");
  if (old && now) old.replaceWith(now);
  for (const part of document.querySelectorAll("[data-live-part]")) refresh(/** @type {HTMLElement} */ (part), fresh);
  finishList(list);
  list.dispatchEvent(new Event("change"));
  const again = focused.map((selector) => list.querySelector(selector)).find(Boolean);
  /** @type {HTMLElement|undefined} */ (again)?.focus({ preventScroll: true });
}

/** What stands beside the list changes only when it says something else: a note that is drawn anew is read out anew. */
function refresh(part, fresh) {
  const now = fresh.querySelector(`[data-live-part="${part.dataset.livePart}"]`);
  if (now && now.innerHTML !== part.innerHTML) part.replaceWith(now);
}

const runOf = (box) => box.closest("[data-run]")?.dataset.run;

list.addEventListener("stale", soon);
list.addEventListener("pointermove", () => {
  movedAt = performance.now();
});
list.addEventListener("pointerdown", () => {
  isPressed = true;
});
for (const type of ["pointerup", "pointercancel"])
  document.addEventListener(type, () => setTimeout(() => (isPressed = false))); // the click comes first
watchWorkspace((events) => {
  if (events.some((event) => kinds.has(event.kind))) soon();
}, soon);
