// @ts-check
/**
 * Everything that changes rows goes through here: shown at once, sent one after the other in batches, taken back with
 * words when refused, remembered for undo. One's own writes come back as events; they refetch nothing.
 */
import { api } from "../api.js";
import { plural } from "../format.js";
import { carryOut, planOf } from "./adding.js";
import { attempt } from "./attempt.js";
import { inBatches } from "./batches.js";
import { turn } from "./turning.js";
import { History } from "./undo.js";

/** An echo that did not come by then will not: the server found nothing to change. */
const ECHO_MS = 5_000;
/** Of so many rows it is asked what they hold before they are written; more of which nobody knows are not undone. */
const MOST_ASKED = 20;

/** Part of the grid: `grid.writer`. */
export function attachWriting(grid) {
  grid.writer = new Writer(grid);
  addEventListener("beforeunload", (event) => {
    if (grid.writer.isBusy) event.preventDefault();
  });
}

/** Events: "history" (what can be undone changed). */
export class Writer extends EventTarget {
  constructor(grid) {
    super();
    const { store, session } = grid;
    this.grid = grid;
    this.store = store;
    this.path = `${session.path}rows/`;
    this.history = new History();
    /** The last call under way: two writes never overtake each other. */
    this.turn = Promise.resolve();
    /** How many calls are under way, or wait for their turn: who leaves the page now loses something. */
    this.open = 0;
    /** Writes on their way, oldest first: values by row id. @type {Set<Map<string, any>>} */
    this.drafts = new Set();
    store.overlay = (row) => {
      for (const draft of this.drafts) if (draft.has(row.id)) put(row, draft.get(row.id));
    };
  }

  get isBusy() {
    return this.open > 0;
  }

  /**
   * Write cells. `row` is an id, `data` values by column key (null empties), `was` what they replace, where the row is
   * not on this page. Answers the step that was done, or null when it was refused (which has been reported then).
   * @param {{row: string, data: any, was?: any}[]} rows
   * @param {{undo?: boolean, words?: string, throws?: boolean}} [options] `undo: false` keeps it out of the history;
   *   `words` complete "Could not …" and "Undo: …"; `throws` rejects with the Problem instead of reporting it
   */
  async write(rows, { undo = true, words = "write this", throws = false } = {}) {
    /** @type {import("./undo.js").Step} */
    const step = { kind: "write", rows: rows.map(({ row, data, was }) => ({ id: row, data, was })) };
    let fault = null;
    await this.remember(undo && words, async () => {
      try {
        await this.send(step.rows);
        return [step];
      } catch (error) {
        fault = error;
        return error.sent.length ? [{ ...step, rows: error.sent }] : [];
      }
    });
    if (!fault) return step;
    if (throws) throw fault;
    (await import("./refusal.js")).tell(this.grid, fault, step.rows, words);
    return null;
  }

  /**
   * Insert rows, `data` of each, at the end or next to another row. Answers those that were made; null when none was.
   * @param {any[]} rows
   * @param {{before?: string, after?: string, undo?: boolean, words?: string}} [options]
   */
  insert(rows, { before, after, undo, words = `add ${plural(rows.length, "row")}` } = {}) {
    return carryOut(this, planOf(rows, { before, after }), { undo, words });
  }

  /** Delete rows. It is not undone: what their runs did would be lost and perhaps paid for again. */
  remove(ids) {
    return attempt(`delete ${plural(ids.length, "row")}`, () => this.drop(ids));
  }

  /** Remember what was done; `words` as of `write`. @param {string} words @param {import("./undo.js").Step[]} steps */
  record(words, steps) {
    return this.remember(words, async () => steps);
  }

  /**
   * Do something and remember it under these words (if any), from its beginning on: who undoes it at once waits for its
   * end. Answers the steps that `act` did.
   * @param {string|false} words @param {() => Promise<import("./undo.js").Step[]>} act
   */
  async remember(words, act) {
    const ready = act();
    if (!words) return ready;
    /** @type {import("./undo.js").Deed} */
    const deed = { words, steps: [], ready };
    this.history.push(deed);
    this.changed();
    deed.steps = await ready;
    if (!deed.steps.length) this.history.drop(deed);
    this.changed();
    return deed.steps;
  }

  /** Something was done that has no way back: `refusal` says so to whoever asks. */
  seal(refusal) {
    this.history.push({ words: "", steps: [], refusal });
    this.changed();
  }

  /** Undo or redo the last deed: `turning.js`. */
  back(isUndo) {
    return turn(this, isUndo);
  }

  /**
   * Show, send, take over the answer; what was not written is taken back, and the error thrown has the rows `sent`.
   * Rows that are not as `expected` are left.
   * @param {{id: string, data: any, was?: any, expected?: any}[]} rows
   * @param {import("./undo.js").Outcome} [outcome]
   */
  async send(rows, outcome = { turned: [], left: [] }) {
    const draft = new Map(rows.map(({ id, data }) => [id, data]));
    this.drafts.add(draft);
    this.store.touch(draft);
    try {
      await this.after(() => inBatches(rows, (part) => this.patch(part, draft, outcome)));
    } catch (error) {
      const sent = rows.filter((row) => !draft.has(row.id));
      if (!(error.status < 500)) this.store.reread([...draft.keys()]); // who knows what became of it
      throw Object.assign(error, { sent });
    } finally {
      this.drafts.delete(draft);
      this.store.touch(draft);
    }
  }

  async patch(rows, draft, outcome) {
    await this.know(rows);
    const echo = this.store.echoes.begin(rows.map((row) => row.id));
    let changed = [];
    try {
      const body = { rows: rows.map(({ id, data, expected }) => ({ id, data, ...(expected && { expected }) })) };
      const answer = await api("PATCH", this.path, { body });
      ({ changed } = answer);
      const left = new Set(answer.skipped);
      const stored = new Map(answer.rows.map((row) => [row.id, row.data]));
      for (const row of rows) {
        draft.delete(row.id);
        outcome[left.has(row.id) ? "left" : "turned"].push(row.id);
        if (stored.has(row.id)) row.data = pick(stored.get(row.id), row.data);
      }
      this.store.take(answer.rows);
      setTimeout(() => this.store.echoes.forget(echo), ECHO_MS);
    } finally {
      this.store.reread(this.store.echoes.settle(echo, changed));
    }
  }

  /** What rows hold before they are written, to be undone: as the server last said; asked where that may be old. */
  async know(rows) {
    const unknown = rows.filter((row) => !row.expected && !(row.was = this.present(row) || row.was));
    if (unknown.length > MOST_ASKED) return;
    const ask = async (row) => {
      row.was = pick((await api("GET", `${this.path}${row.id}/`)).data, row.data);
    };
    await Promise.all(unknown.map(ask));
  }

  /** What the server last said of a row, in the columns of `data`; undefined when it is not here or may be old. */
  present({ id, data }) {
    const ordinal = this.store.index.get(id);
    if (ordinal === undefined || this.store.isStale(ordinal)) return undefined;
    return pick(this.store.row(ordinal).stored, data);
  }

  /** @param {string[]} ids @param {{outcome?: import("./undo.js").Outcome}} [options] with it only what is unchanged */
  drop(ids, { outcome } = {}) {
    const act = async (rows) => {
      const answer = await api("DELETE", this.path, { body: { rows, ...(outcome && { only_unchanged: true }) } });
      const kept = new Set(answer.kept);
      for (const id of rows) outcome?.[kept.has(id) ? "left" : "turned"].push(id);
    };
    return this.after(() => inBatches(ids, act));
  }

  /** Do this when all that was asked for before is done, however that ended. */
  after(act) {
    const done = this.hold(this.turn.then(act));
    this.turn = done.catch(() => {});
    return done;
  }

  /** Who leaves the page before this has ended is asked first. @template T @param {Promise<T>} done */
  async hold(done) {
    this.open += 1;
    try {
      return await done;
    } finally {
      this.open -= 1;
    }
  }

  changed() {
    this.dispatchEvent(new CustomEvent("history"));
  }
}

/** What a row's data have in the columns of `others`. */
const pick = (data, others) => Object.fromEntries(Object.keys(others).map((key) => [key, data[key] ?? null]));

function put(row, data) {
  row.data = { ...row.data, ...data };
}
