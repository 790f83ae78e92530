// @ts-check
/** The runs of a table: who asked for what, when, how it went and what it cost. */
import { all, api } from "../../api.js";
import { instant, plural } from "../../format.js";
import { figuresOf } from "../../run/figures.js";
import { html, useEffect, useState } from "../../ui/html.js";
import { button, pill } from "../../ui/parts.js";
import { MODES } from "../../words.js";
import { retryFailed, stopDispatch } from "../actions.js";
import { attempt } from "../attempt.js";
import { isActive } from "../overlay.js";
import { Head } from "./form.js";

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
  const read = (after) =>
    attempt("read the runs", async () => {
      const page = await api("GET", `${session.path}dispatches/`, { query: { limit: PAGE, after } });
      setFound((known) => [...(after ? known || [] : []), ...page.results]);
      setNext(page.next);
    });
  useEffect(() => {
    read();
    attempt("read who belongs here", async () => {
      const members = await all(`workspaces/${document.documentElement.dataset.workspace}/members/`);
      setPeople(new Map(members.map((one) => [one.user, one.name || one.username])));
    });
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
  const entry = (one) => {
    const dispatch = session.dispatches.get(one.id) || one;
    return html`<${Entry} key=${one.id} grid=${grid} dispatch=${dispatch} by=${people.get(one.requested_by)} />`;
  };
  return html`<${Head} title="Run history" side=${side} />
    ${!found && html`<section><p class="quiet" role="status">Reading…</p></section>`}
    ${found?.length === 0 && html`<section><p class="quiet">Nothing has run here yet.</p></section>`}
    <ol class="history">
      ${(found || []).map(entry)}
    </ol>
    ${next && html`<section>${button("Show more", () => read(next))}</section>`}`;
}

function Entry({ grid, dispatch, by }) {
  const [state, word] = WORDS[dispatch.status] || ["queued", dispatch.status];
  const live = isActive(dispatch);
  const known = dispatch.groups.map((id) => grid.schema.group.get(id)?.name).filter(Boolean);
  const names = known.join(", ") || plural(dispatch.groups.length, "group");
  const who = dispatch.is_manual ? by || "somebody" : "automatic";
  const mode = (CELLS.get(dispatch.mode) || dispatch.mode).toLowerCase();
  const stop = () => stopDispatch(grid.session, grid.store, dispatch);
  const mayRetry = grid.mayRun && !live && dispatch.progress?.failed > 0;
  const retry = () => retryFailed(grid.session, dispatch);
  const figure = ({ kind, text }) => html`<span class=${kind === "failed" ? "failed" : ""}>${text}</span>`;
  return html`<li>
    <div class="history-head"><strong>${names}</strong>${pill(state, word)}</div>
    <p class="quiet">
      <time datetime=${dispatch.requested_at}>${instant(dispatch.requested_at)}</time>
      ${` · ${who} · ${scopeWords(dispatch)} · ${mode}`}
    </p>
    <p class="strip-figures">${figuresOf(dispatch, live).map(figure)}</p>
    <p class="history-acts">
      <a href=${`/runs/?dispatch=${dispatch.id}`}>Show its runs</a>
      ${grid.mayRun && live && button("Stop", stop, "small danger")}
      ${mayRetry && button("Retry failed", retry, "small")}
    </p>
  </li>`;
}

function scopeWords({ scope = /** @type {any} */ ({}), limit }) {
  const rows = rowWords(scope);
  return limit ? `first ${plural(limit, "row")}${rows === "all rows" ? "" : ` of ${rows}`}` : rows;
}

function rowWords({ rows, filter }) {
  if (!rows) return filter ? "rows of a filter" : "all rows";
  if (Array.isArray(rows)) return plural(rows.length, "row");
  return "seq_from" in rows ? "new rows" : "a selection";
}
