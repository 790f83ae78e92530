// @ts-check
/** The run menu: which rows, which cells, each with the server's count and cost. First 10 is the cheap way to try. */
import { api, isAbort } from "../api.js";
import { count, plural } from "../format.js";
import { plan, run, stopGroups } from "../sheet/actions.js";
import { isActive } from "../sheet/overlay.js";
import { idsOf } from "../sheet/scopes.js";
import { confirm } from "../ui/confirm.js";
import { Segments } from "../ui/fields.js";
import { html, useEffect, useState } from "../ui/html.js";
import { closeMenu, item, openMenu } from "../ui/menu.js";
import { useSettled } from "../ui/settled.js";
import { report, toast } from "../ui/toast.js";
import { MODES } from "../words.js";
import { cellsOf, countWords, followers } from "./foresee.js";

const FIRST = 10;
/** Running everything again on more rows than this asks once. */
const ASK_BEYOND = 1_000;
const COUNT_PAUSE_MS = 150;
/** So many rows of a text search are named by their ids; the API has no other way to name them. */
const MOST_NAMED = 1_000;
const IN_FLIGHT = ["pending", "queued", "running", "paused"];

/**
 * @param {Element} anchor
 * @param {{grid: any, groups: any[], title: string}} what
 */
export function openRunMenu(anchor, what) {
  const back = () => what.grid.takeFocus();
  openMenu(anchor, () => html`<${RunMenu} ...${what} />`, { label: what.title, back });
}

function RunMenu({ grid, groups, title }) {
  const { session, schema } = grid;
  const [mode, setMode] = useState("incomplete");
  const [isDeep, setDeep] = useState(false);
  const behind = followers(schema, groups);
  const asked = behind.filter((group) => !group.auto_run);
  const ids = [...groups, ...(isDeep ? behind : [])].map((group) => group.id);
  const scopes = useScopes(grid).map(([label, scope]) => [label, scope && { groups: ids, mode, ...scope }]);
  const counts = useCounts(session, scopes.map(([, wish]) => wish).filter(Boolean));
  const choose = async (wish, planned) => {
    closeMenu();
    const rows = planned?.rows ?? (wish.limit || grid.store.total || 0);
    if (mode === "all" && rows > ASK_BEYOND && !(await askFor(planned, rows, title))) return;
    run(session, wish);
  };
  const choice = ([label, wish]) => {
    const planned = wish && counts[JSON.stringify(wish)];
    return html`<${Choice} key=${label} label=${label} wish=${wish} planned=${planned} onChoose=${choose} />`;
  };
  const only = groups.length === 1 ? groups[0] : null;
  return html`<h3>${title}</h3>
    ${scopes.map(choice)}
    <hr />
    <h3>Which cells</h3>
    <${Segments} label="Which cells" options=${MODES} value=${mode} onPick=${setMode} />
    ${mode === "all" && html`<p class="note">Everything runs finished cells again and replaces edited values.</p>`}
    ${(asked.length > 0 || only) && html`<hr />`}
    ${asked.length > 0 && flip(`Then run ${namesOf(asked)}`, isDeep, () => setDeep(!isDeep))}
    <${Following} groups=${behind.filter((group) => group.auto_run)} />
    ${only && html`<${Automatic} grid=${grid} group=${only} />`} <${Stop} grid=${grid} groups=${groups} />`;
}

/** Which groups go on by themselves. */
function Following({ groups }) {
  if (!groups.length) return null;
  return html`<p class="note">${namesOf(groups)} ${groups.length === 1 ? "follows" : "follow"} automatically.</p>`;
}

/** Whether a group runs by itself. */
function Automatic({ grid, group }) {
  const isFirst = !group.depends.length;
  const change = () => {
    closeMenu();
    flipAutoRun(grid, group);
  };
  return html`${flip("Run automatically when inputs change", group.auto_run, change, isFirst && !group.auto_run)}
  ${isFirst && html`<p class="note">It can once it runs after a column: edit the group.</p>`}`;
}

/** Stop these groups, while anything of them is under way. */
function Stop({ grid: { session, store }, groups }) {
  const inFlight = inFlightOf(session.summary, groups);
  const isAtWork = (dispatch) => isActive(dispatch) && groups.some((group) => dispatch.groups.includes(group.id));
  if (!inFlight && ![...session.dispatches.values()].some(isAtWork)) return null;
  const ids = groups.map((group) => group.id);
  const words = html`<span>Stop ${groups.length === 1 ? groups[0].name : "all columns"}</span>
    <span class="count">${inFlight > 0 && plural(inFlight, "cell")}</span>`;
  return html`<hr />
    ${item(words, () => stopGroups(session, store, ids), true)}`;
}

const namesOf = (groups) =>
  groups.length > 2
    ? `the ${groups.length} columns that depend on it`
    : groups.map((group) => `“${group.name}”`).join(" and ");

/** The lines of the menu: `[label, rows as the API names them]`, null while they are being found out. */
function useScopes(grid) {
  const selected = grid.selection?.count || 0;
  const isNarrowed = Boolean(grid.query.filter || grid.query.q || grid.query.view);
  /** A run goes through the table in its own order: the first ones of another order are named one by one. */
  const isSorted = Boolean(grid.query.sort || grid.query.view);
  const [found, setFound] = useState(/** @type {Object<string, any>} */ ({}));
  useEffect(() => {
    const keep = (name) => (scope) => setFound((known) => ({ ...known, [name]: scope }));
    const several = { tooMany: "one range at a time" };
    if (selected)
      grid.selection.scopes().then(
        ([scope, ...more]) => keep("selected")(more.length ? several : scope),
        (error) => report(error, "find the selected rows"),
      );
    if (isSorted)
      idsOf(grid, [{ from: 0, to: FIRST - 1 }]).then(
        (rows) => keep("first")({ rows }),
        (error) => report(error, "find the first rows"),
      );
    if (isNarrowed) viewScope(grid).then(keep("view"), (error) => report(error, "find the rows of this view"));
  }, []);
  const listed = isNarrowed ? found.view : {};
  return [
    [`First ${FIRST} rows`, isSorted ? found.first : listed && { ...listed, limit: FIRST }],
    ...(selected ? [["Selected rows", found.selected]] : []),
    ...(isNarrowed ? [["Rows in this view", found.view]] : []),
    ["All rows", {}],
  ];
}

/** The rows that are listed now: by the filter they meet, or by their ids where a text was searched for. */
async function viewScope({ session, query, store }) {
  if (!query.q) {
    const stored = !query.filter && query.view && (await api("GET", `${session.path}views/${query.view}/`)).filter;
    const filter = stored || JSON.parse(query.filter || "null");
    return filter ? { filter } : {};
  }
  if (store.total > MOST_NAMED) return { tooMany: `over ${count(MOST_NAMED)} found: search closer` };
  const rows = [];
  for (let start = 0; start < store.total; start += 500) {
    const page = await api("GET", `${session.path}rows/`, { query: { ...query, start, limit: 500, fields: "[]" } });
    rows.push(...page.results.map((row) => row.id));
  }
  return { rows };
}

/** What the server counts for each wish, one after the other, the cheapest first; nothing is counted twice. */
function useCounts(session, wishes) {
  const [counts, setCounts] = useState(/** @type {Object<string, any>} */ ({}));
  const keys = wishes.map((wish) => JSON.stringify(wish));
  const look = async (signal) => {
    for (const [place, key] of keys.entries()) {
      if (counts[key] || wishes[place].tooMany) continue;
      try {
        const planned = await plan(session, wishes[place], signal);
        setCounts((known) => ({ ...known, [key]: planned }));
      } catch (error) {
        if (isAbort(error)) return;
        setCounts((known) => ({ ...known, [key]: { failed: true } }));
      }
    }
  };
  useSettled(look, Object.keys(counts).length ? COUNT_PAUSE_MS : 0, [keys.join()]);
  return counts;
}

/** One line of the menu. What would run nothing, and what cannot be named, says so and does nothing. */
function Choice({ label, wish, planned, onChoose }) {
  const isCounted = planned && planned.groups;
  const isOff = !wish || wish.tooMany || (isCounted && cellsOf(planned) === 0);
  const choose = () => {
    if (wish && !wish.tooMany) onChoose(wish, isCounted ? planned : null);
  };
  const counted = isCounted ? countWords(planned) : planned ? "" : "counting…";
  return html`<button type="button" class="item" aria-disabled=${isOff ? "true" : null} onClick=${choose}>
    <span>${label}</span>
    <span class="count">${wish?.tooMany || counted}</span>
  </button>`;
}

const flip = (label, on, act, disabled = false) =>
  html`<button
    type="button"
    class="item flip"
    role="switch"
    aria-checked=${String(on)}
    disabled=${disabled}
    onClick=${act}
  >
    <span>${label}</span>
    <span class="flag" aria-hidden="true">${on ? "on" : "off"}</span>
  </button>`;

function inFlightOf(summary, groups) {
  const counts = groups.map((group) => summary?.groups[group.id] || {});
  return counts.reduce((sum, one) => sum + IN_FLIGHT.reduce((found, status) => found + (one[status] || 0), 0), 0);
}

function askFor(planned, rows, title) {
  const cells = planned && cellsOf(planned);
  return confirm({
    title: "Run everything again?",
    text:
      `${title}: ${planned ? `${countWords(planned)} on ` : ""}${count(rows)} rows run again, finished ones too. ` +
      "Values are replaced as results come.",
    yes: cells ? `Run ${count(cells)} cells` : "Run everything",
  });
}

/** Have a group run by itself, or not. What that starts at once is told before it does. */
async function flipAutoRun(grid, group) {
  const auto_run = !group.auto_run;
  try {
    if (auto_run && !(await mayStart(grid, group))) return;
    await api("PATCH", `${grid.session.path}groups/${group.id}/`, { body: { auto_run } });
    toast(`“${group.name}” runs ${auto_run ? "by itself" : "only when asked"} from now on.`);
    grid.loadSchema();
  } catch (error) {
    report(error, "change this");
  }
}

/** Say what running automatically starts at once, and what it will go on to do. */
export async function mayStart(grid, group) {
  const planned = await plan(grid.session, { groups: [group.id], mode: "new" });
  const now = cellsOf(planned) ? ` Now it runs on up to ${countWords(planned)} that were never tried.` : "";
  return confirm({
    title: `Run “${group.name}” automatically?`,
    text:
      "It then runs, and costs, whenever the columns it runs after are filled or changed: " +
      `by people, imports and other runs.${now}`,
    yes: "Run automatically",
  });
}
