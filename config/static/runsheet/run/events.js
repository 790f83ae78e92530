// @ts-check
/** The story of a run, line by line (W29, W30). */
import { plural } from "../format.js";
import { html } from "../ui/html.js";
import { runWord } from "./steps.js";

const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const SHOWN = 200;

const SAYS = {
  run_status: (event) =>
    event.resumed
      ? `Resumed${event.by ? ` by ${event.by}` : ""}${event.note ? `: ${event.note}` : ""}`
      : `Run ${runWord({ status: event.status })[1].toLowerCase()}${event.error ? ` · ${event.error.message || event.error.code}` : ""}`,
  reused: (event) => `${plural(event.steps.length, "result")} kept from the earlier run: ${event.steps.join(", ")}`,
  block_started: () => "started",
  block_completed: (event) => (event.handle && event.handle !== "source" ? `done, went to ${event.handle}` : "done"),
  block_failed: (event) => `failed${event.error ? `: ${event.error.message || event.error.code}` : ""}`,
  block_retried: (event) => `attempt ${event.n} failed${event.error ? ` (${event.error.code})` : ""}, tries again`,
  block_skipped: (event) => `skipped${event.message ? `: ${event.message}` : ""}`,
  block_paused: (event) => (event.pause_kind === "approval" ? "asks for approval" : "waits"),
  block_answered: (event) =>
    event.outcome === "expired"
      ? "stopped waiting: the time came"
      : `was answered${event.by && event.by.name ? ` by ${event.by.name}` : ""}`,
  block_unknown: () => "was interrupted: nobody knows whether it was done",
};

/** @param {{events: any[]}} props */
export function Story({ events }) {
  const told = events.filter((event) => SAYS[event.kind]);
  const shown = told.slice(-SHOWN);
  return html`<section>
    <details class="body">
      <summary>Events</summary>
      ${shown.length < told.length && html`<p class="quiet">The last ${SHOWN} of ${told.length} are shown.</p>`}
      <ol class="story" tabindex="0" aria-label="Events">
        ${shown.map(
          (event) =>
            html`<li>
              <time class="quiet number" datetime=${event.at}>${event.at ? time.format(new Date(event.at)) : ""}</time>
              <span>${event.step_key && html`<code>${event.step_key}</code> `}${SAYS[event.kind](event)}</span>
            </li>`,
        )}
      </ol>
    </details>
  </section>`;
}
