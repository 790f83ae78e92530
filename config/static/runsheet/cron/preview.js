// @ts-check
/** The next runs as the server computes them, while somebody types: on the trigger's clock and the reader's own. */
import { Problem, api, isAbort } from "../api.js";
import { html, useState } from "../ui/html.js";
import { useSettled } from "../ui/settled.js";
import { exactly, instantOf, isZone, zoneHere } from "./zone.js";

const PAUSE_MS = 250;
const SHOWN = 5;

/** Whether it is worth asking: five fields, or an alias. */
const isWhole = (expression) => /^@[a-z]{4,}$/i.test(expression) || expression.split(/\s+/).length === 5;

/**
 * @param {{expression: string|null, zone: string, wall: string, start: string, end: string}} props
 *   `expression` null: once, at `wall`
 */
export function NextRuns({ expression, zone, wall, start, end }) {
  if (!isZone(zone)) return html`<p class="quiet">Name a time zone to see them.</p>`;
  if (expression !== null) {
    const [from, until] = [start, end].map((wallTime) => instantOf(wallTime, zone));
    return html`<${Repeated} expression=${expression} zone=${zone} start=${from} end=${until} />`;
  }
  const at = instantOf(wall, zone);
  if (!at) return html`<p class="quiet">Choose a time.</p>`;
  return html`<${Runs} runs=${[{ at, note: Date.parse(at) < Date.now() ? "This is over." : "" }]} zone=${zone} />`;
}

function Repeated({ expression, zone, start, end }) {
  const [answer, setAnswer] = useState(/** @type {any} */ (null));
  const ask = async (signal) => {
    if (!isWhole(expression)) {
      setAnswer({ fault: "A cron expression has five fields." });
      return;
    }
    const span = { ...(start && { start_at: start }), ...(end && { end_at: end }) };
    const body = { cron_expression: expression, cron_timezone: zone, ...span };
    try {
      setAnswer(await api("POST", "triggers/preview/", { signal, body }));
    } catch (error) {
      if (!isAbort(error)) setAnswer({ fault: faultOf(error) });
    }
  };
  useSettled(ask, PAUSE_MS, [expression, zone, start, end]);
  if (!answer) return html`<p class="quiet" role="status">…</p>`;
  if (answer.fault) return html`<p class="errors" role="status">${answer.fault}</p>`;
  const runs = answer.next.slice(0, SHOWN);
  return html`<p class="said" role="status">${answer.description}</p>
    ${runs.length ? html`<${Runs} runs=${runs} zone=${zone} />` : html`<p class="quiet">None: its end has come.</p>`}`;
}

const faultOf = (error) =>
  error instanceof Problem
    ? Object.values(error.errors).flat().join(" ") || error.message
    : "The server could not be reached.";

function Runs({ runs, zone }) {
  const here = zoneHere();
  return html`<ol class="runs-to-come">
    ${runs.map(
      (run) =>
        html`<li>
          <time datetime=${run.at}>${exactly(run.at, zone)}</time>
          ${zone !== here && html`<span class="quiet">${exactly(run.at, here)} for you</span>`}
          ${run.note && html`<span class="dst">${run.note}</span>`}
        </li>`,
    )}
  </ol>`;
}
