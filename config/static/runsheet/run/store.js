// @ts-check
/**
 * One run as its page knows it: the ledger by REST, hurried along by the socket.
 *
 * A block under way may have no record yet: its start is told live and kept beside the steps. Whatever may have been
 * missed is fetched again; a burst of news costs one fetch.
 */
import { api, isAbort } from "../api.js";
import { Live } from "../live.js";
import { report } from "../ui/toast.js";
import { ENDED } from "./steps.js";

const FETCH_PAUSE_MS = 250;
const HELLO_PATIENCE_MS = 1_000;
const STEP_PAGE = 500;
/** A page shows no more steps than this; the list behind it has them all. */
export const MOST_STEPS = 5_000;
const KEPT_EVENTS = 2_000;

const STATUS = {
  block_completed: "completed",
  block_failed: "failed",
  block_skipped: "skipped",
  block_paused: "waiting",
  block_unknown: "unknown",
};

export class RunStore extends EventTarget {
  constructor(runId) {
    super();
    this.runId = runId;
    /** @type {any} */
    this.run = null;
    /** @type {Map<string, any>} by step key, in the order they finished */
    this.steps = new Map();
    /** @type {any[]} */
    this.pauses = [];
    /** @type {any[]} */
    this.events = [];
    /** @type {Map<string, any>} steps under way that have no record */
    this.started = new Map();
    /** @type {Map<string, {text: string, progress: any}>} what blocks show before they are done */
    this.live = new Map();
    this.more = false;
    this.state = "connecting";
    this.due = 0;
    this.busy = false;
    this.frame = 0;
    this.socket = new Live(`/ws/runs/${runId}/`, {
      onHello: (resumed) => {
        if (!resumed) this.fetch();
      },
      onEvents: (events) => events.forEach((event) => this.take(event)),
      onPruned: () => this.soon(),
      onState: (state) => {
        this.state = state;
        this.changed();
      },
    });
  }

  /** The ledger is read once the socket stands, so that nothing falls between; without one it is read all the same. */
  start() {
    this.socket.start();
    setTimeout(() => {
      if (!this.run) this.fetch();
    }, HELLO_PATIENCE_MS);
  }

  /** Everything known of a step: its record, else its start. */
  get shown() {
    const found = new Map(this.steps);
    for (const [key, step] of this.started) {
      const record = found.get(key);
      if (!record || record.status === "pending" || (record.status === "waiting" && !record.waits))
        found.set(key, { ...record, ...step });
    }
    return found;
  }

  get isOver() {
    return Boolean(this.run && ENDED.has(this.run.status));
  }

  changed() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.dispatchEvent(new Event("change"));
    });
  }

  soon() {
    if (!this.due)
      this.due = window.setTimeout(() => {
        this.due = 0;
        this.fetch();
      }, FETCH_PAUSE_MS);
  }

  async fetch() {
    if (this.busy) return this.soon();
    this.busy = true;
    try {
      const path = `runs/${this.runId}/`;
      const [run, steps, pauses, events] = await Promise.all([
        api("GET", path),
        this.allSteps(),
        api("GET", "pauses/", { query: { run: this.runId, limit: 200 } }),
        api("GET", `${path}events/`, { query: { limit: KEPT_EVENTS } }),
      ]);
      Object.assign(this, { run, pauses: pauses.results, events: events.results });
      this.steps = new Map(steps.map((step) => [step.step_key, step]));
      for (const [key, step] of this.steps)
        if (!["pending", "waiting"].includes(step.status) || step.waits) this.settle(key);
      if (run.status !== "running") this.started.clear();
      this.changed();
    } catch (error) {
      if (!isAbort(error)) report(error, "read the run");
    } finally {
      this.busy = false;
    }
    return undefined;
  }

  /** Have the run stopped. */
  async stop() {
    try {
      await api("POST", `runs/${this.runId}/cancel/`);
      this.fetch();
    } catch (error) {
      report(error, "stop the run");
    }
  }

  async allSteps() {
    const found = [];
    let after;
    do {
      const page = await api("GET", `runs/${this.runId}/steps/`, { query: { brief: true, limit: STEP_PAGE, after } });
      found.push(...page.results);
      after = page.next;
    } while (after && found.length < MOST_STEPS);
    this.more = Boolean(after);
    return found;
  }

  settle(key) {
    this.started.delete(key);
    this.live.delete(key);
  }

  /** Take in one event. Those of the history, which have a `seq`, come with the ledger. */
  take(event) {
    const key = event.step_key;
    if (event.kind === "chunk" || event.kind === "progress") this.takePiece(event);
    else if (!event.seq) {
      this.events = [...this.events, event].slice(-KEPT_EVENTS);
      if (event.kind === "block_started")
        this.started.set(key, { step_key: key, block: key, status: "running", started_at: event.at, seq: 0 });
      else if (STATUS[event.kind]) this.takeEnd(event);
      else if (event.kind === "run_status" && this.run) this.run = { ...this.run, status: event.status };
      this.soon();
    }
    this.changed();
  }

  takeEnd(event) {
    const key = event.step_key;
    const before = this.started.get(key) || this.steps.get(key) || { step_key: key, started_at: event.at };
    const over = event.kind === "block_paused" ? {} : { finished_at: event.at };
    this.settle(key);
    this.steps.set(key, {
      ...before,
      ...over,
      status: STATUS[event.kind],
      handle: event.handle || "",
      error: event.error || null,
    });
  }

  takePiece(event) {
    const known = this.live.get(event.step_key) || { text: "", progress: null };
    this.live.set(
      event.step_key,
      event.kind === "chunk" ? { ...known, text: known.text + event.text } : { ...known, progress: event.value },
    );
  }
}
