// @ts-check
/**
 * Everything that changes rows goes through here: shown at once, sent one after the other in batches, taken back with
 * words when refused, remembered for undo. One's own writes come back as events; they refetch nothing.
 */
import { api } from "../api.js";
import { plural } from "../format.js";
import { report } from "../ui/toast.js";
import { attempt } from "./attempt.js";
import { Echoes } from "./echoes.js";
import { History } from "./undo.js";

/** Rows of one call (T6). */
export const BATCH = 1_000;
/** An echo that did not come by then will not: the server found nothing to change. */
const ECHO_MS = 5_000;

/**
 * A step of a deed: rows `{id, data, was}`. `kind` "write" changes values, "insert" made the rows at a place.
 * @typedef {{kind: "write"|"insert", rows: {id: string, data: any, was?: any}[], place?: any}} Step
 */

/** Part of the grid: `grid.writer`. */
export function attachWriting(grid) {
  grid.writer = new Writer(grid);
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
    this.echoes = new Echoes();
    /** Writes on their way, oldest first: values by row id. @type {Set<Map<string, any>>} */
    this.drafts = new Set();
    store.isEcho = (ids) => this.echoes.take(ids);
    store.overlay = (row) => {
      for (const draft of this.drafts) if (draft.has(row.id)) put(row, draft.get(row.id));
    };
  }

  /**
   * Write cells. `row` is an id, `data` values by column key (null empties), `was` what they replace, where the row is
   * not on this page. Answers the step that was done, or null when it was refused (which has been reported then).
   * @param {{row: string, data: any, was?: any}[]} rows
   * @param {{undo?: boolean, words?: string, throws?: boolean}} [options] `undo: false` keeps it out of the history;
   *   `words` complete "Could not …" and "Undo: …"; `throws` rejects with the Problem instead of reporting it
   */
  async write(rows, { undo = true, words = "write this", throws = false } = {}) {
    /** @type {Step} */
    const step = {
      kind: "write",
      rows: rows.map(({ row, data, was }) => ({ id: row, data, was: was || this.present(row, data) })),
    };
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
   * Insert rows, `data` of each, at the end or next to another row. Answers the rows, or null when refused.
   * @param {any[]} rows
   * @param {{before?: string, after?: string, undo?: boolean, words?: string}} [options]
   */
  async insert(rows, { before, after, undo = true, words = `add ${plural(rows.length, "row")}` } = {}) {
    let made = null;
    await this.remember(undo && words, async () => {
      await attempt(words, async () => {
        made = await this.add(rows, { before, after });
      });
      return made ? [insertStep(made, rows, { before, after })] : [];
    });
    return made;
  }

  /** Delete rows. It is not undone: what their runs did would be lost and perhaps paid for again. */
  remove(ids) {
    return attempt(`delete ${plural(ids.length, "row")}`, () => this.drop(ids));
  }

  /** Remember what was done; `words` as of `write`. @param {string} words @param {Step[]} steps */
  record(words, steps) {
    return this.remember(words, async () => steps);
  }

  /**
   * Do something and remember it under these words (if any), from its beginning on: who undoes it at once waits for its
   * end. Answers the steps that `act` did.
   * @param {string|false} words @param {() => Promise<Step[]>} act
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

  /** Undo or redo the last deed. Answers it, or undefined when there was none or it failed, which is reported then. */
  async back(isUndo) {
    const deed = this.history.take(isUndo);
    if (!deed || deed.refusal) return deed;
    const turning = this.turnDeed(deed, isUndo, deed.ready);
    deed.ready = turning.catch(() => {});
    this.history.put(deed, isUndo);
    this.changed();
    try {
      await turning;
      return deed.steps.length ? deed : undefined;
    } catch (error) {
      this.history.drop(deed);
      if (!error.status) this.history.put(deed, !isUndo); // the server was not reached
      this.changed();
      report(error, `${isUndo ? "undo" : "redo"}: ${deed.words}`);
      return undefined;
    }
  }

  async turnDeed(deed, isUndo, ready) {
    await ready;
    for (const step of isUndo ? [...deed.steps].reverse() : deed.steps) await this.turnStep(step, isUndo);
  }

  /** @param {Step} step */
  async turnStep({ kind, rows, place }, isUndo) {
    const back = () => rows.filter((row) => row.was).map(({ id, data, was }) => ({ id, data: was, was: data }));
    if (kind === "write") return this.send(isUndo ? back() : rows);
    if (isUndo) return this.drop(rows.map((row) => row.id));
    const fresh = rows.map((row) => row.data);
    const made = await this.add(fresh, place);
    this.history.rename(new Map(rows.map((row, at) => [row.id, made[at].id])));
    for (const [at, row] of rows.entries()) row.id = made[at].id;
  }

  /** Show, send, take over the answer; or take back what was not written and throw: the error has the rows `sent`. */
  async send(rows) {
    const draft = new Map(rows.map(({ id, data }) => [id, data]));
    const sent = [];
    this.drafts.add(draft);
    this.store.touch(draft, put);
    try {
      await this.after(() => inBatches(rows, (part) => this.patch(part, draft, sent)));
      this.drafts.delete(draft);
    } catch (error) {
      this.drafts.delete(draft);
      this.store.touch(new Map(rows.slice(sent.length).map((row) => [row.id, row])), revert);
      throw Object.assign(error, { sent });
    }
  }

  async patch(rows, draft, sent) {
    const ids = rows.map((row) => row.id);
    this.echoes.expect(ids, 1);
    try {
      const answer = await api("PATCH", this.path, { body: { rows: rows.map(({ id, data }) => ({ id, data })) } });
      for (const id of ids) draft.delete(id);
      this.store.take(answer.rows);
      sent.push(...rows);
      setTimeout(() => this.echoes.expect(ids, -1), ECHO_MS);
    } catch (error) {
      this.echoes.expect(ids, -1);
      throw error;
    }
  }

  add(rows, place) {
    return this.after(() =>
      inBatches(rows, async (part, made) => {
        const at = place.after && made.length ? { after: made.at(-1).id } : place;
        return (await api("POST", this.path, { body: { rows: part.map((data) => ({ data })), ...at } })).rows;
      }),
    );
  }

  drop(ids) {
    return this.after(() => inBatches(ids, (part) => api("DELETE", this.path, { body: { rows: part } })));
  }

  /** Do this when all that was asked for before is done, however that ended. */
  after(act) {
    const done = this.turn.then(act);
    this.turn = done.catch(() => {});
    return done;
  }

  /** What a row on this page holds in the columns of `data`, or undefined. */
  present(id, data) {
    const row = this.store.byId(id);
    return row && Object.fromEntries(Object.keys(data).map((key) => [key, row.data[key] ?? null]));
  }

  changed() {
    this.dispatchEvent(new CustomEvent("history"));
  }
}

/** The step of an insertion. @returns {Step} */
export const insertStep = (made, rows, place = {}) => ({
  kind: "insert",
  place,
  rows: made.map(({ id }, at) => ({ id, data: rows[at] })),
});

function put(row, data) {
  row.data = { ...row.data, ...data };
}

/** A row holds again what it did, where it still shows what was refused. */
function revert(row, { data, was }) {
  const mine = Object.keys(data).filter((key) => was && row.data[key] === data[key]);
  put(row, Object.fromEntries(mine.map((key) => [key, was[key]])));
}

/** Call `act` for each thousand in turn; its answers in one list. */
async function inBatches(all, act) {
  const done = [];
  for (let from = 0; from < all.length; from += BATCH) {
    const answer = await act(all.slice(from, from + BATCH), done);
    if (Array.isArray(answer)) done.push(...answer);
  }
  return done;
}
