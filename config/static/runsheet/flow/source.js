// @ts-check
/** The whole draft as JSON: to read, to copy into another workspace or a repository, to replace. */
import { openDialog } from "../ui/dialog.js";
import { html, useState } from "../ui/html.js";
import { Notice, button, labelled } from "../ui/parts.js";
import { toast } from "../ui/toast.js";

const SHAPE = 'A definition is an object {"blocks": […], "edges": […]}.';

/** @param {any} editor */
export const openSource = (editor) =>
  openDialog((close) => html`<${Source} editor=${editor} close=${close} />`, { wide: true });

function Source({ editor, close }) {
  const [text, setText] = useState(JSON.stringify(editor.draft, null, 2));
  const [faults, setFaults] = useState(/** @type {string[]} */ ([]));
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => toast("Copied."),
      () => setFaults(["The browser does not let this page copy: select the text and copy it by hand."]),
    );
  const replace = (event) => {
    event.preventDefault();
    try {
      const found = JSON.parse(text);
      if (!Array.isArray(found?.blocks)) return setFaults([SHAPE]);
      editor.change({ edges: [], ...found }, "source");
      return close();
    } catch (error) {
      return setFaults([`This is not JSON: ${error instanceof Error ? error.message : error}`]);
    }
  };
  const field = html`<textarea
    id="source"
    class="mono"
    rows="20"
    spellcheck="false"
    value=${text}
    onInput=${(event) => setText(event.currentTarget.value)}
  ></textarea>`;
  return html`<form onSubmit=${replace}>
    <h2 id="dialog-title">The draft as JSON</h2>
    <${Notice} lines=${faults} />
    ${labelled("source", "Definition", field)}
    <div class="actions">
      ${button("Copy", copy)} ${button("Close", () => close())}
      <button class="button primary" disabled=${!editor.mayEdit}>Replace the draft</button>
    </div>
  </form>`;
}
