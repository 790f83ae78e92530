// @ts-check
/** The story of a run, line by line (W29, W30). */
import { plural } from "../format.js";
import { html } from "../ui/html.js";
import { runWord } from "./steps.js";

const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const SHOWN = 200;

const after = (sign, text) => (text ? `${sign}${text}` : "");
const messageOf = (error) => error && (error.message || error.code);

const SAYS = {
  run_status: ({ resumed, by, note, status, error }) =>
    resumed
      ? `Resumed${after(" by ", by)}${after(": ", note)}`
      : `Run ${runWord({ status })[1].toLowerCase()}${after(" · ", messageOf(error))}`,
  reused: ({ steps }) => `${plural(steps.length, "result")} kept from the earlier run: ${steps.join(", ")}`,
  block_started: () => "started",
  block_completed: ({ handle }) => `done${after(", went to ", handle !== "source" && handle)}`,
  block_failed: ({ error }) => `failed${after(": ", messageOf(error))}`,
  block_retried: ({ n, error }) => `attempt ${n} failed${error ? ` (${error.code})` : ""}, tries again`,
  block_skipped: ({ message }) => `skipped${after(": ", message)}`,
  block_paused: (event) => (event.pause_kind === "approval" ? "asks for approval" : "waits"),
  block_answered: ({ outcome, by }) =>
    outcome === "expired" ? "stopped waiting: the time came" : `was answered${after(" by ", by?.name)}`,
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
