// @ts-check
/** One job as people follow it: a bar, figures, and what can be done; drawn in the import dialog and in the tray. */
import { api } from "../api.js";
import { html } from "../ui/html.js";
import { report } from "../ui/toast.js";
import { figures, isActive, outcome, share } from "./job_words.js";

const FIRST_MS = 250;
const LONGEST_MS = 2_000;

/** Ask how a job stands until it has ended. @param {any} job @param {(job: any) => void} told */
export async function follow(job, told, signal) {
  for (let pause = FIRST_MS; isActive(job) && !signal.aborted; pause = Math.min(pause * 1.5, LONGEST_MS)) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (signal.aborted) return;
    try {
      job = await api("GET", `jobs/${job.id}/`, { signal });
      told(job);
    } catch (error) {
      if (!signal.aborted) console.warn("the job could not be read", error);
    }
  }
}

export async function cancelJob(job) {
  try {
    return await api("POST", `jobs/${job.id}/cancel/`);
  } catch (error) {
    report(error, "cancel this");
    return job;
  }
}

export const rejectsAddress = (job) =>
  `/api/v1/jobs/${job.id}/rejects/?workspace=${document.documentElement.dataset.workspace}`;

const refused = (job) => html`<a href=${rejectsAddress(job)} download>Download the refused rows</a>`;

/** @param {{job: any}} props */
export function JobProgress({ job }) {
  const part = share(job);
  if (!isActive(job)) {
    return html`<p class=${job.status === "completed" ? "" : "job-fault"}>${outcome(job)}</p>
      ${job.has_rejects && html`<p>${refused(job)} with the reasons, as CSV.</p>`}`;
  }
  return html`<progress value=${part} max="1" aria-label="Progress"></progress>
    <p class="quiet number">${part === null ? "" : `${Math.floor(part * 100)}% · `}${figures(job)}</p>`;
}
