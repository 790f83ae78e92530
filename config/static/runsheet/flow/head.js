// @ts-check
/** The bar above the editor: how the draft stands, steps back and forth, its views and versions, run, publish. */
import { plural } from "../format.js";
import { Segments } from "../ui/fields.js";
import { html, icon } from "../ui/html.js";
import { button } from "../ui/parts.js";

const SAID = {
  saved: "Saved",
  unsaved: "Not saved yet",
  saving: "Saving…",
  lost: "Not saved: the server cannot be reached",
  refused: "Not saved",
  stale: "Not saved",
};
const VIEWS = Object.entries({ graph: "Graph", list: "List" });

/** @param {{editor: any}} props */
export function Head({ editor }) {
  const { workflow, mayEdit } = editor;
  const errors = editor.faults.filter((fault) => fault.severity === "error").length;
  const live = workflow.refs.find((ref) => ref.name === "live");
  const step = (label, sign, from, to) =>
    html`<button
      type="button"
      class="icon-button"
      aria-label=${label}
      title=${label}
      disabled=${!editor[from].length}
      onClick=${() => editor.step(from, to)}
    >
      ${sign}
    </button>`;
  return html`<header class="topbar flow-head-bar">
    <a class="crumb" href=${editor.dataset.list}>Workflows /</a>
    <h1>${workflow.name}</h1>
    <span class="chip">${live ? `live is version ${live.version}` : "not published"}</span>
    ${
      errors > 0 &&
      html`<button type="button" class="pill" data-state="failed" onClick=${() => editor.select(null)}>
        <span class="word">${plural(errors, "fault")}</span>
      </button>`
    }
    ${mayEdit && html`<span class="quiet flow-saved" role="status">${SAID[editor.state]}</span>`}
    <span class="spacer"></span>
    ${mayEdit && step("Undo", "↶", "past", "future")} ${mayEdit && step("Redo", "↷", "future", "past")}
    <${Segments} label="View" options=${VIEWS} value=${editor.view} onPick=${(view) => editor.look(view)} />
    ${mayEdit && button("Add block", (event) => editor.add(event.currentTarget, {}))}
    ${button("Versions", () => editor.openVersions())}
    ${mayEdit && button(html`${icon("play")}Run`, () => editor.show({ kind: "trial", until: null }))}
    ${mayEdit && button("Publish", () => editor.openPublish(), "primary")}
  </header>`;
}

/** Somebody else has changed the draft meanwhile. @param {{editor: any}} props */
export const Stale = ({ editor }) =>
  html`<div class="notice flow-notice" role="alert">
    <p>Somebody changed this workflow while you had it open.</p>
    <p class="row-of-buttons">
      ${button("Show theirs", () => editor.takeTheirs(), "small")}
      ${button("Save mine over it", () => editor.saveMine(), "small")}
    </p>
  </div>`;
