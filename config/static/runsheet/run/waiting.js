// @ts-check
/** What a parked cell waits for, in its drawer: each wait in words, and the forms by which a person lets it go on. */
import { api } from "../api.js";
import { clock } from "../format.js";
import { html, useEffect, useState } from "../ui/html.js";
import { heldWords, pausedWords } from "../words.js";
import { AnswerForm, DecisionForm } from "./answer.js";

/** @param {{cell: any, mayRun: boolean}} props `cell` has `waits_for` */
export function Waiting({ cell, mayRun }) {
  const [pauses, setPauses] = useState(/** @type {any[]} */ ([]));
  const asks = cell.waits_for.some((wait) => wait.kind === "approval");
  const look = () => {
    if (!asks) return;
    api("GET", "pauses/", { query: { run: cell.run, status: "open" } }).then(
      (answer) => setPauses(answer.results),
      () => {},
    );
  };
  useEffect(look, [cell.run, cell.version]);
  const store = { runId: cell.run, fetch: look };
  return html`<section class="waits">
      <h3>Waits</h3>
      <ul>
        ${cell.waits_for.map((wait) => html`<li><strong>${wait.step_key}</strong> ${wordsOf(wait)}</li>`)}
      </ul>
    </section>
    ${cell.waits_for.map((wait) => {
      const pause = pauses.find((one) => one.id === wait.pause && one.kind === "approval");
      if (pause) return html`<${AnswerForm} key=${pause.id} store=${store} pause=${pause} mayRun=${mayRun} />`;
      return (
        mayRun &&
        wait.kind === "decision" &&
        html`<${DecisionForm} key=${wait.step_key} store=${store} stepKey=${wait.step_key} />`
      );
    })}`;
}

function wordsOf(wait) {
  const until = wait.until ? clock(wait.until) : null;
  const words = heldWords(wait.kind, until) || pausedWords(wait.kind, until);
  return `${words.charAt(0).toLowerCase()}${words.slice(1)}${wait.reason ? ` (${wait.reason})` : ""}`;
}
