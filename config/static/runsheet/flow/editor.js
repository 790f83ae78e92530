// @ts-check
/** `<flow-editor>`: a workflow's draft, drawn, changed and stored as it is changed, beside the run it last had. */
import { api, linesOf } from "../api.js";
import { blockOf as blockOfStep, blockStates, edgeTaken } from "../run/steps.js";
import { RunStore } from "../run/store.js";
import { html, render } from "../ui/html.js";
import { report, toast } from "../ui/toast.js";
import { About } from "./about.js";
import { Canvas } from "./canvas.js";
import { addBlock, blockOf, handlesOf, removeBlock, titleOf } from "./draft.js";
import { layoutReady } from "./graph.js";
import { Head, Stale } from "./head.js";
import { Kept } from "./keeping.js";
import { Outline } from "./outline.js";

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
      const asked = [api("GET", this.path), api("GET", "blocks/"), layoutReady];
      const [workflow, { results, functions }] = await Promise.all(asked);
      this.types = new Map(results.map((type) => [type.type, type]));
      this.functions = functions;
      this.take(workflow);
    } catch (error) {
      const line = this.querySelector("[role=status]");
      if (line) [line.textContent] = linesOf(error);
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
    this.selected = key && blockOf(this.draft, key) ? key : null;
    Object.assign(this, { panel: null, planned: null, walked: key || before });
    this.draw();
    if (goes) this.focusOn(key ? "#block-name" : `[data-block="${before}"]`);
    const isNarrow = matchMedia("(max-width: 900px)").matches;
    if (key && isNarrow) this.querySelector(".flow-panel")?.scrollIntoView({ block: "start" });
  }

  focusOn(selector) {
    /** @type {HTMLElement|null} */ (this.querySelector(selector))?.focus();
  }

  walk(key) {
    this.walked = key;
    this.draw();
    this.focusOn(`[data-block="${key}"]`);
  }

  look(view) {
    this.view = view;
    this.draw();
  }

  show(panel) {
    if (panel && !this.parts) return void this.panels().then(() => this.show(panel));
    Object.assign(this, { panel, planned: null });
    this.draw();
    if (panel) this.focusOn(".flow-panel :is(select, input, textarea, button.primary)");
  }

  async add(anchor, place) {
    const { openAdd } = await import("./add.js");
    const from = place.after && blockOf(this.draft, place.after);
    const handles = from ? handlesOf(this.draft, from, this.types.get(from.type)) : [];
    const hasEntry = this.draft.blocks.some((block) => !block.parent && this.types.get(block.type)?.entry);
    const mayEnter = !hasEntry && !place.after && !place.parent;
    const types = [...this.types.values()].filter((type) => !type.entry || mayEnter);
    const alone = place.parent ? `Inside ${place.parent}` : "New block";
    const onPick = (type, handle) => {
      const [next, key] = addBlock(this.draft, type, { ...place, handle });
      this.change(next, `add ${key}`);
      this.select(key, true);
    };
    openAdd(anchor, { types, handles, label: from ? `After ${titleOf(from)}` : alone, onPick });
  }

  drop(key) {
    if (!this.mayEdit) return;
    const title = titleOf(blockOf(this.draft, key));
    const before = this.draft.edges.find((edge) => edge.to === key)?.from;
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

  /** Run from a block or until it: the plan first; without an earlier run, which could be kept, what to run it with. */
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
    (await import("./publish.js")).openPublish(this);
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
    const redo = { z: event.shiftKey, y: true }[event.key.toLowerCase()];
    if ((event.ctrlKey || event.metaKey) && !isTyping && redo !== undefined) {
      event.preventDefault();
      if (redo) this.step("future", "past");
      else this.step("past", "future");
    } else if (event.key === "Escape" && (this.selected || this.panel)) this.select(null, true);
  }

  draw() {
    const steps = this.store ? this.store.shown : new Map();
    const kept = [...steps.values()].filter((step) => step.cached_from);
    this.states = this.statesOf(steps);
    this.reused = new Set(kept.map((step) => blockOfStep(step.step_key)));
    this.isTaken = (edge) => edgeTaken(edge, steps);
    render(
      html`<${Head} editor=${this} />
        ${this.state === "stale" && html`<${Stale} editor=${this} />`}
        <div class="flow-page">
          <div class="flow-main"><${this.view === "graph" ? Canvas : Outline} editor=${this} /></div>
          ${this.side()}
        </div>`,
      this,
    );
  }

  /** What the cards say. */
  statesOf(steps) {
    const { blocks } = this.draft;
    const unrun = (block) => ({ state: "none", word: block.enabled === false ? "Taken out" : "Not run yet" });
    const states = this.store?.run
      ? blockStates(blocks, steps)
      : new Map(blocks.map((block) => [block.key, unrun(block)]));
    for (const { key, type } of blocks) {
      if (type === "note") states.set(key, { state: "none", word: "Note" });
      if (this.planned?.again.has(key)) states.set(key, { state: "queued", word: "Runs again" });
    }
    return states;
  }

  /** What stands beside the graph: a run to start, its plan, the block that is chosen, or the workflow itself. */
  side() {
    const { panel, parts } = this;
    const block = this.selected && blockOf(this.draft, this.selected);
    if (panel?.kind === "trial")
      return html`<${parts.Trial} key=${`trial ${panel.until}`} editor=${this} until=${panel.until} />`;
    if (panel?.kind === "plan")
      return html`<${parts.Planned} key=${JSON.stringify(panel.wanted)} editor=${this} wanted=${panel.wanted} />`;
    if (block) return html`<${parts.Inspector} key=${block.key} editor=${this} block=${block} />`;
    return html`<${About} editor=${this} />`;
  }
}

customElements.define("flow-editor", FlowEditor);
