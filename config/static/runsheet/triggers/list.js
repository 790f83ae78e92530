// @ts-check
/** The list of triggers: switch, run now, and the menu of the rest. */
import { html } from "../ui/html.js";
import { openMenu } from "../ui/menu.js";
import { arm, duplicate, remove, runNow, turn } from "./actions.js";
import { openBackfill } from "./backfill.js";
import { keepTimes } from "./times.js";

const list = /** @type {HTMLElement} */ (document.querySelector("[data-trigger-list]"));
const stale = () => list.dispatchEvent(new CustomEvent("stale"));

keepTimes(list);
list.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-act]") : null;
  if (button instanceof HTMLButtonElement) act(button, rowOf(button));
});
arm(list);

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
  openMenu(
    button,
    (close) => {
      const item = (label, then, danger = false) =>
        html`<button
          type="button"
          class=${danger ? "item danger" : "item"}
          onClick=${() => {
            close();
            then();
          }}
        >
          ${label}
        </button>`;
      const place = (label, address) => html`<a class="item" href=${address}>${label}</a>`;
      return html`<h3>${trigger.name}</h3>
        ${
          trigger.mayRun &&
          item("Run now", async () => {
            await runNow(trigger);
            stale();
          })
        }
        ${place("View runs", trigger.invocations)}
        ${place(trigger.mayChange ? "Edit" : "View settings", `/triggers/${trigger.id}/`)}
        ${"mayMake" in list.dataset && item("Duplicate", () => duplicate(trigger))}
        ${
          trigger.mayRun &&
          item("Backfill…", async () => {
            if (await openBackfill(trigger)) stale();
          })
        }
        ${trigger.mayChange && html`<hr />`}
        ${
          trigger.mayChange &&
          item(
            "Delete",
            async () => {
              if (await remove(trigger)) stale();
            },
            true,
          )
        }`;
    },
    { label: trigger.name },
  );
}
