// @ts-check
/** The list of runs: resume one or many, run a cancelled one again. */
import { finishList } from "./list_times.js";
import { planRerun } from "./rerun.js";
import { resume, resumeMany } from "./resume.js";

const list = /** @type {HTMLElement} */ (document.querySelector("[data-run-list]"));

const picked = () => [...list.querySelectorAll("[data-pick]:checked")].map((box) => rowOf(box).dataset.run);
const rowOf = (element) => /** @type {HTMLElement} */ (element.closest("[data-run]"));

/** Looked up each time: the list is replaced while it is shown (`workspace.js`). */
function count() {
  const together = /** @type {HTMLButtonElement|null} */ (list.querySelector("[data-resume-picked]"));
  if (!together) return;
  const many = picked().length;
  together.disabled = !many;
  together.textContent = many ? `Resume selected (${many})` : "Resume selected";
}

finishList(list);
list.addEventListener("change", count);
list.addEventListener("click", async (event) => {
  if (event.target instanceof Element && event.target.closest("[data-resume-picked]")) {
    if (await resumeMany(picked())) location.reload();
    return;
  }
  const button = event.target instanceof Element ? event.target.closest("[data-resume], [data-rerun]") : null;
  if (!(button instanceof HTMLElement)) return;
  const row = rowOf(button);
  if ("rerun" in button.dataset) planRerun({ id: row.dataset.run, workflow: row.dataset.workflow }, {});
  else if (await resume({ id: row.dataset.run })) location.reload();
});
count();
