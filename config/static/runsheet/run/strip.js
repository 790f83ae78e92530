// @ts-check
/**
 * `<run-strip>`: how the newest run of the table stands, Stop while it lives, Retry failed once it has ended, Go on
 * when it stopped itself.
 */
import { plural } from "../format.js";
import { session as sessionOf } from "../session.js";
import { goOn, retryFailed, stopDispatch } from "../sheet/actions.js";
import { isActive, isStorm } from "../sheet/overlay.js";
import { gridOf } from "../sheet/registry.js";
import { showOnly } from "../sheet/running.js";
import { html, icon, render, useEffect, useState } from "../ui/html.js";
import { closeMenu, item, openMenu } from "../ui/menu.js";
import { button, crossButton } from "../ui/parts.js";
import { Voice } from "../ui/voice.js";
import { figuresOf, partsOf } from "./figures.js";

const DOES = { complete: "Finished", cancelled: "Stopped", failed: "Could not finish" };

class RunStrip extends HTMLElement {
  connectedCallback() {
    this.tableId = this.getAttribute("table-id") || "";
    this.mayRun = this.hasAttribute("may-run");
    this.session = sessionOf(this.tableId);
    this.closed = new Set();
    this.seen = new Set();
    this.names = new Map(gridOf(this.tableId)?.schema.groups.map((group) => [group.id, group.name]));
    this.box = document.createElement("div");
    this.voice = new Voice();
    this.append(this.box, this.voice.element);
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
      (dispatch) => !dispatch.provisional && (isActive(dispatch) || !this.closed.has(dispatch.id)),
    );
    const active = all.filter(isActive);
    for (const dispatch of active) this.seen.add(dispatch.id);
    if (active.length) return active;
    return all.filter((dispatch) => this.seen.has(dispatch.id)).slice(-1);
  }

  /** What had the focus may be gone then: it goes to the grid, never to nothing. */
  draw() {
    const hadFocus = this.contains(document.activeElement);
    this.paint();
    if (hadFocus && !this.contains(document.activeElement)) gridOf(this.tableId)?.takeFocus();
  }

  paint() {
    const dispatches = this.shown();
    const dispatch = dispatches.at(-1);
    if (!dispatch) return render(null, this.box);
    const title = this.titleOf(dispatch);
    const figures = figuresOf(dispatch, isActive(dispatch));
    const others = dispatches.slice(0, -1);
    const more = (event) => this.openOthers(event.currentTarget);
    render(
      html`<section class="strip" data-status=${dispatch.status} aria-label="Run">
        <span class="strip-title">
          ${isActive(dispatch) && html`<span class="ring" aria-hidden="true"></span>`}${title}
        </span>
        <${Bar} parts=${partsOf(dispatch)} />
        <span class="strip-figures">
          ${figures.map((figure) => html`<span class=${figure.kind || ""}>${figure.text}</span>`)}
        </span>
        ${
          others.length > 0 &&
          button(`and ${plural(others.length, "more run")}`, more, "small", { "aria-haspopup": "menu" })
        }
        <span class="spacer"></span>
        ${this.doings(dispatch, dispatches)}
      </section>`,
      this.box,
    );
    const text = `${title}: ${figures.map((figure) => figure.text).join(", ")}`;
    this.voice?.say(text, `${dispatch.id} ${dispatch.status}`);
  }

  /** What can be done with a run, and with those beside it. */
  doings(dispatch, dispatches) {
    const live = isActive(dispatch);
    const hasFailed = dispatch.progress?.failed > 0;
    const stop = html`${icon("stop")}${dispatches.length > 1 ? "Stop all" : "Stop"}`;
    const isHeld = !live && this.mayRun && isStorm(dispatch);
    return html`${isHeld && button("Go on", () => goOn(this.session, dispatch), "small primary")}
    ${hasFailed && button("Show failed", () => this.showFailed(dispatch), "small")}
    ${live && this.mayRun && button(stop, () => this.stop(dispatches), "small danger")}
    ${!live && this.mayRun && hasFailed && button("Retry failed", () => this.retry(dispatch), "small")}
    ${!live && crossButton("Close the summary", () => this.close(dispatch))}`;
  }

  titleOf(dispatch) {
    const { groups, status } = dispatch;
    const known = groups.map((id) => this.names.get(id)).filter(Boolean);
    const does = status === "failed" && isStorm(dispatch) ? DOES.cancelled : DOES[status] || "Running";
    return `${does} ${known.join(", ") || plural(groups.length, "column group")}`;
  }

  /** The runs beside the newest one, each to be stopped by itself. */
  openOthers(anchor) {
    const back = () => gridOf(this.tableId)?.takeFocus();
    openMenu(anchor, () => html`<${Others} strip=${this} />`, { label: "Also running", back });
  }

  stop(dispatches) {
    const store = gridOf(this.tableId)?.store;
    for (const dispatch of dispatches) stopDispatch(this.session, store, dispatch);
  }

  showFailed(dispatch) {
    const grid = gridOf(this.tableId);
    if (grid) showOnly(grid, dispatch.groups, "failed");
  }

  async retry(dispatch) {
    const ended = this.endedBy(dispatch); // the new one may have ended when the server's answer comes
    if (await retryFailed(this.session, dispatch)) this.close(dispatch, ended);
  }

  /** Close the summary, and with it those of runs that ended before. */
  close(dispatch, ended = this.endedBy(dispatch)) {
    for (const id of ended) this.closed.add(id);
    this.later();
  }

  endedBy(dispatch) {
    const others = [...this.session.dispatches.values()].filter((one) => !isActive(one));
    return [dispatch, ...others].map((one) => one.id);
  }
}

/** As they stand by now; the menu goes with the last of them. */
function Others({ strip }) {
  const [others, setOthers] = useState(() => strip.shown().slice(0, -1));
  useEffect(() => {
    const changed = () => setOthers(strip.shown().slice(0, -1));
    strip.session.addEventListener("dispatches", changed);
    return () => strip.session.removeEventListener("dispatches", changed);
  }, []);
  useEffect(() => {
    if (!others.length) closeMenu();
  }, [others]);
  const line = (dispatch) => {
    const figures = figuresOf(dispatch, true).map((figure) => figure.text);
    return html`<div key=${dispatch.id}>
      <p class="note">${strip.titleOf(dispatch)}: ${figures.join(" · ")}</p>
      ${strip.mayRun && item("Stop this run", () => strip.stop([dispatch]), true)}
    </div>`;
  };
  return html`<h3>Also running</h3>
    ${others.map(line)}`;
}

function Bar({ parts }) {
  const label = parts.map((part) => `${part.kind} ${Math.round(part.share * 100)}%`).join(", ");
  return html`<span class="strip-bar" role="img" aria-label=${label}>
    ${parts.map((part) => html`<i data-kind=${part.kind} style=${{ width: `${part.share * 100}%` }}></i>`)}
  </span>`;
}

customElements.define("run-strip", RunStrip);
