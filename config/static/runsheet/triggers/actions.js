// @ts-check
/** What people do with triggers and invocations: one request each, with an id of its own. */
import { Problem, api, intent } from "../api.js";
import { confirm } from "../ui/confirm.js";
import { once } from "../ui/once.js";
import { toast } from "../ui/toast.js";

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

/** @param {{id: string, name: string, invocations: string}} trigger */
export async function runNow(trigger, button = null) {
  const answer = await once(button, `run “${trigger.name}”`, () =>
    started(`triggers/${trigger.id}/run/`, trigger.name),
  );
  if (!answer?.id) return;
  const action = { label: "View", run: () => location.assign(trigger.invocations) };
  toast(`“${trigger.name}” is starting.`, { action });
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
export const turn = (trigger, on, button = null) =>
  once(button, `turn “${trigger.name}” ${on ? "on" : "off"}`, () =>
    api("POST", `triggers/${trigger.id}/${on ? "enable" : "disable"}/`),
  );

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
    text:
      "It fires no more, and the list of what it did goes with it. What is running is stopped. " +
      "This cannot be undone.",
    yes: "Delete trigger",
  });
  if (!sure) return false;
  return (await once(null, `delete “${trigger.name}”`, () => api("DELETE", `triggers/${trigger.id}/`))) !== null;
}

export const cancel = (invocation, button) =>
  once(button, "cancel this", () => api("POST", `invocations/${invocation}/cancel/`));

export const rerun = (invocation, name, button) =>
  once(button, "run this again", () => started(`invocations/${invocation}/rerun/`, name));
