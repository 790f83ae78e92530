// @ts-check
/** The page of the scheduler: it is looked at again every few seconds, and admins restart it. */
import { api } from "../api.js";
import { finishList } from "../run/list_times.js";
import { confirm } from "../ui/confirm.js";
import { once } from "../ui/once.js";
import { toast } from "../ui/toast.js";
import { keepTimes } from "./times.js";

const LOOK_MS = 5_000;

const list = /** @type {HTMLElement} */ (document.querySelector("[data-scheduler]"));
const restart = /** @type {HTMLButtonElement|null} */ (document.querySelector("[data-restart]"));
const stale = () => list.dispatchEvent(new CustomEvent("stale"));

finishList(list);
keepTimes(list);
setInterval(() => {
  if (!document.hidden) stale();
}, LOOK_MS);
if (restart) restart.disabled = false;
restart?.addEventListener("click", async () => {
  const sure = await confirm({
    title: "Restart the scheduler?",
    text:
      "The process that leads gives up the lead, another is chosen, and what is due fires at once. " +
      "Nothing that runs is touched.",
    yes: "Restart",
  });
  if (!sure) return;
  const answer = await once(restart, "restart the scheduler", () => api("POST", "scheduler/restart/"));
  if (answer) toast(`Restarted: epoch ${answer.epoch}.`);
  stale();
});
