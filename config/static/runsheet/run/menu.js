// @ts-check
/** The run menu: which rows, which cells, each with the server's count. First 10 is the cheap way to try. */
import { count } from "../format.js";
import { plan, run } from "../sheet/actions.js";
import { confirm } from "../ui/confirm.js";
import { html, useEffect, useState } from "../ui/html.js";
import { openMenu } from "../ui/menu.js";
import { isAbort } from "../api.js";
import { MODES } from "../words.js";

const FIRST = 10;
/** Running everything again on more rows than this asks once. */
const ASK_BEYOND = 1_000;

/**
 * @param {Element} anchor
 * @param {{session: any, groups: any[], title: string}} what
 */
export function openRunMenu(anchor, { session, groups, title }) {
  openMenu(anchor, (close) => html`<${RunMenu} session=${session} groups=${groups} title=${title} close=${close} />`, { label: title });
}

function RunMenu({ session, groups, title, close }) {
  const [mode, setMode] = useState("incomplete");
  const ids = groups.map((group) => group.id);
  const choose = async (limit, planned) => {
    close();
    if (mode === "all" && planned && planned.rows > ASK_BEYOND && !(await askFor(planned, title))) return;
    run(session, { groups: ids, mode, limit });
  };
  return html`
    <h3 id="run-menu-title">${title}</h3>
    <${Choice} key=${`first-${mode}`} label=${`First ${FIRST} rows`} session=${session} wish=${{ groups: ids, mode, limit: FIRST }} onChoose=${choose} />
    <${Choice} key=${`all-${mode}`} label="All rows" session=${session} wish=${{ groups: ids, mode }} onChoose=${choose} />
    <hr />
    <h3>Which cells</h3>
    <div class="segments" role="radiogroup" aria-label="Which cells">
      ${MODES.map(([value, label]) => html`
        <button type="button" role="radio" aria-checked=${value === mode ? "true" : "false"} onClick=${() => setMode(value)}>${label}</button>`)}
    </div>
    ${mode === "all" && html`<p class="note">Everything runs finished cells again and replaces edited values.</p>`}`;
}

/** One line of the menu; its count comes when the server has counted. */
function Choice({ label, session, wish, onChoose }) {
  const [planned, setPlanned] = useState(/** @type {any} */ (null));
  useEffect(() => {
    const leaving = new AbortController();
    plan(session, wish, leaving.signal).then(setPlanned, (error) => { if (!isAbort(error)) setPlanned({ failed: true }); });
    return () => leaving.abort();
  }, []);
  const cells = planned && planned.groups ? cellsOf(planned) : null;
  return html`
    <button type="button" class="item" aria-disabled=${cells && cells.none ? "true" : null}
      onClick=${() => onChoose(wish.limit, planned)}>
      <span>${label}</span><span class="count">${cells ? cells.words : planned ? "" : "…"}</span>
    </button>`;
}

/** Cells that would run at once, and those that would follow when what they wait for is there. */
function cellsOf(planned) {
  const groups = Object.values(planned.groups);
  const now = groups.reduce((sum, group) => sum + group.run, 0);
  const later = groups.reduce((sum, group) => sum + (group.skipped.deps_unmet || 0), 0);
  const noun = now + later === 1 ? "cell" : "cells";
  return { none: now + later === 0, words: later && groups.length > 1 ? `up to ${count(now + later)} ${noun}` : `${count(now)} ${now === 1 ? "cell" : "cells"}` };
}

function askFor(planned, title) {
  const cells = Object.values(planned.groups).reduce((sum, group) => sum + group.run, 0);
  return confirm({
    title: "Run everything again?",
    text: `${title}: ${count(cells)} cells on ${count(planned.rows)} rows run again, finished ones too. Values are replaced as results come.`,
    yes: `Run ${count(cells)} cells`,
  });
}
