// @ts-check
/**
 * The lists of Runs and Approvals follow their workspace: a hint on its socket has the page's own list read anew.
 *
 * `[data-live-list="run …"]` names the kinds of events that may change it. The page is fetched as it is addressed and
 * its list put in place of the old one, at most every two seconds, and never under somebody's hands: while an answer is
 * being written, a note says that there is news; while a menu or dialog is open, it waits. An event `stale` on the list
 * asks for the same.
 */
import { finishList } from "./run/list_times.js";
import { watchWorkspace } from "./workspace_live.js";

const REREAD_MS = 2_000;
const SPREAD_MS = 500;

const list = /** @type {HTMLElement} */ (document.querySelector("[data-live-list]"));
const kinds = new Set((list.dataset.liveList || "").split(" "));
let due = 0;
let readAt = 0;

function soon() {
  due ||= window.setTimeout(reread, Math.max(readAt + REREAD_MS - performance.now(), Math.random() * SPREAD_MS));
}

async function reread() {
  due = 0;
  readAt = performance.now();
  if (document.querySelector(".menu:popover-open, dialog[open]")) return soon();
  if (isInHand()) return note();
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const fresh = answer.ok && new DOMParser().parseFromString(await answer.text(), "text/html");
    if (fresh && !isInHand()) replace(fresh);
  } catch (error) {
    console.warn("the list could not be read", error);
  }
  return undefined;
}

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
function replace(fresh) {
  const fromServer = fresh.querySelector("[data-live-list]");
  if (!fromServer) return;
  const picked = new Set([...list.querySelectorAll("[data-pick]:checked")].map((box) => runOf(box)));
  const focused = placeOf(document.activeElement);
  list.replaceChildren(...fromServer.childNodes);
  for (const box of list.querySelectorAll("[data-pick]"))
    if (box instanceof HTMLInputElement) box.checked = picked.has(runOf(box));
  const old = document.querySelector(".nav a[aria-label^=Approvals]");
  const now = fresh.querySelector(".nav a[aria-label^=Approvals]");
  if (old && now) old.replaceWith(now);
  for (const part of document.querySelectorAll("[data-live-part]")) refresh(/** @type {HTMLElement} */ (part), fresh);
  finishList(list);
  list.dispatchEvent(new Event("change"));
  if (focused) /** @type {HTMLElement|null} */ (list.querySelector(focused))?.focus();
}

/** What stands beside the list changes only when it says something else: a note that is drawn anew is read out anew. */
function refresh(part, fresh) {
  const now = fresh.querySelector(`[data-live-part="${part.dataset.livePart}"]`);
  if (now && now.innerHTML !== part.innerHTML) part.replaceWith(now);
}

/** A selector of what has the focus in a row of the list, where the fresh list will have it again; or null. */
function placeOf(element) {
  const name = ["trigger", "invocation", "run", "table"].find((each) => element?.closest(`[data-${each}]`));
  const row = name && element.closest(`[data-${name}]`);
  if (!row || !list.contains(row)) return null;
  return `[data-${name}="${row.dataset[name]}"] ${element.dataset.act ? `[data-act="${element.dataset.act}"]` : "a"}`;
}

const runOf = (box) => box.closest("[data-run]")?.dataset.run;

list.addEventListener("stale", soon);
watchWorkspace((events) => {
  if (events.some((event) => kinds.has(event.kind))) soon();
}, soon);
