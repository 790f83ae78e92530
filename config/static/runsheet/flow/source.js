// @ts-check
/** The whole draft as JSON: to read, to copy into another workspace or a repository, to replace. */
import { openDialog } from "../ui/dialog.js";
import { html, useState } from "../ui/html.js";
import { toast } from "../ui/toast.js";
import { Faults } from "../tables/faults.js";

/** @param {any} editor */
export function openSource(editor) {
  return openDialog((close) => html`<${Source} editor=${editor} close=${close} />`, { wide: true });
}

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
      if (!found || !Array.isArray(found.blocks))
        return setFaults(['A definition is an object {"blocks": […], "edges": […]}.']);
      editor.change({ edges: [], ...found }, "source");
      return close();
    } catch (error) {
      return setFaults([`This is not JSON: ${error instanceof Error ? error.message : error}`]);
    }
  };
  return html`<form onSubmit=${replace}>
    <h2 id="dialog-title">The draft as JSON</h2>
    <${Faults} lines=${faults} />
    <div class="field">
      <label for="source">Definition</label
      ><textarea
        id="source"
        class="mono"
        rows="20"
        spellcheck="false"
        value=${text}
        onInput=${(event) => setText(event.currentTarget.value)}
      ></textarea>
    </div>
    <div class="actions">
      <button type="button" class="button" onClick=${copy}>Copy</button
      ><button type="button" class="button" onClick=${() => close()}>Close</button
      ><button class="button primary" disabled=${!editor.mayEdit}>Replace the draft</button>
    </div>
  </form>`;
}
