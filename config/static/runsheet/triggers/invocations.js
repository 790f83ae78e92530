// @ts-check
/** Lists of invocations: cancel what is under way, run again what is over. */
import { finishList } from "../run/list_times.js";
import { arm } from "../ui/once.js";
import { cancel, rerun } from "./actions.js";
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
arm(list, async (button) => {
  const { invocation: id = "", name } = /** @type {HTMLElement} */ (button.closest("[data-invocation]")).dataset;
  if (button.dataset.act === "cancel") await cancel(id, button);
  else await rerun(id, name, button);
  stale();
});
