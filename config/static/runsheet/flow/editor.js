// @ts-check
/** `<flow-editor>`: a workflow's draft, drawn, changed and stored as it is changed, beside the run it last had. */
import { Problem, api } from "../api.js";
import { plural } from "../format.js";
import { blockOf as blockOfStep, blockStates, edgeTaken } from "../run/steps.js";
import { RunStore } from "../run/store.js";
import { html, icon, render } from "../ui/html.js";
import { report, toast } from "../ui/toast.js";
import { About } from "./about.js";
import { Canvas, Outline } from "./canvas.js";
import { addBlock, blockOf, drawable, handlesOf, removeBlock, titleOf } from "./draft.js";
import { Kept } from "./keeping.js";

const SAID = {
  saved: "Saved",
  unsaved: "Not saved yet",
  saving: "Saving…",
  lost: "Not saved: the server cannot be reached",
  refused: "Not saved",
  stale: "Not saved",
};

class FlowEditor extends Kept {
  async connectedCallback() {
    this.path = `workflows/${this.getAttribute("workflow-id")}/`;
    this.around = JSON.parse(document.getElementById("around")?.textContent || "{}");
    this.mayEdit = this.around.may_edit;
    Object.assign(this, {
      selected: null,
      walked: null,
      panel: null,
      view: "graph",
      store: null,
      planned: null,
      given: {},
      parts: null,
      loading: null,
    });
    try {
      const [workflow, { results, functions }] = await Promise.all([api("GET", this.path), api("GET", "blocks/")]);
      this.types = new Map(results.map((type) => [type.type, type]));
      this.functions = functions;
      this.take(workflow);
    } catch (error) {
      const line = this.querySelector("[role=status]");
      if (line)
        line.textContent = error instanceof Problem ? error.message : "The server could not be reached. Try again.";
      return;
    }
    this.replaceChildren();
    this.addEventListener("keydown", (event) => this.keyed(event));
    addEventListener("beforeunload", (event) => {
      if (this.unsaved || this.saving) event.preventDefault();
    });
    const run = new URLSearchParams(location.search).get("run") || this.around.run;
    if (run) this.watch(run, false);
    this.draw();
    this.panels();
  }

  /** The panels of a block and of a run come after the page; who needs one sooner waits for it. */
  panels() {
    return (this.loading ||= Promise.all([import("./inspector.js"), import("./trial.js")]).then((found) => {
      this.parts = Object.assign({}, ...found);
    }));
  }

  learnRefs(refs) {
    this.workflow = { ...this.workflow, refs: [...refs].sort((a, b) => (a.name < b.name ? -1 : 1)) };
    this.draw();
  }

  /** Choose a block, or none; `goes` takes the focus along: to its form, and back to its card. */
  select(key, goes = false) {
    if (key && !this.parts) return void this.panels().then(() => this.select(key, goes));
    const before = this.selected;
    Object.assign(this, {
      selected: key && blockOf(this.draft, key) ? key : null,
      panel: null,
      planned: null,
      walked: key || before,
    });
    this.draw();
    const narrow = matchMedia("(max-width: 900px)").matches;
    if (goes)
      /** @type {HTMLElement|null} */ (this.querySelector(key ? "#block-name" : `[data-block="${before}"]`))?.focus();
    if (key && narrow) this.querySelector(".flow-panel")?.scrollIntoView({ block: "start" });
  }

  walk(key) {
    this.walked = key;
    this.draw();
    /** @type {HTMLElement|null} */ (this.querySelector(`[data-block="${key}"]`))?.focus();
  }

  show(panel) {
    if (panel && !this.parts) return void this.panels().then(() => this.show(panel));
    Object.assign(this, { panel, planned: null });
    this.draw();
    if (panel)
      /** @type {HTMLElement|null} */ (
        this.querySelector(".flow-panel :is(select, input, textarea, button.primary)")
      )?.focus();
  }

  async add(anchor, place) {
    const { openAdd } = await import("./add.js");
    const [from] = [place.after && blockOf(this.draft, place.after)];
    const handles = from ? handlesOf(this.draft, from, this.types.get(from.type)) : [];
    const hasEntry = this.draft.blocks.some((block) => !block.parent && this.types.get(block.type)?.entry);
    const types = [...this.types.values()].filter(
      (type) => !type.entry || (!hasEntry && !place.after && !place.parent),
    );
    openAdd(anchor, {
      types,
      handles,
      label: from ? `After ${titleOf(from)}` : place.parent ? `Inside ${place.parent}` : "New block",
      onPick: (type, handle) => {
        const [next, key] = addBlock(this.draft, type, { ...place, handle });
        this.change(next, `add ${key}`);
        this.select(key, true);
      },
    });
  }

  drop(key) {
    if (!this.mayEdit) return;
    const title = titleOf(blockOf(this.draft, key));
    const [before] = this.draft.edges.filter((edge) => edge.to === key).map((edge) => edge.from);
    this.change(removeBlock(this.draft, key), `remove ${key}`);
    this.walk(before || this.draft.blocks[0]?.key);
    toast(`${title} is deleted.`, { action: { label: "Undo", run: () => this.step("past", "future") } });
  }

  /** Follow a run on the cards. */
  watch(id, tells = true) {
    this.store?.socket.stop();
    this.store = new RunStore(id);
    this.store.addEventListener("change", () => this.draw());
    this.store.start();
    const query = new URLSearchParams(location.search);
    query.set("run", id);
    if (tells) history.replaceState(null, "", `?${query}`);
    this.draw();
  }

  async readStep(key) {
    const page = await api("GET", `runs/${this.store.runId}/steps/`, { query: { step: key } });
    return page.results[0] || null;
  }

  /** Run from a block or until it: the plan first. Without an earlier run there is nothing to keep, so it is asked for its input. */
  async plan(wanted) {
    try {
      await this.flush();
    } catch (error) {
      return report(error, "save the draft");
    }
    if (this.store?.run) return this.show({ kind: "plan", wanted });
    if (wanted.start_block) toast("Nothing has run yet, so there is no output to go on from. Run it once.");
    return this.show({ kind: "trial", until: wanted.stop_after || null });
  }

  planIs(plan) {
    const again = new Set(plan.rerun.map((one) => blockOfStep(one.step)));
    const kept = new Set(plan.reuse.map(blockOfStep));
    for (const key of again)
      for (const block of this.draft.blocks) if (block.parent === key && !kept.has(block.key)) again.add(block.key);
    this.planned = { again, kept };
    this.draw();
  }

  async openVersions() {
    (await import("./versions.js")).openVersions(this);
  }

  async openPublish() {
    (await import("./versions.js")).openPublish(this);
  }

  async openSource() {
    (await import("./source.js")).openSource(this);
  }

  async archive() {
    const { archive } = await import("./workflows.js");
    if (await archive(this.workflow.id, this.workflow.name)) location.assign(this.dataset.list || "/");
  }

  keyed(event) {
    const isTyping = event.target instanceof Element && event.target.closest("input, textarea, select");
    const wants =
      (event.ctrlKey || event.metaKey) &&
      !isTyping &&
      { z: event.shiftKey ? "redo" : "undo", y: "redo" }[event.key.toLowerCase()];
    if (wants) {
      event.preventDefault();
      this.step(...(wants === "undo" ? ["past", "future"] : ["future", "past"]));
    } else if (event.key === "Escape" && (this.selected || this.panel)) this.select(null, true);
  }

  draw() {
    const steps = this.store ? this.store.shown : new Map();
    const isOff = (block) => block.enabled === false;
    this.states = this.store?.run
      ? blockStates(this.draft.blocks, steps)
      : new Map(
          this.draft.blocks.map((block) => [
            block.key,
            { state: "none", word: isOff(block) ? "Taken out" : "Not run yet" },
          ]),
        );
    for (const block of this.draft.blocks)
      if (block.type === "note") this.states.set(block.key, { state: "none", word: "Note" });
    if (this.planned)
      for (const key of this.planned.again)
        if (this.states.has(key)) this.states.set(key, { state: "queued", word: "Runs again" });
    this.reused = new Set(
      [...steps.values()].filter((step) => step.cached_from).map((step) => blockOfStep(step.step_key)),
    );
    this.isTaken = (edge) => edgeTaken(edge, steps);
    const block = this.selected && blockOf(this.draft, this.selected);
    render(
      html`${this.head()}
        ${
          this.state === "stale" &&
          html`<div class="notice flow-notice" role="alert">
            <p>Somebody changed this workflow while you had it open.</p>
            <p class="row-of-buttons">
              <button type="button" class="button small" onClick=${() => this.takeTheirs()}>Show theirs</button
              ><button type="button" class="button small" onClick=${() => this.saveMine()}>Save mine over it</button>
            </p>
          </div>`
        }
        <div class="flow-page">
          <div class="flow-main">
            ${this.view === "graph" ? html`<${Canvas} editor=${this} />` : html`<${Outline} editor=${this} />`}
          </div>
          ${
            this.panel?.kind === "trial"
              ? html`<${this.parts.Trial}
                  key=${`trial ${this.panel.until}`}
                  editor=${this}
                  until=${this.panel.until}
                />`
              : this.panel?.kind === "plan"
                ? html`<${this.parts.Planned}
                    key=${JSON.stringify(this.panel.wanted)}
                    editor=${this}
                    wanted=${this.panel.wanted}
                  />`
                : block
                  ? html`<${this.parts.Inspector} key=${block.key} editor=${this} block=${block} />`
                  : html`<${About} editor=${this} />`
          }
        </div>`,
      this,
    );
  }

  head() {
    const errors = this.faults.filter((fault) => fault.severity === "error").length;
    const live = this.workflow.refs.find((ref) => ref.name === "live");
    const segment = (view, word) =>
      html`<button
        type="button"
        role="radio"
        aria-checked=${String(this.view === view)}
        onClick=${() => {
          this.view = view;
          this.draw();
        }}
      >
        ${word}
      </button>`;
    return html`<header class="topbar flow-head-bar">
      <a class="crumb" href=${this.dataset.list}>Workflows /</a>
      <h1>${this.workflow.name}</h1>
      <span class="chip">${live ? `live is version ${live.version}` : "not published"}</span>
      ${errors > 0 && html`<button type="button" class="pill" data-state="failed" onClick=${() => this.select(null)}><span class="word">${plural(errors, "fault")}</span></button>`}
      ${this.mayEdit && html`<span class="quiet flow-saved" role="status">${SAID[this.state]}</span>`}<span
        class="spacer"
      ></span>
      ${
        this.mayEdit &&
        html`<button
            type="button"
            class="icon-button"
            aria-label="Undo"
            title="Undo"
            disabled=${!this.past.length}
            onClick=${() => this.step("past", "future")}
          >
            ↶
          </button>
          <button
            type="button"
            class="icon-button"
            aria-label="Redo"
            title="Redo"
            disabled=${!this.future.length}
            onClick=${() => this.step("future", "past")}
          >
            ↷
          </button>`
      }
      <div class="segments" role="radiogroup" aria-label="View">
        ${segment("graph", "Graph")}${segment("list", "List")}
      </div>
      ${this.mayEdit && html`<button type="button" class="button" onClick=${(event) => this.add(event.currentTarget, {})}>Add block</button>`}
      <button type="button" class="button" onClick=${() => this.openVersions()}>Versions</button>
      ${
        this.mayEdit &&
        html`<button type="button" class="button" onClick=${() => this.show({ kind: "trial", until: null })}>
            ${icon("play")}Run
          </button>
          <button type="button" class="button primary" onClick=${() => this.openPublish()}>Publish</button>`
      }
    </header>`;
  }
}

customElements.define("flow-editor", FlowEditor);
