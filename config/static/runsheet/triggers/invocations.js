// @ts-check
/** Lists of invocations: cancel what is under way, run again what is over. */
import { finishList } from "../run/list_times.js";
import { arm, cancel, rerun } from "./actions.js";
import { keepTimes } from "./times.js";

/** What begins and ends elsewhere, such as a table's cells, is not told of on the socket. */
const LOOK_MS = 4_000;

const list = /** @type {HTMLElement} */ (document.querySelector("[data-invocation-list]"));
const stale = () => list.dispatchEvent(new CustomEvent("stale"));

finishList(list);
keepTimes(list);
setInterval(() => {
  if (!document.hidden && list.querySelector("[data-in-flight]")) stale();
}, LOOK_MS);
list.addEventListener("click", async (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-act]") : null;
  const row = button?.closest("[data-invocation]");
  if (!(button instanceof HTMLButtonElement) || !(row instanceof HTMLElement)) return;
  const id = row.dataset.invocation || "";
  if (button.dataset.act === "cancel") await cancel(id, button);
  else await rerun(id, row.dataset.name, button);
  stale();
});
arm(list);
