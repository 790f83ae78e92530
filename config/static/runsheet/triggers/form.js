// @ts-check
/** `<trigger-form>`: a trigger is made or changed here, over REST; what is wrong stands beside its field. */
import { Problem, all, api, intent } from "../api.js";
import { zoneHere } from "../cron/zone.js";
import { Input } from "../ui/fields.js";
import { html, render, useEffect, useLayoutEffect, useRef, useState } from "../ui/html.js";
import { button } from "../ui/parts.js";
import { duplicate, remove, runNow, turn } from "./actions.js";
import { Options } from "./options.js";
import { Schedule, Upcoming } from "./schedule.js";
import { Target } from "./target.js";
import { FieldFault, blank, bodyOf, changes, valuesOf } from "./values.js";

const DEFAULT_TIMEOUT = "780";
const island = /** @type {HTMLElement} */ (document.querySelector("trigger-form"));
const { trigger: id = "", person = "", personName = "", list = "/triggers/" } = island.dataset;
const allowed = (name) => name in island.dataset;
const may = { change: allowed("mayChange"), make: allowed("mayMake"), run: allowed("mayRun") };
const isAdmin = document.documentElement.dataset.role === "admin";

async function read() {
  const members =
    isAdmin && may.change ? all(`workspaces/${document.documentElement.dataset.workspace}/members/`) : null;
  const [trigger, workflows, tables, people] = await Promise.all([
    id ? api("GET", `triggers/${id}/`) : null,
    all("workflows/"),
    all("tables/"),
    members,
  ]);
  return { trigger, choices: { workflows, tables }, members: people };
}

function Page({ found }) {
  const [trigger, setTrigger] = useState(found.trigger);
  const start = trigger ? valuesOf(trigger) : blank(zoneHere(), person);
  const [values, setValues] = useState(start);
  const [errors, setErrors] = useState(/** @type {Object<string, string[]>} */ ({}));
  const [told, setTold] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  const key = useRef(intent());
  const isDirty = Boolean(trigger) && JSON.stringify(values) !== JSON.stringify(start);
  useLayoutEffect(() => {
    if (!trigger) document.getElementById("trigger-name")?.focus();
  }, []);
  useEffect(() => holdUnsaved(isDirty && !told?.gone), [isDirty, told]);
  const set = (part) => setValues((known) => ({ ...known, ...following(known, part), ...part }));
  const save = async (event, anyway = false) => {
    event.preventDefault();
    setErrors({});
    setTold(null);
    setBusy(true);
    try {
      const saved = await send(trigger, values, key.current, anyway);
      holdUnsaved(false);
      if (saved) return location.assign(list);
    } catch (error) {
      const fault = words(error);
      setErrors(fault.errors);
      setTold(fault);
      requestAnimationFrame(() => showFault());
    }
    return setBusy(false);
  };
  const reload = async () => {
    const fresh = await api("GET", `triggers/${id}/`);
    setTrigger(fresh);
    setValues(valuesOf(fresh));
    setTold(null);
  };
  const form = { values, set, errors };
  return html`<${Head} trigger=${trigger} setTrigger=${setTrigger} />
    <form class="trigger-area" onSubmit=${save}>
      <div class="content">
        ${told && html`<${Told} told=${told} reload=${reload} save=${save} />`}
        ${
          !may.change &&
          html`<p class="told-quiet" role="note">
            Only an admin, the person who made this trigger, or the one it runs as may change it.
          </p>`
        }
        <fieldset class="plain" disabled=${!may.change}>
          <${Input} form=${form} name="name" label="Name" required maxlength="256" autocomplete="off" />
          <${Target} form=${form} choices=${found.choices} />
          <${Schedule} form=${form} />
          <${Options} form=${form} members=${found.members} person=${{ id: person, name: personName }} />
        </fieldset>
      </div>
      <aside class="trigger-side" aria-label="Next runs and saving">
        <${Upcoming} values=${values} />
        ${
          may.change &&
          html`<section class="save">
            <button class="button primary" disabled=${busy}>${trigger ? "Save" : "Create trigger"}</button>
            <a class="button" href=${list}>Cancel</a>
          </section>`
        }
      </aside>
    </form>`;
}

/** What changes with a field: another table has other groups, and its runs no time limit unless one is set. */
function following(known, part) {
  if ("table" in part && part.table !== known.table) return { groups: [], options: {} };
  if (part.target_kind === "table_run" && known.timeout_seconds === DEFAULT_TIMEOUT) return { timeout_seconds: "" };
  if (part.target_kind === "workflow" && known.timeout_seconds === "") return { timeout_seconds: DEFAULT_TIMEOUT };
  return {};
}

/** Make it, or change what differs; nothing differs, nothing is sent. */
async function send(trigger, values, key, anyway) {
  const body = bodyOf(values);
  if (!trigger) return api("POST", "triggers/", { body, key });
  const changed = changes(bodyOf(valuesOf(trigger)), body);
  if (!Object.keys(changed).length) return trigger;
  return api("PATCH", `triggers/${id}/`, {
    body: changed,
    match: anyway ? undefined : `"${trigger.schedule_revision}"`,
  });
}

/** @returns {{line: string, errors: Object<string, string[]>, gone?: boolean, stale?: boolean}} */
function words(error) {
  if (error instanceof FieldFault) return { line: "Correct what is marked below.", errors: error.errors };
  if (!(error instanceof Problem))
    return { line: "The server could not be reached. Nothing is lost: try again.", errors: {} };
  if (error.status === 404 && id && error.code === "trigger_not_found")
    return { line: "This trigger has been deleted, so there is nothing to save.", errors: {}, gone: true };
  if (error.status === 412)
    return { line: "Somebody changed this trigger while you had it open.", errors: {}, stale: true };
  return { line: error.message, errors: error.errors };
}

/** A field that is wrong may lie under More options, which then has to be open. */
const uncover = (field) => field.closest("details")?.setAttribute("open", "");

/** What the browser refuses before anything is sent. */
island.addEventListener("invalid", (event) => event.target instanceof Element && uncover(event.target), true);

function showFault() {
  const wrong = island.querySelectorAll("[aria-invalid=true]");
  wrong.forEach(uncover);
  const first = wrong[0] || island.querySelector(".notice");
  if (first instanceof HTMLElement) first.focus();
  first?.scrollIntoView({ block: "center" });
}

function Told({ told, reload, save }) {
  return html`<div class="notice" role="alert" tabindex="-1">
    <p>${told.line}</p>
    ${told.gone && html`<p><a href=${list}>Back to all triggers</a></p>`}
    ${
      told.stale &&
      html`<p class="row-of-buttons">
        ${button("Show theirs", reload, "small")} ${button("Save mine over it", (event) => save(event, true), "small")}
      </p>`
    }
  </div>`;
}

function Head({ trigger, setTrigger }) {
  return html`<header class="topbar trigger-head">
    <a class="crumb" href=${list}>Triggers /</a>
    <h1>${trigger ? trigger.name : "New trigger"}</h1>
    <span class="spacer"></span>
    ${trigger && html`<${Doings} trigger=${trigger} setTrigger=${setTrigger} />`}
  </header>`;
}

/** What can be done with a trigger that is there. */
function Doings({ trigger, setTrigger }) {
  const it = { id, name: trigger.name, invocations: `/triggers/${id}/invocations/` };
  const flip = async (event) => {
    const now = await turn(it, !trigger.enabled, event.currentTarget);
    if (now) setTrigger({ ...trigger, ...now });
  };
  const drop = async () => {
    if (await remove(it)) leave();
  };
  return html`<span class="on-off">
      <span id="on-label">${trigger.enabled ? "On" : "Off"}</span>
      <button
        class="switch"
        type="button"
        role="switch"
        aria-checked=${String(trigger.enabled)}
        aria-label="This trigger is on"
        disabled=${!may.change}
        onClick=${flip}
      ></button>
    </span>
    ${may.run && button("Run now", (event) => runNow(it, event.currentTarget))}
    <a class="button" href=${it.invocations}>View runs</a>
    ${may.make && button("Duplicate", () => duplicate(it))} ${may.change && button("Delete", drop, "danger")}`;
}

function leave() {
  holdUnsaved(false);
  location.assign(list);
}

const warn = (event) => event.preventDefault();

function holdUnsaved(yes) {
  if (yes) addEventListener("beforeunload", warn);
  else removeEventListener("beforeunload", warn);
}

read().then(
  (found) => {
    island.replaceChildren();
    render(html`<${Page} found=${found} />`, island);
  },
  (error) => {
    const line = island.querySelector("[role=status]");
    if (line) line.textContent = words(error).line;
  },
);
