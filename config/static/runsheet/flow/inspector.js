// @ts-check
/** One block: what it is called, what it comes after, its form, how it is tried again, what it did last. */
import { Body, Fault } from "../run/body.js";
import { cross, html, icon, useEffect, useState } from "../ui/html.js";
import {
  changeBlock,
  connect,
  disconnect,
  handleOf,
  handlesOf,
  mayConnect,
  moveBlock,
  namesFor,
  renameBlock,
  titleOf,
} from "./draft.js";
import { Field } from "./fields.js";
import { inFront, placed } from "./values.js";

const number = (name, label, limits, help = "") => ({ name, label, kind: "number", help, limits });
const RETRY = [
  number("max_attempts", "Attempts", [1, 10], "1 is no retry."),
  { name: "kind", label: "Waits", kind: "select", options: ["fixed", "exponential"], default: "fixed" },
  number("delay_seconds", "Seconds between", [0, 86_400]),
  number("cap_seconds", "At most so many seconds between", [0, 86_400]),
  {
    name: "on_unknown",
    label: "When nobody knows whether it happened",
    kind: "select",
    options: ["ask", "retry", "fail"],
    default: "ask",
  },
];
const TIMEOUT = number("timeout_seconds", "Time limit in seconds", [0, 604_800]);
const KEY = /^[A-Za-z_][\w-]{0,63}$/;

/** @param {{editor: any, block: any}} props `editor` is the `<flow-editor>` */
export function Inspector({ editor, block }) {
  const type = editor.types.get(block.type);
  const { draft } = editor;
  const mine = editor.faultsOf(block.key);
  const form = formOf(type, block, editor.functions);
  const faults = placed(form, block.config || {}, mine);
  const change = (changes, tag) => editor.change(changeBlock(draft, block.key, changes), `${block.key} ${tag}`);
  const config = (name, value) =>
    change(
      {
        config: Object.fromEntries(
          Object.entries({ ...block.config, [name]: value }).filter(([, each]) => each !== undefined),
        ),
      },
      name,
    );
  const names = (field) =>
    namesFor(draft, block.key, editor.types, {
      secrets: field.secrets ? editor.around.secrets : [],
      roots: field.roots || [],
    });
  const env = { id: "block", faults, names, off: !editor.mayEdit };
  // Settled when the block is opened: a field does not move under the hands that fill it in.
  const [leading] = useState(
    () => new Set(inFront(form, block.config || {}, type?.example?.config)[0].map((field) => field.name)),
  );
  const [front, more] = [
    form.filter((field) => leading.has(field.name)),
    form.filter((field) => !leading.has(field.name)),
  ];
  const row = (field) =>
    html`<${Field}
      key=${field.name}
      field=${field}
      path=${field.name}
      value=${(block.config || {})[field.name]}
      set=${(value) => config(field.name, value)}
      env=${env}
    />`;
  return html`<aside class="drawer run-panel flow-panel" aria-label=${`Block ${titleOf(block)}`}>
    <header class="drawer-head">
      <div>
        <h2>${titleOf(block)}</h2>
        <p class="quiet">${type ? type.title : block.type}${block.parent ? ` · inside ${block.parent}` : ""}</p>
      </div>
      <${State} editor=${editor} block=${block} /><button
        type="button"
        class="icon-button"
        aria-label="Close"
        onClick=${() => editor.select(null, true)}
      >
        ${cross}
      </button>
    </header>
    <${Loose} faults=${faults} type=${type} block=${block} />
    ${
      editor.mayEdit &&
      html`<section class="drawer-actions">
        <button type="button" class="button primary" onClick=${() => editor.plan({ start_block: block.key })}>
          ${icon("play")}Run from here
        </button>
        <button type="button" class="button" onClick=${() => editor.plan({ stop_after: block.key })}>
          Run until here
        </button>
        ${type?.container && html`<button type="button" class="button" onClick=${(event) => editor.add(event.currentTarget, { parent: block.key })}>Add inside</button>`}
        ${type?.handles.length !== 0 && html`<button type="button" class="button" onClick=${(event) => editor.add(event.currentTarget, { after: block.key })}>Add after</button>`}
        <button type="button" class="button danger" onClick=${() => editor.drop(block.key)}>Delete</button>
      </section>`
    }
    <section>
      <div class="field">
        <label for="block-name">Name</label
        ><input
          id="block-name"
          value=${block.name || ""}
          maxlength="200"
          placeholder=${block.key}
          disabled=${env.off}
          autocomplete="off"
          onInput=${(event) => change({ name: event.currentTarget.value }, "name")}
        />
      </div>
      <${Key} key=${block.key} editor=${editor} block=${block} fault=${faults.get(":key")} />
      ${!type?.entry && html`<${Inside} editor=${editor} block=${block} />`}
      ${!type?.entry && type?.handles.length !== 0 && html`<${After} editor=${editor} block=${block} />`}
    </section>
    <section class="form">
      <h3>${type ? type.title : "Config"}</h3>
      ${
        type
          ? html`${front.map(row)}${
              more.length > 0 &&
              html`<details class="more">
                <summary>More settings (${more.length})</summary>
                ${more.map(row)}
              </details>`
            }`
          : html`<${Field}
              field=${{ name: "config", label: "Config", kind: "json" }}
              path="config"
              value=${block.config}
              set=${(value) => change({ config: value }, "config")}
              env=${env}
            />`
      }
      ${type && !form.length && html`<p class="quiet">Nothing to set.</p>`}
    </section>
    <${Last} editor=${editor} block=${block} />
    <${Handling} ...${{ block, type, env, change, mine }} />
    ${
      type &&
      html`<section>
        <details class="body">
          <summary>About this block</summary>
          <div class="docs">
            ${type.docs.split("\n\n").map((part) => html`<p>${part.replaceAll("``", "")}</p>`)}
            ${type.config_docs && type.config_docs.split("\n\n").map((part) => html`<p class="quiet">${part.replaceAll("``", "")}</p>`)}
          </div>
        </details>
      </section>`
    }
  </aside>`;
}

/** The form of the block's type; that of a Python function is the function's own. */
function formOf(type, block, functions) {
  if (!type) return [];
  if (type.type !== "python" || !functions.length) return type.config_form;
  const chosen = functions.find((one) => one.name === block.config?.function);
  return type.config_form.map((field) =>
    field.name === "function"
      ? { ...field, kind: "select", options: functions.map((one) => one.name) }
      : field.name === "arguments" && chosen
        ? { ...field, item: undefined, fields: chosen.arguments_form }
        : field,
  );
}

function State({ editor, block }) {
  const { state, word } = editor.states.get(block.key);
  return (
    editor.store &&
    html`<span class="pill" data-state=${state === "none" ? "queued" : state}><span class="word">${word}</span></span>`
  );
}

/** Faults that no field of the form shows. */
function Loose({ faults, type, block }) {
  const shown = [...faults]
    .filter(([path]) => path === "" || path === ":parent" || path === ":handle" || path === ":type")
    .flatMap(([, lines]) => lines);
  const lines = type || shown.length ? shown : [`There is no block type ${block.type} here.`];
  return (
    lines.length > 0 &&
    html`<section>
      <ul class="errors" role="status">
        ${lines.map((line) => html`<li>${line}</li>`)}
      </ul>
    </section>`
  );
}

/** The key is what others call this block by: it changes everywhere at once, when it is a good one. */
function Key({ editor, block, fault }) {
  const [wrong, setWrong] = useState("");
  const rename = (event) => {
    const key = event.currentTarget.value.trim();
    if (key === block.key) return setWrong("");
    if (!KEY.test(key)) return setWrong("Keys are 1 to 64 letters, digits, _ and -, and do not begin with a digit.");
    if (editor.draft.blocks.some((each) => each.key === key)) return setWrong(`Another block is called ${key}.`);
    editor.selected = key;
    return editor.change(renameBlock(editor.draft, block.key, key), `key ${key}`);
  };
  const lines = wrong ? [wrong] : fault || [];
  return html`<div class="field">
    <label for="block-key">Key</label
    ><input
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
    ${
      lines.length > 0 &&
      html`<ul class="errors" role="alert">
        ${lines.map((line) => html`<li>${line}</li>`)}
      </ul>`
    }
  </div>`;
}

/** The container it stands in, where there are any. */
function Inside({ editor, block }) {
  const { draft, types } = editor;
  const isWithin = (key) => {
    for (let at = draft.blocks.find((each) => each.key === key), n = 0; at && n < 20; n += 1) {
      if (at.key === block.key) return true;
      at = draft.blocks.find((each) => each.key === at.parent);
    }
    return false;
  };
  const containers = draft.blocks.filter((each) => types.get(each.type)?.container && !isWithin(each.key));
  if (!containers.length && !block.parent) return null;
  return html`<div class="field">
    <label for="block-inside">Inside</label
    ><select
      id="block-inside"
      disabled=${!editor.mayEdit}
      onChange=${(event) => editor.change(moveBlock(draft, block.key, event.currentTarget.value), `inside ${Date.now()}`)}
    >
      <option value="" selected=${!block.parent}>the workflow itself</option>
      ${containers.map((each) => html`<option value=${each.key} selected=${each.key === block.parent}>${titleOf(each)}</option>`)}
    </select>
  </div>`;
}

/** What it comes after, as chips; and what it may come after, by port. */
function After({ editor, block }) {
  const { draft, types } = editor;
  const incoming = draft.edges.filter((edge) => edge.to === block.key);
  const label = (edge) =>
    `${titleOf(draft.blocks.find((each) => each.key === edge.from) || { key: edge.from })}${handleOf(edge) === "source" ? "" : ` · ${handleOf(edge)}`}`;
  const choices = draft.blocks
    .filter((each) => mayConnect(draft, each.key, block.key))
    .flatMap((each) =>
      handlesOf(draft, each, types.get(each.type))
        .map((handle) => ({ from: each.key, handle, to: block.key }))
        .filter((edge) => !incoming.some((one) => one.from === edge.from && handleOf(one) === edge.handle)),
    );
  const add = (event) => {
    const edge = choices[Number(event.currentTarget.value)];
    event.currentTarget.value = "";
    if (edge) editor.change(connect(draft, edge.from, edge.handle, edge.to), `edge ${Date.now()}`);
  };
  return html`<div class="field" role="group" aria-labelledby="after-label">
    <span class="label" id="after-label">Runs after</span>
    <div class="chips">
      ${incoming.map((edge) => html`<span class="chip">${label(edge)}${editor.mayEdit && html`<button type="button" aria-label=${`Not after ${label(edge)}`} onClick=${() => editor.change(disconnect(draft, edge), `edge ${Date.now()}`)}>${cross}</button>`}</span>`)}
      ${!incoming.length && html`<span class="quiet">${block.parent ? `Nothing: it is first inside ${block.parent}.` : "Nothing yet, so it never runs."}</span>`}
    </div>
    ${
      editor.mayEdit &&
      choices.length > 0 &&
      html`<select aria-label="Runs after another block" onChange=${add}>
        <option value="">Choose a block…</option>
        ${choices.map((edge, at) => html`<option value=${at}>${label(edge)}</option>`)}
      </select>`
    }
  </div>`;
}

/** Retries, time limit, and whether it takes part at all. */
function Handling({ block, type, env, change, mine }) {
  const own = placed(
    [{ name: "retry", kind: "object", fields: RETRY }, TIMEOUT],
    block,
    mine.map((fault) => ({ ...fault, field: `config.${fault.field}` })),
  );
  const faulty = [...own.keys()].some((path) => path.startsWith("retry") || path === "timeout_seconds");
  const usual = type && type.default_retry;
  const put = (name, value) => {
    const retry = Object.fromEntries(
      Object.entries({ ...block.retry, [name]: value }).filter(([, each]) => each !== undefined),
    );
    change({ retry: Object.keys(retry).length ? retry : undefined }, `retry ${name}`);
  };
  const shown = { ...env, id: "handling", faults: own };
  return html`<section>
    <details class="body more" open=${faulty || Boolean(block.retry)}>
      <summary>Retries, time limit, on error</summary>
      ${!type?.container && RETRY.map((field) => html`<${Field} key=${field.name} field=${{ ...field, default: usual?.[field.name] ?? field.default }} path=${`retry.${field.name}`} value=${block.retry?.[field.name]} set=${(value) => put(field.name, value)} env=${shown} />`)}
      <${Field}
        field=${{ ...TIMEOUT, default: type && type.default_timeout_seconds }}
        path="timeout_seconds"
        value=${block.timeout_seconds ?? undefined}
        set=${(value) => change({ timeout_seconds: value }, "timeout")}
        env=${shown}
      />
      <p class="hint">If it fails, the run fails; unless another block runs after its port error.</p>
      <label class="tick"
        ><input
          type="checkbox"
          checked=${block.enabled !== false}
          disabled=${env.off}
          onChange=${(event) => change({ enabled: event.currentTarget.checked ? undefined : false }, "enabled")}
        />${" "}Takes part in runs</label
      >
    </details>
  </section>`;
}

/** The newest step of this block in the run that is shown, with what came out. */
function Last({ editor, block }) {
  const { store } = editor;
  const step = store
    ? [...store.shown.values()]
        .reverse()
        .find((each) => each.step_key === block.key || each.step_key.endsWith(`/${block.key}`))
    : null;
  const [full, setFull] = useState(/** @type {any} */ (null));
  const mark = step ? `${store.runId} ${step.step_key} ${step.status} ${step.finished_at}` : "";
  useEffect(() => {
    let isWanted = true;
    setFull(null);
    if (step && step.finished_at)
      editor.readStep(step.step_key).then((found) => {
        if (isWanted) setFull(found);
      });
    return () => {
      isWanted = false;
    };
  }, [mark]);
  if (!step) return null;
  const live = store.live.get(step.step_key);
  return html`<section>
    <h3>Last run · <a href=${`/runs/${store.runId}/`}>${store.runId.slice(-6)}</a></h3>
    ${live && live.text && html`<pre class="so-far" tabindex="0" aria-label="Output so far">${live.text}</pre>`}
    ${step.error && html`<${Fault} title="What went wrong" error=${step.error} />`}
    ${full && html`<${Body} title="Output" value=${full.output} />`}
  </section>`;
}
