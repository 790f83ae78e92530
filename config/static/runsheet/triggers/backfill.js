// @ts-check
/** Running past slots on purpose: first how many they are, then start them. */
import { Problem } from "../api.js";
import { instantOf, wallOf, zoneHere } from "../cron/zone.js";
import { openDialog } from "../ui/dialog.js";
import { html, useState } from "../ui/html.js";
import { backfill, slots } from "./actions.js";

const DAY_MS = 86_400_000;

/** @param {{id: string, name: string}} trigger @returns {Promise<boolean>} whether any slot was started */
export async function openBackfill(trigger) {
  return (await openDialog((close) => html`<${Backfill} trigger=${trigger} close=${close} />`)) === true;
}

function Backfill({ trigger, close }) {
  const zone = zoneHere();
  const now = Date.now();
  const [from, setFrom] = useState(wallOf(new Date(now - DAY_MS).toISOString(), zone).slice(0, 16));
  const [to, setTo] = useState(wallOf(new Date(now).toISOString(), zone).slice(0, 16));
  const [counted, setCounted] = useState(/** @type {{count: number, existing: number}|null} */ (null));
  const [faults, setFaults] = useState(/** @type {string[]} */ ([]));
  const [busy, setBusy] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    setFaults([]);
    try {
      const answer = await backfill(trigger, {
        from: instantOf(from, zone),
        to: instantOf(to, zone),
        dryRun: counted === null,
      });
      if (counted !== null) return close(true);
      setCounted(answer);
    } catch (error) {
      setFaults(error instanceof Problem ? error.lines : ["The server could not be reached. Try again."]);
    }
    return setBusy(false);
  };
  const change = (set) => (event) => {
    set(event.currentTarget.value);
    setCounted(null);
  };
  return html`<h2 id="dialog-title">Backfill “${trigger.name}”</h2>
    <p>Runs slots that lie in the past, oldest first. Nothing starts before you have seen how many they are.</p>
    <form onSubmit=${submit}>
      <div class="field">
        <label for="backfill-from">From</label
        ><input id="backfill-from" type="datetime-local" required value=${from} onInput=${change(setFrom)} />
      </div>
      <div class="field">
        <label for="backfill-to">To</label
        ><input id="backfill-to" type="datetime-local" required value=${to} onInput=${change(setTo)} />
      </div>
      <p role="status">${counted && wordsOf(counted)}</p>
      ${
        faults.length > 0 &&
        html`<ul class="errors" role="alert">
          ${faults.map((line) => html`<li>${line}</li>`)}
        </ul>`
      }
      <div class="actions">
        <button type="button" class="button" onClick=${() => close()}>Cancel</button>
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
