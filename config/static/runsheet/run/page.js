// @ts-check
/** `<run-view>`: one run, alive. The graph and the waterfall say where it is; the panel says everything about one step. */
import { api } from "../api.js";
import { duration, instant } from "../format.js";
import { Graph } from "../flow/graph.js";
import { html, icon, render } from "../ui/html.js";
import { report, toast } from "../ui/toast.js";
import { Overview } from "./overview.js";
import { Panel } from "./panel.js";
import { planRerun } from "./rerun.js";
import { resume } from "./resume.js";
import { ENDED, RESUMABLE, blockOf, blockStates, edgeTaken, runWord } from "./steps.js";
import { MOST_STEPS, RunStore } from "./store.js";
import { Waterfall } from "./waterfall.js";

const TICK_MS = 1_000;
const TRIGGERS = { api: "API", cell: "table", run: "another run", hook: "webhook", cli: "command line" };

class RunView extends HTMLElement {
  connectedCallback() {
    this.graph = JSON.parse(document.getElementById("run-graph")?.textContent || "{}");
    this.names = new Map(this.graph.blocks.map((block) => [block.key, block.name || block.key]));
    this.mayRun = this.hasAttribute("may-run");
    /** @type {string|null} */
    this.selected = null;
    this.store = new RunStore(this.getAttribute("run-id"));
    this.store.addEventListener("change", () => this.draw());
    this.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.selected) this.select(null);
    });
    this.store.start();
    setInterval(() => {
      if (this.store.run && !this.store.isOver && !document.hidden) this.draw();
    }, TICK_MS);
  }

  /** Choose a step; of a block that stands in several scopes the latest. */
  select(key) {
    this.selected = key;
    this.draw();
    if (key && matchMedia("(max-width: 900px)").matches)
      this.querySelector(".run-panel")?.scrollIntoView({ block: "start" });
  }

  selectBlock(block) {
    const found = [...this.store.shown.keys()].filter((key) => blockOf(key) === block);
    this.select(found.length ? found[found.length - 1] : block);
  }

  async stop() {
    try {
      await api("POST", `runs/${this.store.runId}/cancel/`);
      this.store.fetch();
    } catch (error) {
      report(error, "stop the run");
    }
  }

  async reopen() {
    if (await resume(this.store.run)) {
      toast("The run goes on where it failed.");
      this.store.fetch();
    }
  }

  draw() {
    const { store } = this;
    if (!store.run) return;
    const now = Date.now();
    const steps = store.shown;
    if (!this.isDrawn) this.replaceChildren();
    this.isDrawn = true;
    const begin = Date.parse(store.run.started_at || store.run.created_at);
    const panel = this.selected
      ? html`<${Panel}
          key=${this.selected}
          store=${store}
          stepKey=${this.selected}
          name=${this.nameOf(this.selected)}
          mayRun=${this.mayRun}
          now=${now}
          close=${() => this.select(null)}
        />`
      : html`<${Overview} store=${store} names=${this.names} mayRun=${this.mayRun} />`;
    render(
      html`${this.head(now)}
        <div class="run-area">
          <div class="run-main">
            <${Graph}
              graph=${this.graph}
              states=${blockStates(this.graph.blocks, steps)}
              live=${(edge) => edgeTaken(edge, steps)}
              selected=${this.selected && blockOf(this.selected)}
              onSelect=${(block) => this.selectBlock(block)}
            />
            <section class="falls">
              <h2>Steps</h2>
              ${
                steps.size
                  ? html`<${Waterfall}
                      steps=${steps}
                      names=${this.names}
                      selected=${this.selected}
                      now=${now}
                      begin=${begin}
                      onSelect=${(key) => this.select(key)}
                    />`
                  : html`<p class="quiet">No block has finished yet.</p>`
              }
              ${store.more && html`<p class="quiet">The first ${MOST_STEPS.toLocaleString("en")} steps are shown.</p>`}
            </section>
          </div>
          ${panel}
        </div>`,
      this,
    );
  }

  nameOf(key) {
    return this.names.get(blockOf(key)) || key;
  }

  head(now) {
    const { run, state: live } = this.store;
    const [state, word] = runWord(run);
    const began = run.started_at && Date.parse(run.started_at);
    const took = began ? (run.finished_at ? Date.parse(run.finished_at) : now) - began : null;
    const facts = [
      `${run.kind === "rerun" ? "rerun" : "run"} ${run.id.slice(-6)}`,
      `version ${run.version}`,
      TRIGGERS[run.trigger_kind] || run.trigger_kind,
      run.actor,
      instant(run.created_at),
      took !== null && duration(took),
      run.cost && `$${Number(run.cost)}`,
      run.epoch > 0 && `resumed ${run.epoch}×`,
    ].filter(Boolean);
    return html`<header class="topbar run-head">
      <a class="crumb" href=${`/runs/${location.search}`}>Runs /</a>
      <h1>${run.workflow_name}</h1>
      <span class="pill" data-state=${state} role="status"><span class="word">${word}</span></span>
      <span class="quiet number facts">${facts.join(" · ")}</span>
      ${live === "lost" && html`<span class="chip" role="status">Reconnecting …</span>`}
      <span class="spacer"></span>
      ${this.mayRun && !ENDED.has(run.status) && html`<button type="button" class="button danger" onClick=${() => this.stop()}>${icon("stop")}Stop</button>`}
      ${this.mayRun && RESUMABLE.has(run.status) && html`<button type="button" class="button primary" onClick=${() => this.reopen()}>${icon("play")}Resume</button>`}
      ${this.mayRun && ENDED.has(run.status) && html`<button type="button" class="button" onClick=${() => planRerun(run, {})}>Run again</button>`}
    </header>`;
  }
}

customElements.define("run-view", RunView);
