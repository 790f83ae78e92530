// @ts-check
/** What the jobs tray lists. */
import { JobProgress, cancelJob } from "../tables/job_view.js";
import { isActive, title } from "../tables/job_words.js";
import { html, useEffect, useState } from "./html.js";
import { openMenu } from "./menu.js";
import { button } from "./parts.js";

/**
 * @param {Element} anchor
 * @param {{jobs: Map<string, any>, tray: EventTarget, take: (job: any) => void}} known what the tray holds; "change"
 *   says that it is another
 */
export const openJobs = (anchor, known) => openMenu(anchor, () => html`<${Jobs} ...${known} />`, { label: "Jobs" });

function Jobs({ jobs, tray, take }) {
  const [, redraw] = useState(0);
  useEffect(() => {
    const changed = () => redraw((times) => times + 1);
    tray.addEventListener("change", changed);
    return () => tray.removeEventListener("change", changed);
  }, []);
  return [...jobs.values()].reverse().map(
    (job) =>
      html`<section class="job" key=${job.id}>
        <h3>${title(job)}</h3>
        <${JobProgress} job=${job} />
        <p class="row-of-buttons">
          <a class="button small" href=${`/tables/${job.table}/`}>Open table</a>
          ${isActive(job) && button("Cancel", async () => take(await cancelJob(job)), "small danger")}
        </p>
      </section>`,
  );
}
