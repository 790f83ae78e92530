// @ts-check
/** Running past slots on purpose: first how many they are, then start them. */
import { api } from "../api.js";
import { instantOf, wallOf, zoneHere } from "../cron/zone.js";
import { plural } from "../format.js";
import { openDialog } from "../ui/dialog.js";
import { html, useState } from "../ui/html.js";
import { Faults, cancel, labelled, tick } from "../ui/parts.js";
import { useSending } from "../ui/sending.js";

const DAY_MS = 86_400_000;

const slots = (count) => plural(count, "slot");

/** @param {{id: string, name: string}} trigger @returns {Promise<boolean>} whether any slot was started */
export async function openBackfill(trigger) {
  return (await openDialog((close) => html`<${Backfill} trigger=${trigger} close=${close} />`)) === true;
}

function Backfill({ trigger, close }) {
  const zone = zoneHere();
  const wallAt = (ms) => wallOf(new Date(ms).toISOString(), zone).slice(0, 16);
  const [values, setValues] = useState({
    from: wallAt(Date.now() - DAY_MS),
    to: wallAt(Date.now()),
    only_missed: true,
  });
  const [counted, setCounted] = useState(/** @type {any} */ (null)); // what the server answers
  const { busy, faults, send } = useSending();
  const submit = (event) => {
    event.preventDefault();
    send(async () => {
      const [from, to] = [instantOf(values.from, zone), instantOf(values.to, zone)];
      const body = { from, to, only_missed: values.only_missed, dry_run: counted === null };
      const answer = await api("POST", `triggers/${trigger.id}/backfill/`, { body });
      if (counted) close(true);
      else setCounted(answer);
    });
  };
  const change = (part) => {
    setValues({ ...values, ...part });
    setCounted(null);
  };
  const field = (name, label) => {
    const typed = (event) => change({ [name]: event.currentTarget.value });
    const id = `backfill-${name}`;
    const control = html`<input id=${id} type="datetime-local" required value=${values[name]} onInput=${typed} />`;
    return labelled(id, label, control);
  };
  const onlyMissed = (only_missed) => change({ only_missed });
  return html`<h2 id="dialog-title">Backfill “${trigger.name}”</h2>
    <p>Runs slots that lie in the past, oldest first. Nothing starts before you have seen how many they are.</p>
    <form onSubmit=${submit}>
      ${field("from", "From")} ${field("to", "To")}
      ${tick("Leave out what ran on schedule", values.only_missed, onlyMissed)}
      <p role="status">${counted && wordsOf(counted, values.only_missed)}</p>
      <${Faults} lines=${faults} />
      <div class="actions">
        ${cancel(close)}
        <button class="button primary" disabled=${busy || counted?.count === 0}>
          ${counted?.count ? `Run ${slots(counted.count)}` : "Count slots"}
        </button>
      </div>
    </form>`;
}

function wordsOf({ count, existing, on_schedule: ran }, onlyMissed) {
  const told = [
    count && `${slots(count)} would run.`,
    ran && `${slots(ran)} ran on schedule, and ${onlyMissed ? "will not" : "would"} again.`,
    existing && `${slots(existing)} ran as a backfill before, and will not again.`,
  ];
  return told.filter(Boolean).join(" ") || "There is no slot in this time.";
}
