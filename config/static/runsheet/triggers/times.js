// @ts-check
/**
 * Instants in lists of triggers, on the reader's own clock; the trigger's clock is on hover. What is said relative to
 * now stands beside, so that the time itself reads the same however often the page is loaded.
 */
import { dayAndTime, exactly, fromNow, isZone, zoneHere } from "../cron/zone.js";

const AGAIN_MS = 20_000;

/** Write out every `<time data-instant>` under an element. @param {Element} root */
function writeTimes(root) {
  const here = zoneHere();
  for (const time of root.querySelectorAll("time[data-instant]")) {
    if (!(time instanceof HTMLTimeElement)) continue;
    const zone = isZone(time.dataset.zone) ? time.dataset.zone : "UTC";
    time.textContent = dayAndTime(time.dateTime, here);
    time.title =
      zone === here
        ? exactly(time.dateTime, here)
        : `${exactly(time.dateTime, here)}\n${exactly(time.dateTime, zone)} · ${zone}`;
    if ("relative" in time.dataset) beside(time).textContent = fromNow(time.dateTime);
  }
}

function beside(time) {
  let found = time.nextElementSibling;
  if (!found || !found.classList.contains("from-now")) {
    found = document.createElement("span");
    found.className = "line quiet from-now";
    time.after(found);
  }
  return found;
}

/** Write them now, whenever the list is read anew, and as time goes by. @param {Element} list */
export function keepTimes(list) {
  writeTimes(list);
  list.addEventListener("change", () => writeTimes(list));
  setInterval(() => {
    if (!document.hidden) writeTimes(list);
  }, AGAIN_MS);
}
