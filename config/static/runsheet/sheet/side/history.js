// @ts-check
/** The runs of a table: who asked for what, when, how it went and what it cost. */
import { api } from "../../api.js";
import { instant, plural } from "../../format.js";
import { figuresOf } from "../../run/figures.js";
import { cross, html, useEffect, useState } from "../../ui/html.js";
import { report } from "../../ui/toast.js";
import { all } from "../../triggers/target.js";
import { MODES } from "../../words.js";
import { retryFailed, stopDispatch } from "../actions.js";
import { isActive } from "../overlay.js";

const PAGE = 20;
const WORDS = {
  pending: ["queued", "Queued"],
  dispatching: ["running", "Running"],
  complete: ["done", "Done"],
  cancelled: ["cancelled", "Stopped"],
  failed: ["failed", "Could not finish"],
};
const CELLS = new Map([...MODES, ["new", "Never tried"]]);

export function Panel({ grid, side }) {
  const { session } = grid;
  const [found, setFound] = useState(/** @type {any[]|null} */ (null));
  const [next, setNext] = useState(/** @type {string|null} */ (null));
  const [people, setPeople] = useState(new Map());
  const [, draw] = useState(0);
  const read = async (after) => {
    try {
      const page = await api("GET", `${session.path}dispatches/`, { query: { limit: PAGE, after } });
      setFound((known) => [...(after ? known || [] : []), ...page.results]);
      setNext(page.next);
    } catch (error) {
      report(error, "read the runs");
    }
  };
  useEffect(() => {
    read();
    all(`workspaces/${document.documentElement.dataset.workspace}/members/`).then(
      (members) => setPeople(new Map(members.map((one) => [one.user, one.name || one.username]))),
      (error) => report(error, "read who belongs here"),
    );
    let known = 0;
    const look = () => {
      draw((count) => count + 1);
      const newest = [...session.dispatches.values()].filter((one) => !one.provisional).length;
      if (newest !== known) read();
      known = newest;
    };
    session.addEventListener("dispatches", look);
    return () => session.removeEventListener("dispatches", look);
  }, []);
  const here = (one) => session.dispatches.get(one.id) || one;
  return html`<header class="drawer-head">
      <div><h2>Run history</h2></div>
      <button type="button" class="icon-button" aria-label="Close" onClick=${() => side.close()}>${cross}</button>
    </header>
    ${!found && html`<section><p class="quiet" role="status">Reading…</p></section>`}
    ${found?.length === 0 && html`<section><p class="quiet">Nothing has run here yet.</p></section>`}
    <ol class="history">
      ${(found || []).map((one) => html`<${Entry} key=${one.id} grid=${grid} dispatch=${here(one)} by=${people.get(one.requested_by)} />`)}
    </ol>
    ${next && html`<section><button type="button" class="button" onClick=${() => read(next)}>Show more</button></section>`}`;
}

function Entry({ grid, dispatch, by }) {
  const [state, word] = WORDS[dispatch.status] || ["queued", dispatch.status];
  const live = isActive(dispatch);
  const names =
    dispatch.groups
      .map((id) => grid.schema.group.get(id)?.name)
      .filter(Boolean)
      .join(", ") || plural(dispatch.groups.length, "group");
  const who = dispatch.is_manual ? by || "somebody" : "automatic";
  return html`<li>
    <div class="history-head">
      <strong>${names}</strong><span class="pill" data-state=${state}><span class="word">${word}</span></span>
    </div>
    <p class="quiet">
      <time datetime=${dispatch.requested_at}>${instant(dispatch.requested_at)}</time>${" "}· ${who}
      ·${" "}${scopeWords(dispatch)} ·${" "}${(CELLS.get(dispatch.mode) || dispatch.mode).toLowerCase()}
    </p>
    <p class="strip-figures">
      ${figuresOf(dispatch, live).map((figure) => html`<span class=${figure.kind === "failed" ? "failed" : ""}>${figure.text}</span>`)}
    </p>
    <p class="history-acts">
      <a href=${`/runs/?dispatch=${dispatch.id}`}>Show its runs</a>
      ${grid.mayRun && live && html`<button type="button" class="button small danger" onClick=${() => stopDispatch(grid.session, grid.store, dispatch)}>Stop</button>`}
      ${grid.mayRun && !live && dispatch.progress?.failed > 0 && html`<button type="button" class="button small" onClick=${() => retryFailed(grid.session, dispatch)}>Retry failed</button>`}
    </p>
  </li>`;
}

function scopeWords({ scope = {}, limit }) {
  const named = Array.isArray(scope.rows)
    ? plural(scope.rows.length, "row")
    : scope.rows && ("seq_from" in scope.rows ? "new rows" : "a selection");
  const rows = named || (scope.filter ? "rows of a filter" : "all rows");
  return limit ? `first ${plural(limit, "row")}${rows === "all rows" ? "" : ` of ${rows}`}` : rows;
}
