// @ts-check
/** What the jobs tray lists. */
import { cancelJob, JobProgress } from "../tables/job_view.js";
import { isActive, title } from "../tables/job_words.js";
import { html, useEffect, useState } from "./html.js";
import { jobs, take, tray } from "./jobs.js";
import { openMenu } from "./menu.js";

/** @param {Element} anchor */
export const openJobs = (anchor) => openMenu(anchor, () => html`<${Jobs} />`, { label: "Jobs" });

function Jobs() {
  const [, redraw] = useState(0);
  useEffect(() => {
    const changed = () => redraw((times) => times + 1);
    tray.addEventListener("change", changed);
    return () => tray.removeEventListener("change", changed);
  }, []);
  return [...jobs.values()].reverse().map((job) => html`<section class="job" key=${job.id}>
    <h3>${title(job)}</h3>
    <${JobProgress} job=${job} />
    <p class="row-of-buttons">
      <a class="button small" href=${`/tables/${job.table}/`}>Open table</a>
      ${isActive(job) && html`<button type="button" class="button small danger" onClick=${async () => take(await cancelJob(job))}>Cancel</button>`}
    </p>
  </section>`);
}
