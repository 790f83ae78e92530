// @ts-check
/** Running past slots on purpose: first how many they are, then start them. */
import { api } from "../api.js";
import { instantOf, wallOf, zoneHere } from "../cron/zone.js";
import { plural } from "../format.js";
import { openDialog } from "../ui/dialog.js";
import { html, useState } from "../ui/html.js";
import { Faults, cancel, labelled } from "../ui/parts.js";
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
  const [values, setValues] = useState({ from: wallAt(Date.now() - DAY_MS), to: wallAt(Date.now()) });
  const [counted, setCounted] = useState(/** @type {{count: number, existing: number}|null} */ (null));
  const { busy, faults, send } = useSending();
  const submit = (event) => {
    event.preventDefault();
    send(async () => {
      const [from, to] = [instantOf(values.from, zone), instantOf(values.to, zone)];
      const body = { from, to, dry_run: counted === null };
      const answer = await api("POST", `triggers/${trigger.id}/backfill/`, { body });
      if (counted) close(true);
      else setCounted(answer);
    });
  };
  const field = (name, label) => {
    const change = (event) => {
      setValues({ ...values, [name]: event.currentTarget.value });
      setCounted(null);
    };
    const id = `backfill-${name}`;
    const control = html`<input id=${id} type="datetime-local" required value=${values[name]} onInput=${change} />`;
    return labelled(id, label, control);
  };
  return html`<h2 id="dialog-title">Backfill “${trigger.name}”</h2>
    <p>Runs slots that lie in the past, oldest first. Nothing starts before you have seen how many they are.</p>
    <form onSubmit=${submit}>
      ${field("from", "From")} ${field("to", "To")}
      <p role="status">${counted && wordsOf(counted)}</p>
      <${Faults} lines=${faults} />
      <div class="actions">
        ${cancel(close)}
        <button class="button primary" disabled=${busy || counted?.count === 0}>
          ${counted?.count ? `Run ${slots(counted.count)}` : "Count slots"}
        </button>
      </div>
    </form>`;
}

function wordsOf({ count, existing }) {
  const before = existing ? ` ${slots(existing)} ran as a backfill before, and will not again.` : "";
  return count ? `${slots(count)} would run.${before}` : before.trim() || "There is no slot in this time.";
}
