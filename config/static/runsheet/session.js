// @ts-check
/**
 * What the islands of one table's page share: its socket, its dispatches, its counters.
 *
 * Events: "ready" (the socket stands, or will not for now: pages may be fetched), "cells" (cell events), "rows" (a list
 * changed), "schema", "dispatches", "foretold" (the server alone can tell what is coming: refetch the rows shown),
 * "job", "summary", "resync" (refetch what is shown), "state" (of the socket).
 */
import { api } from "./api.js";
import { Live } from "./live.js";
import { given } from "./sheet/given.js";
import { isActive, isPlain, isStorm } from "./sheet/overlay.js";

/**
 * Rows are fetched after `hello`, so that nothing falls between; without a socket they must not wait for ever. Where
 * the page came with its place in the log the socket waits for them instead: whatever came meanwhile is replayed.
 */
const HELLO_PATIENCE_MS = 1_000;
/** So long the first rows have the server and the browser for themselves. */
const FIRST_ROWS_MS = 500;
const SUMMARY_EVERY_MS = 1_000;
const ENDED_KEPT = 8;
/** As many active dispatches are read at once; of more, which of those known have ended is told by events alone. */
const MOST_ACTIVE = 500;
/** What every browser hears at once, such as `pruned`, they answer spread over so long (F20). */
const SPREAD_MS = 700;

/** @type {Map<string, Session>} */
const sessions = new Map();

/** The one session of a table on this page, started at first use. @param {string} tableId */
export function session(tableId) {
  let found = sessions.get(tableId);
  if (!found) {
    found = new Session(tableId);
    sessions.set(tableId, found);
    found.start();
  }
  return found;
}

class Session extends EventTarget {
  constructor(tableId) {
    super();
    this.tableId = tableId;
    this.path = `tables/${tableId}/`;
    /** @type {Map<string, any>} oldest first */
    this.dispatches = new Map();
    /** @type {any} */
    this.summary = null;
    this.isReady = false;
    this.state = "connecting";
    this.summaryDue = 0;
    this.summaryStale = false;
    this.resyncDue = 0;
    /** Kept once the first rows are shown, or have had their time: what is not needed for them waits for it. */
    this.begun = new Promise((resolve) => (this.begin = resolve));
    this.live = new Live(`/ws/tables/${tableId}/`, {
      onHello: (resumed) => this.hello(resumed),
      onEvents: (events) => this.take(events),
      onPruned: () => this.resyncSoon(),
      onState: (state) => {
        this.state = state;
        this.say("state");
      },
    });
    this.live.seq = given(tableId)?.seq ?? null;
  }

  start() {
    if (this.live.seq) this.begun.then(() => this.live.start());
    else this.live.start();
    setTimeout(() => this.ready(), this.live.seq ? 0 : HELLO_PATIENCE_MS);
    setTimeout(() => this.begin(), FIRST_ROWS_MS);
  }

  say(type, detail = null) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  hello(resumed) {
    if (this.isReady && !resumed) this.resyncSoon();
    else this.ready();
  }

  ready() {
    if (this.isReady) return;
    this.isReady = true;
    this.say("ready");
    this.begun.then(() => this.refresh());
  }

  /** Something may have been missed. */
  resync() {
    if (!this.isReady) return;
    this.say("resync");
    this.refresh();
  }

  /** The same, not in the same instant as everybody else, and once for all that asked meanwhile. */
  resyncSoon() {
    this.resyncDue ||= window.setTimeout(() => {
      this.resyncDue = 0;
      this.resync();
    }, Math.random() * SPREAD_MS);
  }

  async refresh() {
    this.refreshSummary();
    await this.readDispatches();
  }

  /** Read how the active dispatches stand; those that are active no more are read once to the end. */
  async readDispatches() {
    try {
      const query = { active: true, limit: MOST_ACTIVE };
      const { results, next } = await api("GET", `${this.path}dispatches/`, { query });
      const active = new Set(results.map((dispatch) => dispatch.id));
      for (const [id, dispatch] of next ? [] : this.dispatches) {
        const ended = isActive(dispatch) || dispatch.optimistic;
        if (ended && !active.has(id) && !dispatch.provisional) await this.refreshDispatch(id);
      }
      for (const dispatch of results) this.dispatches.set(dispatch.id, dispatch);
      this.say("dispatches");
    } catch (error) {
      console.warn("dispatches could not be read", error);
    }
  }

  async refreshDispatch(id) {
    this.dispatches.set(id, await api("GET", `dispatches/${id}/`));
  }

  take(events) {
    const cells = [];
    const rows = [];
    for (const event of events) {
      if (event.kind === "cell") cells.push(event);
      else if (event.kind === "rows") rows.push(event);
      else if (event.kind === "dispatch") this.takeDispatch(event);
      else if (event.kind === "schema") this.say("schema");
      else if (event.kind === "job") this.say("job", event);
    }
    if (cells.length) this.say("cells", cells);
    for (const event of rows) this.say("rows", event);
    this.refreshSummary();
  }

  takeDispatch(event) {
    const known = this.dispatches.get(event.id);
    // A late word about one that has ended; only one that stopped itself may have been told to go on.
    if (known && !isActive(known) && !isStorm(known) && isActive(event)) return;
    this.dispatches.set(event.id, event);
    this.forgetEnded();
    this.say("dispatches", event);
    if (isActive(event)) this.foretell(known, event);
    else if (!known || isActive(known) || known.optimistic) this.resyncSoon();
  }

  /** What rows ahead show of it comes with a page: when it begins, and when a stop changed what it covers. */
  foretell(known, dispatch) {
    if (!isPlain(dispatch) && (!known || known.stopped_ahead !== dispatch.stopped_ahead)) this.say("foretold");
  }

  forgetEnded() {
    const ended = [...this.dispatches.values()].filter((dispatch) => !isActive(dispatch));
    for (const dispatch of ended.slice(0, -ENDED_KEPT)) this.dispatches.delete(dispatch.id);
  }

  /** Ask for the counters, soon, and never more often than the server takes lightly. */
  refreshSummary() {
    this.summaryStale = true;
    if (this.summaryDue) return;
    this.summaryDue = window.setTimeout(() => this.readSummary(), this.summary ? SUMMARY_EVERY_MS : 0);
  }

  async readSummary() {
    const began = performance.now();
    this.summaryStale = false;
    try {
      this.summary = await api("GET", `${this.path}summary/`);
      this.say("summary");
      if ([...this.dispatches.values()].some(isActive)) await this.readDispatches();
    } catch (error) {
      console.warn("counters could not be read", error);
    }
    const pause = Math.max(0, 10 * (performance.now() - began) - SUMMARY_EVERY_MS);
    setTimeout(() => {
      this.summaryDue = 0;
      if (this.summaryStale) this.refreshSummary(); // something happened while we asked
    }, pause);
  }
}
