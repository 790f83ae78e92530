// @ts-check
/** What a cell ran: its runs, and the steps of the one that is looked at, read anew whenever the cell has news. */
import { api } from "../api.js";
import { clock } from "../format.js";
import { html, useEffect, useState } from "../ui/html.js";
import { labelled, optionsOf } from "../ui/parts.js";
import { useSettled } from "../ui/settled.js";
import { report } from "../ui/toast.js";
import { RunLink } from "./body.js";
import { runWord } from "./steps.js";
import { Waterfall } from "./waterfall.js";

const READ_PAUSE_MS = 120;
const TICK_MS = 1_000;
const MOST_STEPS = 500;

/** @type {Object<string, Promise<Map<string, string>>>} names of blocks, by version */
const named = {};

const namesOf = ({ version_id, workflow, version }) =>
  (named[version_id] ||= api("GET", `workflows/${workflow}/versions/${version}/`).then(
    ({ definition }) => new Map(definition.blocks.map((block) => [block.key, block.name || block.key])),
  ));

async function read(path, wanted, signal) {
  const { results: runs } = await api("GET", `${path}runs/`, { query: { limit: 50 }, signal });
  const run = runs.find((one) => one.id === wanted);
  if (!run) return { path, runs, run: null };
  const [steps, names] = await Promise.all([
    api("GET", `runs/${run.id}/steps/`, { query: { brief: true, limit: MOST_STEPS }, signal }),
    namesOf(run),
  ]);
  return { path, runs, run, names, steps: new Map(steps.results.map((step) => [step.step_key, step])) };
}

/**
 * @param {string} path of the cell in the API
 * @param {any} cell as the row has it
 * @returns {{trace: any, choose: (run: string) => void, refresh: () => void}} `trace` is null until it is read
 */
export function useTrace(path, cell) {
  const [trace, setTrace] = useState(/** @type {any} */ (null));
  const [chosen, choose] = useState("");
  const [asked, setAsked] = useState(0);
  const wanted = chosen || cell?.run;
  const news = cell ? `${cell.version} ${cell.status} ${(cell.running_blocks || []).join()}` : "";
  useEffect(() => choose(""), [cell?.run]);
  const look = (signal) =>
    wanted ? read(path, wanted, signal).then(setTrace, (error) => report(error, "read the run")) : setTrace(null);
  useSettled(look, READ_PAUSE_MS, [path, wanted, news, asked]);
  return { trace: trace?.path === path && trace.run ? trace : null, choose, refresh: () => setAsked(asked + 1) };
}

/** The present time, each second while something is under way. */
export function useNow(isLive) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    setNow(Date.now());
    const timer = isLive ? setInterval(() => setNow(Date.now()), TICK_MS) : 0;
    return () => clearInterval(timer);
  }, [isLive]);
  return now;
}

/** The blocks on one time axis, under the choice of the attempt they are of. */
export function Blocks({ trace, now, selected, onSelect, onChoose }) {
  const { run, runs, steps, names } = trace;
  const begin = Date.parse(run.started_at || run.created_at);
  const attempts = runs.map((one, place) => [
    one.id,
    `${runs.length - place} of ${runs.length} · ${clock(one.created_at)} · ${runWord(one)[1]}`,
  ]);
  const choose = (event) => onChoose(event.currentTarget.value);
  const select = html`<select id="trace-run" value=${run.id} onChange=${choose}>
    ${optionsOf(attempts, run.id)}
  </select>`;
  return html`<section class="trace">
    ${runs.length > 1 && labelled("trace-run", "Attempt", select)}
    <h3>Blocks</h3>
    <${Waterfall} ...${{ steps, names, selected, now, begin, onSelect }} />
  </section>`;
}

/** Which results came from an earlier run. */
export function Reused({ trace }) {
  const kept = [...trace.steps.values()].filter((step) => step.cached_from);
  if (!kept.length) return null;
  const words = kept.map((step) => trace.names.get(step.block) || step.step_key).join(", ");
  const keep = kept.length === 1 ? "keeps its output" : "keep their outputs";
  return html`<section>
    <h3>Kept from an earlier run</h3>
    <p>${words} ${keep} from <${RunLink} id=${kept[0].cached_from} />.</p>
  </section>`;
}
