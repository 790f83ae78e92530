// @ts-check
/** One block: what it is called, where it stands, its form, how it is tried again, what it did last. */
import { Body, Fault, SoFar } from "../run/body.js";
import { html, icon, useEffect, useState } from "../ui/html.js";
import { DrawerHead, Faults, button, labelled, pill } from "../ui/parts.js";
import { blockOf, changeBlock, namesFor, renameBlock, titleOf } from "./draft.js";
import { Field } from "./fields.js";
import { Handling } from "./handling.js";
import { After, Inside } from "./place.js";
import { inFront, merged, placed } from "./values.js";

const KEY = /^[A-Za-z_][\w-]{0,63}$/;

/** @param {{editor: any, block: any}} props `editor` is the `<flow-editor>` */
export function Inspector({ editor, block }) {
  const type = editor.types.get(block.type);
  const { draft } = editor;
  const mine = editor.faultsOf(block.key);
  const form = formOf(type, block, editor.functions);
  const faults = placed(form, block.config || {}, mine);
  const change = (changes, tag) => editor.change(changeBlock(draft, block.key, changes), `${block.key} ${tag}`);
  const names = (field) =>
    namesFor(draft, block.key, editor.types, {
      secrets: field.secrets ? editor.around.secrets : [],
      roots: field.roots || [],
    });
  const env = { id: "block", faults, names, off: !editor.mayEdit };
  const { state, word } = editor.states.get(block.key);
  const facts = `${type ? type.title : block.type}${block.parent ? ` · inside ${block.parent}` : ""}`;
  const name = html`<input
    id="block-name"
    value=${block.name || ""}
    maxlength="200"
    placeholder=${block.key}
    disabled=${env.off}
    autocomplete="off"
    onInput=${(event) => change({ name: event.currentTarget.value }, "name")}
  />`;
  return html`<aside class="drawer run-panel flow-panel" aria-label=${`Block ${titleOf(block)}`}>
    <${DrawerHead} title=${titleOf(block)} facts=${facts} close=${() => editor.select(null, true)}>
      ${editor.store && pill(state === "none" ? "queued" : state, word)}
    <//>
    <${Loose} faults=${faults} type=${type} block=${block} />
    ${editor.mayEdit && html`<${Actions} editor=${editor} type=${type} block=${block} />`}
    <section>
      ${labelled("block-name", "Name", name)}
      <${Key} key=${block.key} editor=${editor} block=${block} faults=${faults.get(":key") || []} />
      ${!type?.entry && html`<${Inside} editor=${editor} block=${block} />`}
      ${!type?.entry && type?.handles.length !== 0 && html`<${After} editor=${editor} block=${block} />`}
    </section>
    <${Config} ...${{ block, type, form, env, change }} />
    <${Last} editor=${editor} block=${block} />
    <${Handling} ...${{ block, type, env, change, faults: mine }} />
    ${type && html`<${Docs} type=${type} />`}
  </aside>`;
}

function Actions({ editor, type, block: { key } }) {
  return html`<section class="drawer-actions">
    ${button(html`${icon("play")}Run from here`, () => editor.plan({ start_block: key }), "primary")}
    ${button("Run until here", () => editor.plan({ stop_after: key }))}
    ${type?.container && button("Add inside", (event) => editor.add(event.currentTarget, { parent: key }))}
    ${type?.handles.length !== 0 && button("Add after", (event) => editor.add(event.currentTarget, { after: key }))}
    ${button("Delete", () => editor.drop(key), "danger")}
  </section>`;
}

/** The key is what others call this block by: it changes everywhere at once, when it is a good one. */
function Key({ editor, block, faults }) {
  const [wrong, setWrong] = useState("");
  const rename = (event) => {
    const key = event.currentTarget.value.trim();
    if (key === block.key) return setWrong("");
    if (!KEY.test(key)) return setWrong("Keys are 1 to 64 letters, digits, _ and -, and do not begin with a digit.");
    if (blockOf(editor.draft, key)) return setWrong(`Another block is called ${key}.`);
    editor.selected = key;
    return editor.change(renameBlock(editor.draft, block.key, key), `key ${key}`);
  };
  return html`<div class="field">
    <label for="block-key">Key</label>
    <input
      id="block-key"
      class="mono"
      defaultValue=${block.key}
      disabled=${!editor.mayEdit}
      autocomplete="off"
      spellcheck="false"
      aria-describedby="block-key-hint"
      onChange=${rename}
    />
    <span class="hint" id="block-key-hint">Others read it as <code>blocks.${block.key}</code>.</span>
    <${Faults} lines=${wrong ? [wrong] : faults} />
  </div>`;
}

/** What the block is set to: the fields that matter in front, the rest folded away. */
function Config({ block, type, form, env, change }) {
  const config = block.config || {};
  // Settled when the block is opened: a field does not move under the hands that fill it in.
  const [leading] = useState(() => new Set(inFront(form, config, type?.example?.config)[0].map((field) => field.name)));
  const row = (field) =>
    html`<${Field}
      key=${field.name}
      field=${field}
      path=${field.name}
      value=${config[field.name]}
      set=${(value) => change({ config: merged(config, { [field.name]: value }) }, field.name)}
      env=${env}
    />`;
  if (!type)
    return html`<section class="form">
      <h3>Config</h3>
      <${Field}
        field=${{ name: "config", label: "Config", kind: "json" }}
        path="config"
        value=${block.config}
        set=${(value) => change({ config: value }, "config")}
        env=${env}
      />
    </section>`;
  const more = form.filter((field) => !leading.has(field.name));
  return html`<section class="form">
    <h3>${type.title}</h3>
    ${form.filter((field) => leading.has(field.name)).map(row)}
    ${
      more.length > 0 &&
      html`<details class="more">
        <summary>More settings (${more.length})</summary>
        ${more.map(row)}
      </details>`
    }
    ${!form.length && html`<p class="quiet">Nothing to set.</p>`}
  </section>`;
}

/** The form of the block's type; that of a Python function is the function's own. */
function formOf(type, block, functions) {
  if (!type) return [];
  if (type.type !== "python" || !functions.length) return type.config_form;
  const chosen = functions.find((one) => one.name === block.config?.function);
  const own = {
    function: { kind: "select", options: functions.map((one) => one.name) },
    arguments: chosen && { item: undefined, fields: chosen.arguments_form },
  };
  return type.config_form.map((field) => ({ ...field, ...own[field.name] }));
}

/** Faults that no field of the form shows. */
function Loose({ faults, type, block }) {
  const shown = [...faults].filter(([path]) => ["", ":parent", ":handle", ":type"].includes(path));
  const lines = shown.flatMap(([, each]) => each);
  if (!type && !lines.length) lines.push(`There is no block type ${block.type} here.`);
  return lines.length > 0 && html`<section><${Faults} lines=${lines} role="status" /></section>`;
}

/** The newest step of this block in the run that is shown, with what came out. */
function Last({ editor, block }) {
  const { store } = editor;
  const isOf = ({ step_key: key }) => key === block.key || key.endsWith(`/${block.key}`);
  const step = store && [...store.shown.values()].findLast(isOf);
  const [full, setFull] = useState(/** @type {any} */ (null));
  const mark = step ? `${store.runId} ${step.step_key} ${step.status} ${step.finished_at}` : "";
  useEffect(() => {
    let isWanted = true;
    setFull(null);
    if (step?.finished_at) editor.readStep(step.step_key).then((found) => isWanted && setFull(found));
    return () => {
      isWanted = false;
    };
  }, [mark]);
  if (!step) return null;
  return html`<section>
    <h3>Last run · <a href=${`/runs/${store.runId}/`}>${store.runId.slice(-6)}</a></h3>
    <${SoFar} live=${store.live.get(step.step_key)} />
    <${Fault} title="What went wrong" error=${step.error} />
    ${full && html`<${Body} title="Output" value=${full.output} />`}
  </section>`;
}

function Docs({ type }) {
  const parts = (text) => (text || "").replaceAll("``", "").split("\n\n").filter(Boolean);
  return html`<section>
    <details class="body">
      <summary>About this block</summary>
      <div class="docs">
        ${parts(type.docs).map((part) => html`<p>${part}</p>`)}
        ${parts(type.config_docs).map((part) => html`<p class="quiet">${part}</p>`)}
      </div>
    </details>
  </section>`;
}
