// @ts-check
/** Publishing, and what was published: versions beside each other, the refs that name them, who runs those. */
import { api } from "../api.js";
import { instant, plural } from "../format.js";
import { confirm } from "../ui/confirm.js";
import { openDialog } from "../ui/dialog.js";
import { html, useEffect, useState } from "../ui/html.js";
import { report, toast } from "../ui/toast.js";
import { Faults, linesOf } from "../tables/faults.js";
import { drawable } from "./draft.js";
import { definitionsDiffer } from "./diff.js";

const SAME = "the same";
const usersOf = (editor, ref) => [
  ...new Set(editor.around.uses.filter((use) => use.ref === ref).map((use) => use.table_name)),
];
const shown = (value) => (value === undefined ? "nothing" : typeof value === "string" ? value : JSON.stringify(value));

/** Freeze the draft under a name. @param {any} editor */
export function openPublish(editor) {
  return openDialog((close) => html`<${Publish} editor=${editor} close=${close} />`);
}

function Publish({ editor, close }) {
  const { workflow } = editor;
  const [name, setName] = useState("live");
  const [faults, setFaults] = useState(/** @type {string[]} */ ([]));
  const [busy, setBusy] = useState(false);
  const [live, setLive] = useState(/** @type {any} */ (null));
  const ref = workflow.refs.find((one) => one.name === name.trim());
  const users = usersOf(editor, name.trim());
  useEffect(() => {
    setLive(null);
    if (ref) api("GET", `workflows/${workflow.id}/versions/${ref.version}/`).then(setLive, () => {});
  }, [ref && ref.version]);
  const submit = async (event) => {
    event.preventDefault();
    const note = event.currentTarget.elements.namedItem("note").value.trim();
    setBusy(true);
    try {
      await editor.flush();
      const made = await api("POST", `workflows/${workflow.id}/publish/`, { body: { ref: name.trim(), note } });
      toast(`Version ${made.version} is ${made.name}.`);
      editor.learnRefs([...workflow.refs.filter((one) => one.name !== made.name), made]);
      close(true);
    } catch (error) {
      setFaults(linesOf(error));
      setBusy(false);
    }
  };
  return html`<form onSubmit=${submit}>
    <h2 id="dialog-title">Publish</h2>
    <${Faults} lines=${faults} />
    <p>The draft becomes a version that never changes. Runs under way keep theirs.</p>
    <div class="field">
      <label for="publish-ref">Publish as</label
      ><input
        id="publish-ref"
        required
        maxlength="256"
        list="refs"
        autocomplete="off"
        value=${name}
        onInput=${(event) => setName(event.currentTarget.value)}
      />
      <datalist id="refs">${workflow.refs.map((one) => html`<option value=${one.name} />`)}</datalist>
      <span class="hint"
        >${ref ? `Now version ${ref.version}${users.length ? `, run by ${users.join(", ")}: their next runs take the new one` : ""}.` : "A new name."}</span
      >
    </div>
    <div class="field">
      <label for="publish-note">What changed</label
      ><textarea id="publish-note" name="note" rows="2" maxlength="10000"></textarea>
    </div>
    ${
      live &&
      html`<details class="body">
        <summary>
          Against version ${live.number}: ${summary(definitionsDiffer(drawable(live.definition), editor.draft))}
        </summary>
        <${Differences} found=${definitionsDiffer(drawable(live.definition), editor.draft)} />
      </details>`
    }
    <div class="actions">
      <button type="button" class="button" onClick=${() => close()}>Cancel</button
      ><button class="button primary" disabled=${busy}>Publish</button>
    </div>
  </form>`;
}

function summary({ blocks, edges }) {
  const of = (kind) => blocks.filter((block) => block.kind === kind).length;
  const said = ["added", "removed", "changed"].filter(of).map((kind) => `${plural(of(kind), "block")} ${kind}`);
  return [...said, ...(edges.length ? [`${plural(edges.length, "edge")} differ`] : [])].join(", ") || SAME;
}

function Differences({ found }) {
  if (!found.blocks.length && !found.edges.length) return html`<p role="status">They do the same.</p>`;
  return html`<dl class="differences">
    ${found.blocks.map(
      (block) =>
        html`<dt><strong>${block.name}</strong> <span class="quiet">${block.kind}</span></dt>
          <dd>
            ${block.fields.map((field) => html`<code>${field.path}</code><del>${shown(field.before)}</del><ins>${shown(field.after)}</ins>`)}
          </dd>`,
    )}
    ${found.edges.map(
      (edge) =>
        html`<dt class="quiet">${edge.kind}</dt>
          <dd>${edge.kind === "added" ? html`<ins>${edge.text}</ins>` : html`<del>${edge.text}</del>`}</dd>`,
    )}
  </dl>`;
}

/** Versions and refs. @param {any} editor */
export function openVersions(editor) {
  return openDialog((close) => html`<${Versions} editor=${editor} close=${close} />`, { wide: true });
}

function Versions({ editor, close }) {
  const path = `workflows/${editor.workflow.id}/`;
  const [list, setList] = useState(/** @type {any[]|null} */ (null));
  const [next, setNext] = useState(/** @type {string|null} */ (null));
  const [pair, setPair] = useState({ from: "", to: "draft" });
  const [found, setFound] = useState(/** @type {any} */ (null));
  const read = async (after = undefined) => {
    try {
      const page = await api("GET", `${path}versions/`, { query: { limit: 30, after } });
      setList((known) => (after ? [...(known || []), ...page.results] : page.results));
      setNext(page.next);
      if (!after && page.results.length)
        setPair((known) => ({ ...known, from: known.from || String(page.results[0].number) }));
    } catch (error) {
      report(error, "read the versions");
    }
  };
  useEffect(() => {
    read();
  }, []);
  const definition = async (number) =>
    number === "draft" ? editor.draft : drawable((await api("GET", `${path}versions/${number}/`)).definition);
  useEffect(() => {
    if (pair.from)
      Promise.all([definition(pair.from), definition(pair.to)]).then(
        ([a, b]) => setFound(definitionsDiffer(a, b)),
        (error) => report(error, "compare the versions"),
      );
  }, [pair.from, pair.to]);
  const move = async (ref, number) => {
    const users = usersOf(editor, ref.name);
    if (
      !(await confirm({
        title: `Point ${ref.name} at version ${number}?`,
        text: `It is version ${ref.version} now. ${users.length ? `${users.join(", ")} will run version ${number} from then on; what ran already is marked as made by another version.` : "No table runs it."}`,
        yes: "Move it",
      }))
    )
      return;
    try {
      const moved = await api("PUT", `${path}refs/${ref.name}/`, {
        body: { version: number },
        match: `"${ref.version}"`,
      });
      editor.learnRefs(editor.workflow.refs.map((one) => (one.name === moved.name ? moved : one)));
      read();
    } catch (error) {
      report(error, `move ${ref.name}`);
    }
  };
  const drop = async (ref) => {
    try {
      const { takes_along: along } = await api("GET", `${path}refs/${ref.name}/`);
      const lost = Object.entries(along)
        .filter(([, n]) => n)
        .map(([noun, n]) => `${n} ${noun}`)
        .join(", ");
      if (
        !(await confirm({
          title: `Delete ${ref.name}?`,
          text: `The version stays. ${lost ? `${lost} go with it.` : "Nothing else goes with it."}`,
          yes: "Delete ref",
        }))
      )
        return;
      await api("DELETE", `${path}refs/${ref.name}/`);
      editor.learnRefs(editor.workflow.refs.filter((one) => one.name !== ref.name));
      read();
    } catch (error) {
      report(error, `delete ${ref.name}`);
    }
  };
  const restore = async (number) => {
    if (
      !(await confirm({
        title: `Take version ${number} into the draft?`,
        text: "The draft becomes what that version was. Undo brings it back.",
        yes: "Restore",
      }))
    )
      return;
    editor.change(await definition(String(number)), `restore ${number}`);
    close();
  };
  const options = [
    ["draft", "The draft"],
    ...(list || []).map((version) => [String(version.number), `Version ${version.number}`]),
  ];
  const pick = (side, label) =>
    html`<label class="field"
      ><span>${label}</span
      ><select value=${pair[side]} onChange=${(event) => setPair({ ...pair, [side]: event.currentTarget.value })}>
        ${options.map(([value, word]) => html`<option value=${value} selected=${value === pair[side]}>${word}</option>`)}
      </select></label
    >`;
  return html`<h2 id="dialog-title">Versions</h2>
    <div class="versions">
      ${
        editor.workflow.refs.length > 0 &&
        html`<h3>Refs</h3>
          <ul class="refs">
            ${editor.workflow.refs.map(
              (ref) =>
                html`<li>
                  <strong>${ref.name}</strong>
                  <select
                    aria-label=${`Version of ${ref.name}`}
                    value=${String(ref.version)}
                    disabled=${!editor.mayEdit}
                    onChange=${async (event) => {
                      const box = event.currentTarget;
                      await move(ref, Number(box.value));
                      box.value = String(editor.workflow.refs.find((one) => one.name === ref.name)?.version);
                    }}
                  >
                    ${options.slice(1).map(([value, word]) => html`<option value=${value} selected=${value === String(ref.version)}>${word}</option>`)}
                  </select>
                  <span class="quiet"
                    >${usersOf(editor, ref.name).length ? `run by ${usersOf(editor, ref.name).join(", ")}` : "no table runs it"}</span
                  >
                  ${editor.mayEdit && html`<button type="button" class="button small" aria-label=${`Delete ref ${ref.name}`} onClick=${() => drop(ref)}>Delete</button>`}
                </li>`,
            )}
          </ul>`
      }
      ${list && !list.length && html`<p>Nothing has been published or run yet.</p>`}
      ${
        list &&
        list.length > 0 &&
        html`<h3>All versions</h3>
          <ul class="refs">
            ${list.map(
              (version) =>
                html`<li>
                  <strong>${version.number}</strong
                  >${" "}<span>${version.note || html`<span class="quiet">no note</span>`}</span>${" "}${version.refs.map((name) => html`<span class="chip">${name}</span> `)}
                  <span class="quiet"
                    >${instant(version.created_at)}${version.created_by ? ` · ${version.created_by}` : ""}</span
                  >
                  ${editor.mayEdit && html`<button type="button" class="button small" aria-label=${`Restore version ${version.number}`} onClick=${() => restore(version.number)}>Restore</button>`}
                </li>`,
            )}
          </ul>
          ${next && html`<button type="button" class="button small" onClick=${() => read(next)}>Older versions</button>`}
          <h3>Compare</h3>
          <div class="row-pick">${pick("from", "From")}${pick("to", "To")}</div>
          ${found && html`${summary(found) !== SAME && html`<p role="status">${summary(found)}</p>`}<${Differences} found=${found} />`}`
      }
    </div>
    <div class="actions"><button type="button" class="button" onClick=${() => close()}>Close</button></div>`;
}
