// @ts-check
/** The jobs tray: a quiet button in the navigation while something long is at work, and a word when it has ended. */
import { api } from "../api.js";
import { plural } from "../format.js";
import { rejectsAddress } from "../tables/job_view.js";
import { isActive, outcome, share, title } from "../tables/job_words.js";
import { watchWorkspace } from "../workspace_live.js";
import { html, render } from "./html.js";
import { toast } from "./toast.js";

const button = /** @type {HTMLButtonElement} */ (document.getElementById("jobs"));
const table = document.querySelector("run-sheet")?.getAttribute("table-id");

/** Jobs that were at work while this page was open, the newest last. @type {Map<string, any>} */
const jobs = new Map();
const tray = new EventTarget();

/** Take in how a job stands. One that had ended before anybody here saw it at work is no news. */
function take(job) {
  const before = jobs.get(job.id);
  if ((table && job.table !== table) || (!before && !isActive(job)) || (before && !isActive(before))) return;
  jobs.set(job.id, job);
  draw();
  if (!isActive(job) && !document.querySelector("dialog[open] .import")) tell(job);
}

function draw() {
  const active = [...jobs.values()].filter(isActive);
  const part = active.length === 1 ? share(active[0]) : null;
  const far = part === null ? "" : ` · ${Math.floor(part * 100)}%`;
  const words = active.length ? `${plural(active.length, "job")}${far}` : "Jobs done";
  button.hidden = !jobs.size;
  render(html`${active.length > 0 && html`<i class="ring" aria-hidden="true"></i>`}<span>${words}</span>`, button);
  tray.dispatchEvent(new Event("change"));
}

function tell(job) {
  const to = (label, address) => ({ label, run: () => location.assign(address) });
  const open = table ? undefined : to("Open table", `/tables/${job.table}/`);
  const action = job.has_rejects ? to("Refused rows", rejectsAddress(job)) : open;
  toast(`${title(job)}: ${outcome(job)}`, { kind: job.status === "failed" ? "error" : "info", seconds: 12, action });
}

/** Events name a job's own kind otherwise. */
function hear(events) {
  for (const event of events) if (event.kind === "job") take({ ...event, kind: event.job_kind });
}

async function read() {
  try {
    const { results } = await api("GET", "jobs/", { query: { active: true, limit: 20 } });
    const shown = new Set(results.map((job) => job.id));
    for (const job of results.reverse()) take(job);
    for (const job of jobs.values()) if (isActive(job) && !shown.has(job.id)) take(await api("GET", `jobs/${job.id}/`));
  } catch (error) {
    console.warn("jobs could not be read", error);
  }
}

button.addEventListener("click", async () => (await import("./jobs_menu.js")).openJobs(button, { jobs, tray, take }));
if (table) {
  const { session } = await import("./../session.js");
  const shared = session(table);
  shared.addEventListener("job", (event) => hear([/** @type {CustomEvent} */ (event).detail]));
  shared.addEventListener("resync", read);
} else watchWorkspace(hear, read);
read();
