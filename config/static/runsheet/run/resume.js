// @ts-check
/** Resuming failed runs, one or many. The dialog stays open while the request runs, and shows what stood in the way. */
import { Problem, api } from "../api.js";
import { plural } from "../format.js";
import { openDialog } from "../ui/dialog.js";
import { html, useState } from "../ui/html.js";
import { Faults, button, cancel, labelled } from "../ui/parts.js";
import { useSending } from "../ui/sending.js";

const OUTCOMES = {
  not_resumable: "is not failed any more",
  superseded: "was taken over by a newer run",
  deadline_passed: "is past its deadline: resume it on its own page",
  run_not_found: "is gone",
};
const MEANS = "Finished steps are kept and do not run again. Failed ones are tried anew.";

/** @param {{id: string}} run @returns {Promise<boolean>} whether it was resumed */
export async function resume(run) {
  return (await openDialog((close) => html`<${One} run=${run} close=${close} />`)) === true;
}

function One({ run, close }) {
  const { busy, faults, send } = useSending();
  const [late, setLate] = useState(false);
  const submit = (event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const body = {
      note: String(form.get("note")).trim(),
      ...(late && { extend_deadline_seconds: Number(form.get("minutes")) * 60 }),
    };
    send(async () => {
      try {
        await api("POST", `runs/${run.id}/resume/`, { body });
        close(true);
      } catch (error) {
        setLate(error instanceof Problem && error.code === "deadline_passed");
        throw error;
      }
    });
  };
  const note = html`<input id="resume-note" name="note" maxlength="1000" autocomplete="off" />`;
  const minutes = html`<input id="resume-minutes" name="minutes" type="number" min="1" step="1" value="60" required />`;
  return html`<h2 id="dialog-title">Resume run ${run.id.slice(-6)}</h2>
    <p>${MEANS}</p>
    <form onSubmit=${submit}>
      ${labelled("resume-note", "Note", note)} ${late && labelled("resume-minutes", "More time, in minutes", minutes)}
      <${Faults} lines=${faults} />
      <div class="actions">
        ${cancel(close)}
        <button class="button primary" disabled=${busy}>Resume</button>
      </div>
    </form>`;
}

/** @param {string[]} ids @returns {Promise<boolean>} whether any was resumed */
export async function resumeMany(ids) {
  return (await openDialog((close) => html`<${Many} ids=${ids} close=${close} />`)) === true;
}

function Many({ ids, close }) {
  const { busy, faults, setFaults, send } = useSending();
  const [some, setSome] = useState(false);
  const go = () =>
    send(async () => {
      const { results } = await api("POST", "runs/resume/", { body: { runs: ids } });
      const refused = Object.entries(results).filter(([, outcome]) => outcome !== "resumed");
      if (!refused.length) return close(true);
      setSome(refused.length < ids.length);
      return setFaults(refused.map(([id, outcome]) => `Run ${id.slice(-6)} ${OUTCOMES[outcome] || outcome}.`));
    });
  return html`<h2 id="dialog-title">Resume ${plural(ids.length, "run")}</h2>
    <p>${MEANS}</p>
    <${Faults} lines=${faults} />
    <div class="actions">
      ${button(faults.length ? "Close" : "Cancel", () => close(some))}
      ${!faults.length && button("Resume", go, "primary", { disabled: busy })}
    </div>`;
}
