// @ts-check
/** What was published: versions beside each other, the refs that name them, who runs those. */
import { api } from "../api.js";
import { instant } from "../format.js";
import { confirm } from "../ui/confirm.js";
import { openDialog } from "../ui/dialog.js";
import { html, useEffect, useState } from "../ui/html.js";
import { once } from "../ui/once.js";
import { button, optionsOf } from "../ui/parts.js";
import { report } from "../ui/toast.js";
import { definitionsDiffer } from "./diff.js";
import { Differences, summary } from "./differences.js";
import { drawable } from "./draft.js";
import { usersOf } from "./publish.js";

/** @param {any} editor */
export const openVersions = (editor) =>
  openDialog((close) => html`<${Versions} editor=${editor} close=${close} />`, { wide: true });

function Versions({ editor, close }) {
  const path = `workflows/${editor.workflow.id}/`;
  const [list, setList] = useState(/** @type {any[]|null} */ (null));
  const [next, setNext] = useState(/** @type {string|null} */ (null));
  const read = async (after = undefined) => {
    try {
      const page = await api("GET", `${path}versions/`, { query: { limit: 30, after } });
      setList((known) => (after ? [...(known || []), ...page.results] : page.results));
      setNext(page.next);
    } catch (error) {
      report(error, "read the versions");
    }
  };
  useEffect(() => {
    read();
  }, []);
  const definition = async (number) =>
    number === "draft" ? editor.draft : drawable((await api("GET", `${path}versions/${number}/`)).definition);
  const restore = async (number) => {
    const sure = await confirm({
      title: `Take version ${number} into the draft?`,
      text: "The draft becomes what that version was. Undo brings it back.",
      yes: "Restore",
    });
    if (!sure) return;
    editor.change(await definition(number), `restore ${number}`);
    close();
  };
  const numbers = (list || []).map(({ number }) => [String(number), `Version ${number}`]);
  return html`<h2 id="dialog-title">Versions</h2>
    <div class="versions">
      <${Refs} editor=${editor} numbers=${numbers} changed=${() => read()} />
      ${list && !list.length && html`<p>Nothing has been published or run yet.</p>`}
      ${
        list &&
        list.length > 0 &&
        html`<h3>All versions</h3>
          <ul class="refs">
            ${list.map((version) => html`<${Version} ...${{ editor, version, restore }} />`)}
          </ul>
          ${next && button("Older versions", () => read(next), "small")}
          <${Compare} numbers=${numbers} definition=${definition} />`
      }
    </div>
    <div class="actions">${button("Close", () => close())}</div>`;
}

function Version({ editor, version, restore }) {
  const { number, note, refs, created_at, created_by } = version;
  const label = { "aria-label": `Restore version ${number}` };
  return html`<li>
    <strong>${number}</strong> <span>${note || html`<span class="quiet">no note</span>`}</span>${" "}
    ${refs.map((name) => html`<span class="chip">${name}</span> `)}
    <span class="quiet">${instant(created_at)}${created_by && ` · ${created_by}`}</span>
    ${editor.mayEdit && button("Restore", () => restore(number), "small", label)}
  </li>`;
}

/** Two versions side by side; at first the newest and the draft. */
function Compare({ numbers, definition }) {
  const [pair, setPair] = useState({ from: numbers[0][0], to: "draft" });
  const [found, setFound] = useState(/** @type {any} */ (null));
  useEffect(() => {
    Promise.all([definition(pair.from), definition(pair.to)]).then(
      ([a, b]) => setFound(definitionsDiffer(a, b)),
      (error) => report(error, "compare the versions"),
    );
  }, [pair.from, pair.to]);
  const pick = (side, label) => {
    const choose = (event) => setPair({ ...pair, [side]: event.currentTarget.value });
    return html`<label class="field">
      <span>${label}</span>
      <select value=${pair[side]} onChange=${choose}>
        ${optionsOf([["draft", "The draft"], ...numbers], pair[side])}
      </select>
    </label>`;
  };
  const words = found && summary(found);
  return html`<h3>Compare</h3>
    <div class="row-pick">${pick("from", "From")}${pick("to", "To")}</div>
    ${words && html`<p role="status">${words}</p>`} ${found && html`<${Differences} found=${found} />`}`;
}

/** The refs: which version each names, and who runs it. */
function Refs({ editor, numbers, changed }) {
  const { refs, id } = editor.workflow;
  const pathOf = (ref) => `workflows/${id}/refs/${ref.name}/`;
  const move = async (ref, number) => {
    const users = usersOf(editor, ref.name);
    const sure = await confirm({
      title: `Point ${ref.name} at version ${number}?`,
      text: `It is version ${ref.version} now. ${users ? willRun(users, number) : "No table runs it."}`,
      yes: "Move it",
    });
    const body = { version: number };
    const put = () => api("PUT", pathOf(ref), { body, match: `"${ref.version}"` });
    const moved = sure && (await once(null, `move ${ref.name}`, put));
    if (!moved) return;
    editor.learnRefs(editor.workflow.refs.map((one) => (one.name === moved.name ? moved : one)));
    changed();
  };
  const drop = async (ref) => {
    const found = await once(null, `delete ${ref.name}`, () => api("GET", pathOf(ref)));
    if (!found) return;
    const along = Object.entries(found.takes_along).filter(([, n]) => n);
    const words = along.map(([noun, n]) => `${n} ${noun}`).join(", ");
    const sure = await confirm({
      title: `Delete ${ref.name}?`,
      text: `The version stays. ${words ? `${words} go with it.` : "Nothing else goes with it."}`,
      yes: "Delete ref",
    });
    if (!sure || !(await once(null, `delete ${ref.name}`, () => api("DELETE", pathOf(ref))))) return;
    editor.learnRefs(editor.workflow.refs.filter((one) => one.name !== ref.name));
    changed();
  };
  const entry = (ref) => {
    const users = usersOf(editor, ref.name);
    const choose = async (event) => {
      const box = event.currentTarget;
      await move(ref, Number(box.value));
      box.value = String(editor.workflow.refs.find((one) => one.name === ref.name)?.version);
    };
    const version = String(ref.version);
    return html`<li>
      <strong>${ref.name}</strong>
      <select aria-label=${`Version of ${ref.name}`} value=${version} disabled=${!editor.mayEdit} onChange=${choose}>
        ${optionsOf(numbers, version)}
      </select>
      <span class="quiet">${users ? `run by ${users}` : "no table runs it"}</span>
      ${editor.mayEdit && button("Delete", () => drop(ref), "small", { "aria-label": `Delete ref ${ref.name}` })}
    </li>`;
  };
  if (!refs.length) return null;
  return html`<h3>Refs</h3>
    <ul class="refs">
      ${refs.map(entry)}
    </ul>`;
}

const willRun = (users, number) =>
  `${users} will run version ${number} from then on; what ran already is marked as made by another version.`;
