// @ts-check
/** `<run-view>`: one run, alive. The graph and the waterfall say where it is, the panel all there is about one step. */
import { count, duration, instant } from "../format.js";
import { Graph, layoutReady } from "../flow/graph.js";
import { html, icon, render } from "../ui/html.js";
import { button, pill } from "../ui/parts.js";
import { toast } from "../ui/toast.js";
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
    layoutReady.then(() => this.draw());
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
    this.select(found.at(-1) || block);
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
    const { selected, names } = this;
    render(
      html`${this.head(now)}
        <div class="run-area">
          <div class="run-main">
            <${Graph}
              graph=${this.graph}
              states=${blockStates(this.graph.blocks, steps)}
              live=${(edge) => edgeTaken(edge, steps)}
              selected=${selected && blockOf(selected)}
              onSelect=${(block) => this.selectBlock(block)}
            />
            <section class="falls">
              <h2>Steps</h2>
              <${Waterfall} ...${{ steps, names, selected, now, begin }} onSelect=${(key) => this.select(key)} />
              ${store.more && html`<p class="quiet">The first ${count(MOST_STEPS)} steps are shown.</p>`}
            </section>
          </div>
          ${selected ? this.panel(selected, now) : html`<${Overview} ...${{ store, names, mayRun: this.mayRun }} />`}
        </div>`,
      this,
    );
  }

  panel(key, now) {
    return html`<${Panel}
      key=${key}
      store=${this.store}
      stepKey=${key}
      name=${this.names.get(blockOf(key)) || key}
      mayRun=${this.mayRun}
      now=${now}
      close=${() => this.select(null)}
    />`;
  }

  head(now) {
    const { run, state: live } = this.store;
    const [state, word] = runWord(run);
    const began = run.started_at && Date.parse(run.started_at);
    const ended = run.finished_at ? Date.parse(run.finished_at) : now;
    const isOver = ENDED.has(run.status);
    const facts = [
      `${run.kind === "rerun" ? "rerun" : "run"} ${run.id.slice(-6)}`,
      `version ${run.version}`,
      TRIGGERS[run.trigger_kind] || run.trigger_kind,
      run.actor,
      instant(run.created_at),
      began && duration(ended - began),
      run.cost && `$${Number(run.cost)}`,
      run.epoch > 0 && `resumed ${run.epoch}×`,
    ].filter(Boolean);
    return html`<header class="topbar run-head">
      <a class="crumb" href=${`/runs/${location.search}`}>Runs /</a>
      <h1>${run.workflow_name}</h1>
      ${pill(state, word, { role: "status" })}
      <span class="quiet number facts">${facts.join(" · ")}</span>
      ${live === "lost" && html`<span class="chip" role="status">Reconnecting …</span>`}
      <span class="spacer"></span>
      ${this.mayRun && !isOver && button(html`${icon("stop")}Stop`, () => this.store.stop(), "danger")}
      ${this.mayRun && RESUMABLE.has(run.status) && button(html`${icon("play")}Resume`, () => this.reopen(), "primary")}
      ${this.mayRun && isOver && button("Run again", () => planRerun(run, {}))}
    </header>`;
  }
}

customElements.define("run-view", RunView);
