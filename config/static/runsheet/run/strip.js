// @ts-check
/** `<run-strip>`: how the newest run of the table stands, Stop while it lives, Retry failed once it has ended. */
import { plural } from "../format.js";
import { session as sessionOf } from "../session.js";
import { retryFailed, stopDispatch } from "../sheet/actions.js";
import { isActive } from "../sheet/overlay.js";
import { gridOf } from "../sheet/registry.js";
import { showOnly } from "../sheet/running.js";
import { cross, html, icon, render } from "../ui/html.js";
import { openMenu } from "../ui/menu.js";
import { figuresOf, partsOf } from "./figures.js";

const ANNOUNCE_EVERY_MS = 10_000;

class RunStrip extends HTMLElement {
  connectedCallback() {
    this.tableId = this.getAttribute("table-id") || "";
    this.mayRun = this.hasAttribute("may-run");
    this.session = sessionOf(this.tableId);
    this.closed = new Set();
    this.seen = new Set();
    this.announced = { at: 0, id: "", text: "" };
    this.names = new Map(gridOf(this.tableId)?.schema.groups.map((group) => [group.id, group.name]));
    this.box = document.createElement("div");
    this.voice = document.createElement("p");
    this.voice.className = "visually-hidden";
    this.voice.setAttribute("role", "status");
    this.append(this.box, this.voice);
    this.session.addEventListener("dispatches", () => this.later());
    this.session.addEventListener("groups", (event) => {
      this.names = /** @type {CustomEvent} */ (event).detail;
      this.later();
    });
    this.later();
  }

  later() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  /** The active ones, else the one that ended last while we watched. */
  shown() {
    const all = [...this.session.dispatches.values()].filter(
      (dispatch) => !dispatch.provisional && !this.closed.has(dispatch.id),
    );
    const active = all.filter(isActive);
    for (const dispatch of active) this.seen.add(dispatch.id);
    if (active.length) return active;
    return all.filter((dispatch) => this.seen.has(dispatch.id)).slice(-1);
  }

  draw() {
    const dispatches = this.shown();
    const [dispatch] = dispatches.slice(-1);
    if (!dispatch) return render(null, this.box);
    const live = isActive(dispatch);
    const progress = dispatch.progress || {};
    const title = this.title_(dispatch);
    const figures = figuresOf(dispatch, live);
    const others = dispatches.slice(0, -1);
    render(
      html`<section class="strip" data-status=${dispatch.status} aria-label="Run">
        <span class="strip-title">${live && html`<span class="ring" aria-hidden="true"></span>`}${title}</span>
        <${Bar} parts=${partsOf(dispatch)} />
        <span class="strip-figures"
          >${figures.map((figure) => html`<span class=${figure.kind || ""}>${figure.text}</span>`)}</span
        >
        ${others.length > 0 && html`<button type="button" class="button small" aria-haspopup="menu" onClick=${(event) => this.openOthers(event.currentTarget)}>and ${plural(others.length, "more run")}</button>`}
        <span class="spacer"></span>
        ${progress.failed > 0 && html`<button type="button" class="button small" onClick=${() => this.showFailed(dispatch)}>Show failed</button>`}
        ${live && this.mayRun && html`<button type="button" class="button small danger" onClick=${() => this.stop(dispatches)}>${icon("stop")}${others.length ? "Stop all" : "Stop"}</button>`}
        ${!live && this.mayRun && progress.failed > 0 && html`<button type="button" class="button small" onClick=${() => this.retry(dispatch)}>Retry failed</button>`}
        ${!live && html`<button type="button" class="icon-button" aria-label="Close the summary" onClick=${() => this.close(dispatch)}>${cross}</button>`}
      </section>`,
      this.box,
    );
    this.announce(dispatch, `${title}: ${figures.map((figure) => figure.text).join(", ")}`);
  }

  title_(dispatch) {
    const names =
      dispatch.groups
        .map((id) => this.names.get(id))
        .filter(Boolean)
        .join(", ") || plural(dispatch.groups.length, "column group");
    return `${{ complete: "Finished", cancelled: "Stopped", failed: "Could not finish" }[dispatch.status] || "Running"} ${names}`;
  }

  /** The runs beside the newest one, each to be stopped by itself. */
  openOthers(anchor) {
    openMenu(
      anchor,
      (close) =>
        html`<h3>Also running</h3>
          ${this.shown()
            .slice(0, -1)
            .map(
              (dispatch) =>
                html`<p class="note">
                    ${this.title_(dispatch)}:${" "}${figuresOf(dispatch, true)
                      .map((figure) => figure.text)
                      .join(" · ")}
                  </p>
                  ${
                    this.mayRun &&
                    html`<button
                      type="button"
                      class="item danger"
                      onClick=${() => {
                        close();
                        this.stop([dispatch]);
                      }}
                    >
                      Stop this run
                    </button>`
                  }`,
            )}`,
      { label: "Also running" },
    );
  }

  stop(dispatches) {
    const store = gridOf(this.tableId)?.store;
    for (const dispatch of dispatches) stopDispatch(this.session, store, dispatch);
  }

  showFailed(dispatch) {
    const grid = gridOf(this.tableId);
    if (grid) showOnly(grid, dispatch.groups, "failed");
  }

  retry(dispatch) {
    this.close(dispatch);
    retryFailed(this.session, dispatch);
  }

  /** Close the summary, and with it those of runs that ended before. */
  close(dispatch) {
    for (const one of [dispatch, ...this.session.dispatches.values()])
      if (one === dispatch || !isActive(one)) this.closed.add(one.id);
    this.later();
  }

  /** Screen readers hear a start, an end, and in between at most one line every ten seconds. */
  announce(dispatch, text) {
    const now = performance.now();
    const isNews = this.announced.id !== `${dispatch.id} ${dispatch.status}`;
    if (!isNews && (now - this.announced.at < ANNOUNCE_EVERY_MS || this.announced.text === text)) return;
    this.announced = { at: now, id: `${dispatch.id} ${dispatch.status}`, text };
    /** @type {HTMLElement} */ (this.voice).textContent = text;
  }
}

function Bar({ parts }) {
  const label = parts.map((part) => `${part.kind} ${Math.round(part.share * 100)}%`).join(", ");
  return html`<span class="strip-bar" role="img" aria-label=${label}>
    ${parts.map((part) => html`<i data-kind=${part.kind} style=${{ width: `${part.share * 100}%` }}></i>`)}</span
  >`;
}

customElements.define("run-strip", RunStrip);
