// @ts-check
/** The list of runs: resume one or many, run a cancelled one again. */
import { duration } from "../format.js";
import { planRerun } from "./rerun.js";
import { resume, resumeMany } from "./resume.js";

const list = /** @type {HTMLElement} */ (document.querySelector("[data-run-list]"));
const together = /** @type {HTMLButtonElement|null} */ (list.querySelector("[data-resume-picked]"));

const picked = () => [...list.querySelectorAll("[data-pick]:checked")].map((box) => rowOf(box).dataset.run);
const rowOf = (element) => /** @type {HTMLElement} */ (element.closest("[data-run]"));

function count() {
  if (!together) return;
  const many = picked().length;
  together.disabled = !many;
  together.textContent = many ? `Resume selected (${many})` : "Resume selected";
}

for (const span of list.querySelectorAll("[data-seconds]")) {
  if (span instanceof HTMLElement) span.textContent = duration(Number(span.dataset.seconds) * 1000);
}
list.addEventListener("change", count);
together?.addEventListener("click", async () => { if (await resumeMany(picked())) location.reload(); });
list.addEventListener("click", async (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-resume], [data-rerun]") : null;
  if (!(button instanceof HTMLElement)) return;
  const row = rowOf(button);
  if ("rerun" in button.dataset) planRerun({ id: row.dataset.run, workflow: row.dataset.workflow }, {});
  else if (await resume({ id: row.dataset.run })) location.reload();
});
count();
