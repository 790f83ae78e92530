// @ts-check
/** What people do with triggers and invocations: one request each, with an id of its own, and words for what went wrong. */
import { Problem, api } from "../api.js";
import { plural } from "../format.js";
import { confirm } from "../ui/confirm.js";
import { report, toast } from "../ui/toast.js";

const GONE = new Set(["trigger_not_found", "invocation_not_found"]);

/** An id for one intention: repeated, it starts nothing twice. Also where the page is not served over TLS. */
export function intent() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Clicks on one thing so close together mean one start, also when the first was answered before the second came. */
const ONE_CLICK_MS = 2_000;
/** @type {Map<string, {key: string, at: number}>} */
const clicked = new Map();

function keyFor(path) {
  const last = clicked.get(path);
  if (last && performance.now() - last.at < ONE_CLICK_MS) return last.key;
  const key = intent();
  clicked.set(path, { key, at: performance.now() });
  return key;
}

/**
 * Do something once while its button is busy (not disabled: it keeps the focus); the answer, or null when it was refused and told.
 * @param {HTMLButtonElement|null} button @param {string} doing completes "Could not …" @param {() => Promise<any>} act
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

/** The buttons of a list come disabled: before its module is here a click would do nothing. @param {Element} list */
export function arm(list) {
  const enable = () => {
    for (const button of list.querySelectorAll("[data-act]"))
      /** @type {HTMLButtonElement} */ (button).disabled = false;
  };
  enable();
  list.addEventListener("change", enable);
}

/** @param {{id: string, name: string, invocations: string}} trigger */
export async function runNow(trigger, button = null) {
  const answer = await once(button, `run “${trigger.name}”`, () =>
    started(`triggers/${trigger.id}/run/`, trigger.name),
  );
  if (answer?.id)
    toast(`“${trigger.name}” is starting.`, {
      action: { label: "View", run: () => location.assign(trigger.invocations) },
    });
  return answer;
}

/** Start it; if an earlier one is under way, ask whether it shall run beside it. */
async function started(path, name) {
  try {
    return await api("POST", path, { body: {}, key: keyFor(path) });
  } catch (error) {
    if (!(error instanceof Problem && error.code === "overlap")) throw error;
    const wanted = await confirm({
      title: "Run it beside the other one?",
      text: `An earlier invocation of “${name}” is still under way.`,
      yes: "Run anyway",
    });
    return wanted ? api("POST", path, { body: { force: true }, key: intent() }) : {};
  }
}

/** @param {{id: string, name: string}} trigger @param {boolean} on */
export function turn(trigger, on, button = null) {
  return once(button, `turn “${trigger.name}” ${on ? "on" : "off"}`, () =>
    api("POST", `triggers/${trigger.id}/${on ? "enable" : "disable"}/`),
  );
}

export async function duplicate(trigger) {
  const made = await once(null, `duplicate “${trigger.name}”`, () =>
    api("POST", `triggers/${trigger.id}/duplicate/`, { body: {}, key: intent() }),
  );
  if (made) location.assign(`/triggers/${made.id}/`);
}

/** @returns {Promise<boolean>} whether it is gone */
export async function remove(trigger) {
  const sure = await confirm({
    title: `Delete “${trigger.name}”?`,
    text: "It fires no more, and the list of what it did goes with it. What is running is stopped. This cannot be undone.",
    yes: "Delete trigger",
  });
  return (
    sure && (await once(null, `delete “${trigger.name}”`, () => api("DELETE", `triggers/${trigger.id}/`))) !== null
  );
}

export function cancel(invocation, button) {
  return once(button, "cancel this", () => api("POST", `invocations/${invocation}/cancel/`));
}

export async function rerun(invocation, name, button) {
  return once(button, "run this again", () => started(`invocations/${invocation}/rerun/`, name));
}

/** What a backfill over this time would start, or what it has started. */
export function backfill(trigger, { from, to, dryRun }) {
  return api("POST", `triggers/${trigger.id}/backfill/`, { body: { from, to, dry_run: dryRun } });
}

export const slots = (count) => plural(count, "slot");
