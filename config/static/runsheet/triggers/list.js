// @ts-check
/** The list of triggers: switch, run now, and the menu of the rest. */
import { html } from "../ui/html.js";
import { item, openMenu } from "../ui/menu.js";
import { arm } from "../ui/once.js";
import { duplicate, remove, runNow, turn } from "./actions.js";
import { openBackfill } from "./backfill.js";
import { keepTimes } from "./times.js";

const list = /** @type {HTMLElement} */ (document.querySelector("[data-trigger-list]"));
const stale = () => list.dispatchEvent(new CustomEvent("stale"));

keepTimes(list);
arm(list, (button) => act(button, rowOf(button)));

function rowOf(button) {
  const row = button.closest("[data-trigger]");
  const { trigger, name, invocations } = row.dataset;
  return { id: trigger, name, invocations, mayChange: "mayChange" in row.dataset, mayRun: "mayRun" in row.dataset };
}

async function act(button, trigger) {
  if (button.dataset.act === "menu") return menu(button, trigger);
  if (button.dataset.act === "run") await runNow(trigger, button);
  else if (button.getAttribute("aria-disabled") !== "true") await flip(button, trigger);
  return stale();
}

/** The switch moves at once, and back if the server says no. */
async function flip(button, trigger) {
  const on = button.getAttribute("aria-checked") !== "true";
  button.setAttribute("aria-checked", String(on));
  if (!(await turn(trigger, on, button))) button.setAttribute("aria-checked", String(!on));
}

function menu(button, trigger) {
  const place = (label, address) => html`<a class="item" href=${address}>${label}</a>`;
  /** Do something, then have the list read anew if it was done. */
  const change = (act) => async () => {
    if (await act(trigger)) stale();
  };
  openMenu(
    button,
    () =>
      html`<h3>${trigger.name}</h3>
        ${trigger.mayRun && item("Run now", () => runNow(trigger).then(stale))}
        ${place("View runs", trigger.invocations)}
        ${place(trigger.mayChange ? "Edit" : "View settings", `/triggers/${trigger.id}/`)}
        ${"mayMake" in list.dataset && item("Duplicate", () => duplicate(trigger))}
        ${trigger.mayRun && item("Backfill…", change(openBackfill))} ${trigger.mayChange && html`<hr />`}
        ${trigger.mayChange && item("Delete", change(remove), true)}`,
    { label: trigger.name },
  );
}
