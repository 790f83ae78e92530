// @ts-check
/** The run menu: which rows, which cells, each with the server's count and cost. First 10 is the cheap way to try. */
import { api, isAbort } from "../api.js";
import { count, plural } from "../format.js";
import { plan, run, stopGroups } from "../sheet/actions.js";
import { isActive } from "../sheet/overlay.js";
import { confirm } from "../ui/confirm.js";
import { html, useEffect, useState } from "../ui/html.js";
import { openMenu } from "../ui/menu.js";
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
export function openRunMenu(anchor, { grid, groups, title }) {
  openMenu(anchor, (close) => html`<${RunMenu} grid=${grid} groups=${groups} title=${title} close=${close} />`, {
    label: title,
  });
}

function RunMenu({ grid, groups, title, close }) {
  const { session, schema } = grid;
  const [mode, setMode] = useState("incomplete");
  const [isDeep, setDeep] = useState(false);
  const behind = followers(schema, groups);
  const asked = behind.filter((group) => !group.auto_run);
  const ids = [...groups, ...(isDeep ? behind : [])].map((group) => group.id);
  const scopes = useScopes(grid).map(([label, scope]) => [label, scope && { groups: ids, mode, ...scope }]);
  const counts = useCounts(session, scopes.map(([, wish]) => wish).filter(Boolean));
  const choose = async (wish, planned) => {
    close();
    const rows = planned?.rows ?? (wish.limit || grid.store.total || 0);
    if (mode === "all" && rows > ASK_BEYOND && !(await askFor(planned, rows, title))) return;
    run(session, wish);
  };
  const inFlight = inFlightOf(session.summary, groups);
  const isUnderWay =
    inFlight > 0 ||
    [...session.dispatches.values()].some(
      (one) => isActive(one) && groups.some((group) => one.groups.includes(group.id)),
    );
  return html`<h3>${title}</h3>
    ${scopes.map(([label, wish]) => html`<${Choice} key=${label} label=${label} wish=${wish} planned=${wish && counts[JSON.stringify(wish)]} onChoose=${choose} />`)}
    <hr />
    <h3>Which cells</h3>
    <div class="segments" role="radiogroup" aria-label="Which cells">
      ${MODES.map(
        ([value, label]) =>
          html`<button
            type="button"
            role="radio"
            aria-checked=${value === mode ? "true" : "false"}
            onClick=${() => setMode(value)}
          >
            ${label}
          </button>`,
      )}
    </div>
    ${mode === "all" && html`<p class="note">Everything runs finished cells again and replaces edited values.</p>`}
    ${(asked.length > 0 || groups.length === 1) && html`<hr />`}
    ${asked.length > 0 && html`<${Switch} label=${`Then run ${namesOf(asked)}`} on=${isDeep} onFlip=${() => setDeep(!isDeep)} />`}
    ${
      behind.length > asked.length &&
      html`<p class="note">
        ${namesOf(behind.filter((group) => group.auto_run))}
        ${behind.length - asked.length === 1 ? " follows" : " follow"} automatically.
      </p>`
    }
    ${
      groups.length === 1 &&
      html`<${Switch}
        label="Run automatically when inputs change"
        on=${groups[0].auto_run}
        disabled=${!groups[0].depends.length && !groups[0].auto_run}
        onFlip=${() => {
          close();
          flipAutoRun(grid, groups[0]);
        }}
      />`
    }
    ${groups.length === 1 && !groups[0].depends.length && html`<p class="note">It can once it runs after a column: edit the group.</p>`}
    ${
      isUnderWay &&
      html`<hr />
        <button
          type="button"
          class="item danger"
          onClick=${() => {
            close();
            stopGroups(
              session,
              grid.store,
              groups.map((group) => group.id),
            );
          }}
        >
          <span>Stop ${groups.length === 1 ? groups[0].name : "all columns"}</span
          ><span class="count">${inFlight > 0 && plural(inFlight, "cell")}</span>
        </button>`
    }`;
}

const namesOf = (groups) =>
  groups.length > 2
    ? `the ${groups.length} columns that depend on it`
    : groups.map((group) => `“${group.name}”`).join(" and ");

/** The lines of the menu: `[label, rows as the API names them]`, null while they are being found out. */
function useScopes(grid) {
  const selected = grid.selection?.count || 0;
  const isNarrowed = Boolean(grid.query.filter || grid.query.q || grid.query.view);
  const [found, setFound] = useState(/** @type {Object<string, any>} */ ({}));
  useEffect(() => {
    const keep = (name) => (scope) => setFound((known) => ({ ...known, [name]: scope }));
    const several = { tooMany: "one range at a time" };
    if (selected)
      grid.selection.scopes().then(
        ([rows, ...more]) => keep("selected")(more.length ? several : { rows }),
        (error) => report(error, "find the selected rows"),
      );
    if (isNarrowed) viewScope(grid).then(keep("view"), (error) => report(error, "find the rows of this view"));
  }, []);
  const listed = isNarrowed ? found.view : {};
  return [
    [`First ${FIRST} rows`, listed && { ...listed, limit: FIRST }],
    ...(selected ? [["Selected rows", found.selected]] : []),
    ...(isNarrowed ? [["Rows in this view", found.view]] : []),
    ["All rows", {}],
  ];
}

/** The rows that are listed now: by the filter they meet, or by their ids where a text was searched for. */
async function viewScope({ session, query, store }) {
  if (!query.q) {
    const filter =
      query.filter || !query.view
        ? JSON.parse(query.filter || "null")
        : (await api("GET", `${session.path}views/${query.view}/`)).filter;
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
  useEffect(() => {
    const leaving = new AbortController();
    const look = async () => {
      for (const [place, key] of keys.entries()) {
        if (counts[key] || wishes[place].tooMany) continue;
        try {
          const planned = await plan(session, wishes[place], leaving.signal);
          setCounts((known) => ({ ...known, [key]: planned }));
        } catch (error) {
          if (isAbort(error)) return;
          setCounts((known) => ({ ...known, [key]: { failed: true } }));
        }
      }
    };
    const timer = setTimeout(look, Object.keys(counts).length ? COUNT_PAUSE_MS : 0);
    return () => {
      clearTimeout(timer);
      leaving.abort();
    };
  }, [keys.join()]);
  return counts;
}

/** One line of the menu. What would run nothing, and what cannot be named, says so and does nothing. */
function Choice({ label, wish, planned, onChoose }) {
  const isCounted = planned && planned.groups;
  const isOff = !wish || wish.tooMany || (isCounted && cellsOf(planned) === 0);
  return html`<button
    type="button"
    class="item"
    aria-disabled=${isOff ? "true" : null}
    onClick=${() => {
      if (wish && !wish.tooMany) onChoose(wish, isCounted ? planned : null);
    }}
  >
    <span>${label}</span
    ><span class="count">${wish?.tooMany || (isCounted ? countWords(planned) : planned ? "" : "counting…")}</span>
  </button>`;
}

function Switch({ label, on, onFlip, disabled = false }) {
  return html`<button
    type="button"
    class="item flip"
    role="switch"
    aria-checked=${String(on)}
    disabled=${disabled}
    onClick=${onFlip}
  >
    <span>${label}</span><span class="flag" aria-hidden="true">${on ? "on" : "off"}</span>
  </button>`;
}

function inFlightOf(summary, groups) {
  const counts = groups.map((group) => summary?.groups[group.id] || {});
  return counts.reduce((sum, one) => sum + IN_FLIGHT.reduce((found, status) => found + (one[status] || 0), 0), 0);
}

function askFor(planned, rows, title) {
  const cells = planned && cellsOf(planned);
  return confirm({
    title: "Run everything again?",
    text: `${title}: ${planned ? `${countWords(planned)} on ` : ""}${count(rows)} rows run again, finished ones too. Values are replaced as results come.`,
    yes: cells ? `Run ${count(cells)} cells` : "Run everything",
  });
}

/** Have a group run by itself, or not. What that starts at once is told before it does. */
async function flipAutoRun(grid, group) {
  const auto_run = !group.auto_run;
  try {
    if (auto_run && !(await mayStart(grid, group))) return;
    await api("PATCH", `${grid.session.path}groups/${group.id}/`, { body: { auto_run } });
    toast(
      auto_run ? `“${group.name}” runs by itself from now on.` : `“${group.name}” runs only when asked from now on.`,
    );
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
    text: `It then runs, and costs, whenever the columns it runs after are filled or changed: by people, imports and other runs.${now}`,
    yes: "Run automatically",
  });
}
