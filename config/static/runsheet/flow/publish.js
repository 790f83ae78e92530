// @ts-check
/** Publishing: the draft is frozen under a name, after a look at what it changes. */
import { api } from "../api.js";
import { openDialog } from "../ui/dialog.js";
import { html, useEffect, useState } from "../ui/html.js";
import { Notice, cancel, labelled } from "../ui/parts.js";
import { useSending } from "../ui/sending.js";
import { toast } from "../ui/toast.js";
import { definitionsDiffer } from "./diff.js";
import { Differences, summary } from "./differences.js";
import { drawable } from "./draft.js";

/** The tables that run a ref, by name. @param {any} editor @param {string} ref */
export const usersOf = (editor, ref) =>
  [...new Set(editor.around.uses.filter((use) => use.ref === ref).map((use) => use.table_name))].join(", ");

/** @param {any} editor */
export const openPublish = (editor) => openDialog((close) => html`<${Publish} editor=${editor} close=${close} />`);

function Publish({ editor, close }) {
  const { workflow } = editor;
  const path = `workflows/${workflow.id}/`;
  const [typed, setTyped] = useState("live");
  const [now, setNow] = useState(/** @type {any} */ (null));
  const { busy, faults, send } = useSending();
  const name = typed.trim();
  const ref = workflow.refs.find((one) => one.name === name);
  useEffect(() => {
    setNow(null);
    if (ref) api("GET", `${path}versions/${ref.version}/`).then(setNow, () => {});
  }, [ref?.version]);
  const submit = (event) => {
    event.preventDefault();
    const note = event.currentTarget.elements.namedItem("note").value.trim();
    send(async () => {
      await editor.flush();
      const made = await api("POST", `${path}publish/`, { body: { ref: name, note } });
      toast(`Version ${made.version} is ${made.name}.`);
      editor.learnRefs([...workflow.refs.filter((one) => one.name !== made.name), made]);
      close(true);
    });
  };
  const note = html`<textarea id="publish-note" name="note" rows="2" maxlength="10000"></textarea>`;
  return html`<form onSubmit=${submit}>
    <h2 id="dialog-title">Publish</h2>
    <${Notice} lines=${faults} />
    <p>The draft becomes a version that never changes. Runs under way keep theirs.</p>
    <div class="field">
      <label for="publish-ref">Publish as</label>
      <input
        id="publish-ref"
        required
        maxlength="256"
        list="refs"
        autocomplete="off"
        value=${typed}
        onInput=${(event) => setTyped(event.currentTarget.value)}
      />
      <datalist id="refs">${workflow.refs.map((one) => html`<option value=${one.name} />`)}</datalist>
      <span class="hint">${ref ? becomes(ref, usersOf(editor, name)) : "A new name."}</span>
    </div>
    ${labelled("publish-note", "What changed", note)}
    ${now && html`<${Against} version=${now} draft=${editor.draft} />`}
    <div class="actions">
      ${cancel(close)}
      <button class="button primary" disabled=${busy}>Publish</button>
    </div>
  </form>`;
}

const becomes = ({ version }, users) =>
  `Now version ${version}${users && `, run by ${users}: their next runs take the new one`}.`;

function Against({ version, draft }) {
  const found = definitionsDiffer(drawable(version.definition), draft);
  return html`<details class="body">
    <summary>Against version ${version.number}: ${summary(found) || "the same"}</summary>
    <${Differences} found=${found} />
  </details>`;
}
