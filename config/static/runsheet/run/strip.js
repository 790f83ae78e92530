// @ts-check
/** `<run-strip>`: how the newest run of the table stands, Stop while it lives, Retry failed once it has ended. */
import { count, plural, span } from "../format.js";
import { session as sessionOf } from "../session.js";
import { run, stopDispatch } from "../sheet/actions.js";
import { isActive } from "../sheet/overlay.js";
import { cross, html, icon, render } from "../ui/html.js";
import { gridOf } from "../sheet/registry.js";
import { showNext } from "../sheet/running.js";

const ANNOUNCE_EVERY_MS = 10_000;

class RunStrip extends HTMLElement {
  connectedCallback() {
    this.tableId = this.getAttribute("table-id") || "";
    this.mayRun = this.hasAttribute("may-run");
    this.session = sessionOf(this.tableId);
    this.closed = new Set();
    this.seen = new Set();
    this.announced = { at: 0, id: "", text: "" };
    this.names = new Map();
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
  }

  later() {
    this.frame ||= requestAnimationFrame(() => { this.frame = 0; this.draw(); });
  }

  /** The active ones, else the one that ended last while we watched. */
  shown() {
    const all = [...this.session.dispatches.values()].filter((dispatch) => !dispatch.provisional && !this.closed.has(dispatch.id));
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
    const title = this.title_(dispatches, live);
    const figures = figuresOf(dispatch, progress, live);
    render(html`
      <section class="strip" data-status=${dispatch.status} aria-label="Run">
        <span class="strip-title">${live && html`<span class="ring" aria-hidden="true"></span>`}${title}</span>
        <${Bar} parts=${partsOf(dispatch, progress)} />
        <span class="strip-figures">${figures.map((figure) => html`<span class=${figure.kind || ""}>${figure.text}</span>`)}</span>
        <span class="spacer"></span>
        ${progress.failed > 0 && html`<button type="button" class="button small" onClick=${() => this.showFailed(dispatch)}>Show failed</button>`}
        ${live && this.mayRun && html`<button type="button" class="button small danger" onClick=${() => this.stop(dispatches)}>${icon("stop")}Stop</button>`}
        ${!live && this.mayRun && progress.failed > 0 && html`<button type="button" class="button small" onClick=${() => this.retry(dispatch)}>Retry failed</button>`}
        ${!live && html`<button type="button" class="icon-button" aria-label="Close the summary" onClick=${() => this.close(dispatch)}>${cross}</button>`}
      </section>`, this.box);
    this.announce(dispatch, `${title}: ${figures.map((figure) => figure.text).join(", ")}`);
  }

  title_(dispatches, live) {
    const [dispatch] = dispatches.slice(-1);
    const names = dispatch.groups.map((id) => this.names.get(id)).filter(Boolean).join(", ") || plural(dispatch.groups.length, "column group");
    const more = dispatches.length > 1 ? ` and ${plural(dispatches.length - 1, "more run")}` : "";
    if (live) return `Running ${names}${more}`;
    return `${{ complete: "Finished", cancelled: "Stopped", failed: "Could not finish" }[dispatch.status]} ${names}`;
  }

  stop(dispatches) {
    const store = gridOf(this.tableId)?.store;
    for (const dispatch of dispatches) stopDispatch(this.session, store, dispatch);
  }

  showFailed(dispatch) {
    const grid = gridOf(this.tableId);
    if (grid) showNext(grid, dispatch.groups, "failed");
  }

  retry(dispatch) {
    this.close(dispatch);
    run(this.session, { groups: dispatch.groups, mode: "failed" });
  }

  close(dispatch) {
    this.closed.add(dispatch.id);
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
    ${parts.map((part) => html`<i data-kind=${part.kind} style=${{ width: `${part.share * 100}%` }}></i>`)}</span>`;
}

/** Cells this dispatch can come to: all in scope less the skipped ones; null while the rows are still counted. */
function cellsOf(dispatch, progress) {
  if (progress.rows_total === null || progress.rows_total === undefined) return null;
  const skipped = Object.values(progress.skipped || {}).reduce((sum, n) => sum + n, 0);
  const rows = dispatch.limit ? Math.min(dispatch.limit, progress.rows_total) : progress.rows_total;
  const begun = progress.completed + progress.failed + progress.cancelled + progress.running + progress.queued + progress.paused;
  const most = rows * dispatch.groups.length - (dispatch.limit ? 0 : skipped);
  return isActive(dispatch) ? Math.max(begun, most) : begun;
}

function partsOf(dispatch, progress) {
  const cells = Math.max(1, cellsOf(dispatch, progress) || 0);
  return ["completed", "failed", "running"].map((kind) => ({ kind, share: Math.min(1, (progress[kind] || 0) / cells) }));
}

function figuresOf(dispatch, progress, live) {
  if (!dispatch.progress) return [{ text: "starting" }];
  const cells = cellsOf(dispatch, progress);
  const unit = dispatch.groups.length === 1 ? "row" : "cell";
  const done = progress.completed + progress.failed + progress.cancelled;
  const figures = [{ text: live && cells !== null ? `${count(done)} of ${plural(cells, unit)}` : plural(done, unit), kind: "strong" }];
  if (progress.failed) figures.push({ text: `${count(progress.failed)} failed`, kind: "failed" });
  if (progress.cancelled) figures.push({ text: `${count(progress.cancelled)} cancelled` });
  if (progress.paused) figures.push({ text: `${count(progress.paused)} waiting` });
  if (live && progress.running) figures.push({ text: `${count(progress.running)} running` });
  if (live && progress.rate_per_second) figures.push({ text: `${count(Math.round(progress.rate_per_second * 10) / 10)} cells/s` });
  if (live && progress.eta_seconds) figures.push({ text: `about ${span(progress.eta_seconds)} left` });
  if (!live && dispatch.finished_at && dispatch.requested_at) {
    figures.push({ text: `took ${span((Date.parse(dispatch.finished_at) - Date.parse(dispatch.requested_at)) / 1000)}` });
  }
  if (dispatch.error) figures.push({ text: dispatch.error.message || dispatch.error.code, kind: "failed" });
  return figures;
}

customElements.define("run-strip", RunStrip);
