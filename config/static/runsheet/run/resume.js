// @ts-check
/** Resuming failed runs, one or many. The dialog stays open while the request runs, and shows what stood in the way. */
import { Problem, api } from "../api.js";
import { plural } from "../format.js";
import { openDialog } from "../ui/dialog.js";
import { html, useState } from "../ui/html.js";

const OUTCOMES = {
  not_resumable: "is not failed any more",
  superseded: "was taken over by a newer run",
  deadline_passed: "is past its deadline: resume it on its own page",
  run_not_found: "is gone",
};

/** @param {{id: string}} run @returns {Promise<boolean>} whether it was resumed */
export async function resume(run) {
  return (await openDialog((close) => html`<${One} run=${run} close=${close} />`)) === true;
}

function One({ run, close }) {
  const [busy, setBusy] = useState(false);
  const [faults, setFaults] = useState(/** @type {string[]} */ ([]));
  const [late, setLate] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    const minutes = form.elements.namedItem("minutes");
    setBusy(true);
    try {
      await api("POST", `runs/${run.id}/resume/`, {
        body: {
          note: form.elements.namedItem("note").value.trim(),
          ...(minutes && { extend_deadline_seconds: Number(minutes.value) * 60 }),
        },
      });
      close(true);
    } catch (error) {
      setFaults(error instanceof Problem ? error.lines : ["The server could not be reached. Try again."]);
      setLate(error instanceof Problem && error.code === "deadline_passed");
      setBusy(false);
    }
  };
  return html`<h2 id="dialog-title">Resume run ${run.id.slice(-6)}</h2>
    <p>Finished steps are kept and do not run again. Failed ones are tried anew.</p>
    <form onSubmit=${submit}>
      <div class="field">
        <label for="resume-note">Note</label><input id="resume-note" name="note" maxlength="1000" autocomplete="off" />
      </div>
      ${late && html`<div class="field"><label for="resume-minutes">More time, in minutes</label><input id="resume-minutes" name="minutes" type="number" min="1" step="1" value="60" required /></div>`}
      ${
        faults.length > 0 &&
        html`<ul class="errors" role="alert">
          ${faults.map((line) => html`<li>${line}</li>`)}
        </ul>`
      }
      <div class="actions">
        <button type="button" class="button" onClick=${() => close()}>Cancel</button
        ><button class="button primary" disabled=${busy}>Resume</button>
      </div>
    </form>`;
}

/** @param {string[]} ids @returns {Promise<boolean>} whether any was resumed */
export async function resumeMany(ids) {
  return (await openDialog((close) => html`<${Many} ids=${ids} close=${close} />`)) === true;
}

function Many({ ids, close }) {
  const [busy, setBusy] = useState(false);
  const [lines, setLines] = useState(/** @type {string[]} */ ([]));
  const [some, setSome] = useState(false);
  const go = async () => {
    setBusy(true);
    try {
      const { results } = await api("POST", "runs/resume/", { body: { runs: ids } });
      const refused = Object.entries(results).filter(([, outcome]) => outcome !== "resumed");
      if (!refused.length) return close(true);
      setSome(refused.length < ids.length);
      setLines(refused.map(([id, outcome]) => `Run ${id.slice(-6)} ${OUTCOMES[outcome] || outcome}.`));
    } catch (error) {
      setLines(error instanceof Problem ? error.lines : ["The server could not be reached. Try again."]);
    }
    return setBusy(false);
  };
  return html`<h2 id="dialog-title">Resume ${plural(ids.length, "run")}</h2>
    <p>Finished steps are kept and do not run again. Failed ones are tried anew.</p>
    ${
      lines.length > 0 &&
      html`<ul class="errors" role="alert">
        ${lines.map((line) => html`<li>${line}</li>`)}
      </ul>`
    }
    <div class="actions">
      <button type="button" class="button" onClick=${() => close(some)}>${lines.length ? "Close" : "Cancel"}</button>
      ${!lines.length && html`<button type="button" class="button primary" disabled=${busy} onClick=${go}>Resume</button>`}
    </div>`;
}
