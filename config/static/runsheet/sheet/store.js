// @ts-check
/**
 * The rows this browser holds: sparse pages by ordinal, at most 50, and which event is newer than what is shown (T35).
 *
 * Events that arrive while a page is fetched are applied to it again when it comes. `version` alone decides.
 */
import { admit, mend, setApart } from "./record.js";

export const PAGE = 200;
const MOST_PAGES = 50;
const NEWEST = 4;
const AT_ONCE = 2;
/** A page that goes on changing is read no more often than this, however often it is wanted (`interface.md` 5). */
const REREAD_MS = 500;

export class Store {
  /**
   * @param {(start: number, limit: number) => Promise<{results: any[], total: number}>} fetchPage
   * @typedef {{rows: (ordinals: Set<number>|null, live: boolean) => void, failed: (error: any) => void,
   *   moved?: () => void, anew?: () => void}} Listener `rows(null)` means that anything may have changed; `moved` that
   *   rows stand elsewhere now than they are shown, `anew` that they are shown where they stand
   * @param {Listener} listener
   */
  constructor(fetchPage, listener) {
    this.fetchPage = fetchPage;
    this.listener = listener;
    /** @type {number|null} */
    this.total = null;
    /** @type {Map<number, {rows: any[], stale: boolean, at: number, anew?: boolean}>} least recently wanted first */
    this.pages = new Map();
    /** Whether rows stay in the order they were first read in, because what they are listed by changes meanwhile. */
    this.keepsOrder = false;
    /** @type {Map<string, number>} */
    this.index = new Map();
    /** @type {number[]} pages asked for, newest last */
    this.queue = [];
    this.loading = new Set();
    this.generation = 0;
    /** @type {any[]} */
    this.arrivedMeanwhile = [];
    /** Shows what is being written over what the server said. @type {(row: any) => void} */
    this.overlay = () => {};
    /** Whether changed rows are only this browser's own writes coming back. @type {(ids: string[]) => boolean} */
    this.isEcho = () => false;
  }

  /** The row at an ordinal, if it is here. */
  row(ordinal) {
    return this.pages.get(Math.floor(ordinal / PAGE))?.rows[ordinal % PAGE];
  }

  /** The row with an id, if it is here. */
  byId(id) {
    const ordinal = this.index.get(id);
    return ordinal === undefined ? undefined : this.row(ordinal);
  }

  /** Every row that is here, with its ordinal. */
  *held() {
    for (const [number, page] of this.pages) {
      for (let place = 0; place < page.rows.length; place += 1) yield [number * PAGE + place, page.rows[place]];
    }
  }

  /** These ordinals are on screen: fetch what is missing or stale, the newest wish first. */
  want(from, to) {
    for (let number = Math.floor(from / PAGE); number <= Math.floor(to / PAGE); number += 1) {
      const page = this.pages.get(number);
      if (page) {
        this.pages.delete(number);
        this.pages.set(number, page);
      }
      if (page && (!page.stale || this.isFresh(page))) continue;
      this.queue = this.queue.filter((queued) => queued !== number);
      this.queue.push(number);
    }
    this.queue = this.queue.slice(-NEWEST);
    this.pump();
  }

  /** Whether a stale page was read so lately that it has to wait; the wish is asked for again when it may be read. */
  isFresh(page) {
    const left = page.at + REREAD_MS - performance.now();
    if (left <= 0) return false;
    this.rereadTimer ||= setTimeout(() => {
      this.rereadTimer = 0;
      this.listener.rows(null, false);
    }, left);
    return true;
  }

  /** Everything may be old: show what is here until it is read again; `anew` in another order too. */
  invalidate(anew = false) {
    this.generation += 1;
    for (const page of this.pages.values()) {
      page.stale = true;
      page.anew ||= anew;
    }
    this.listener.rows(null, false);
  }

  /** Other rows are listed now: forget all that is here. */
  reset() {
    this.generation += 1;
    this.pages.clear();
    this.index.clear();
    this.queue = [];
    this.total = null;
    this.loading = new Set(); // what is under way for the rows before is not waited for
    this.listener.rows(null, false);
  }

  /** The pages of these rows may be old. Returns whether any is here. */
  invalidateRows(ids) {
    let any = false;
    if (this.isEcho(ids)) return any;
    for (const id of ids) {
      const page = this.index.has(id) && this.pages.get(Math.floor(/** @type {number} */ (this.index.get(id)) / PAGE));
      if (page) page.stale = any = true;
    }
    if (any) this.generation += 1;
    return any;
  }

  /** Take cell events; those of rows that are not here are forgotten, older ones dropped. */
  apply(events) {
    if (this.loading.size) this.arrivedMeanwhile.push(...events);
    const changed = new Set();
    for (const event of events) {
      const row = this.byId(event.row);
      if (row && admit(row, event)) changed.add(this.index.get(event.row));
    }
    if (changed.size) this.listener.rows(changed, true);
  }

  /** Change cells ahead of the server's word, where `patch(row)` returns them by group; events correct it. */
  foretell(patch) {
    const changed = new Set();
    for (const [ordinal, row] of this.held()) {
      const cells = patch(row);
      if (!cells) continue;
      row.cells = { ...row.cells, ...cells };
      changed.add(ordinal);
    }
    if (changed.size) this.listener.rows(changed, false);
  }

  /** Take rows as the server answered a write of them: what is here shows them, and so do pages under way. */
  take(rows) {
    rows.forEach(setApart);
    if (this.loading.size) this.arrivedMeanwhile.push(...rows.map((answered) => ({ row: answered.id, answered })));
    this.touch(new Map(rows.map((row) => [row.id, row])), mend);
  }

  /** Change rows that are here: `act(row, what)` with what is said by row id. */
  touch(changes, act) {
    const changed = new Set();
    for (const [id, what] of changes) {
      const row = this.byId(id);
      if (row) {
        act(row, what);
        this.overlay(row);
        changed.add(this.index.get(id));
      }
    }
    if (changed.size) this.listener.rows(changed, false);
  }

  pump() {
    while (this.loading.size < AT_ONCE && this.queue.length) {
      const number = /** @type {number} */ (this.queue.pop());
      if (!this.loading.has(number)) this.load(number);
    }
  }

  async load(number) {
    const asked = { generation: this.generation, at: performance.now() };
    const { loading } = this;
    loading.add(number);
    try {
      const answer = await this.fetchPage(number * PAGE, PAGE);
      if (loading === this.loading) this.settle(number, answer, asked);
    } catch (error) {
      if (loading === this.loading) this.listener.failed(error);
    } finally {
      loading.delete(number);
      if (!this.loading.size) this.arrivedMeanwhile = [];
      this.pump();
    }
  }

  settle(number, answer, { generation, at }) {
    const old = this.keepsOrder && this.pages.get(number);
    answer.results.forEach(setApart);
    if (old?.anew) this.listener.anew?.();
    const { results, total } =
      old && !old.anew ? { results: this.inPlace(old.rows, answer.results), total: this.total } : answer;
    this.forget(number);
    Object.assign(this, { total, isEstimate: answer.total_exact === false });
    this.pages.set(number, { rows: results, stale: generation !== this.generation, at });
    results.forEach((row, place) => this.index.set(row.id, number * PAGE + place));
    for (const event of this.arrivedMeanwhile) {
      const row = this.byId(event.row);
      if (row) admit(row, event);
    }
    results.forEach((row) => this.overlay(row));
    for (const oldest of this.pages.keys()) {
      if (this.pages.size <= MOST_PAGES) break;
      this.forget(oldest);
    }
    this.listener.rows(null, false);
  }

  /** A sorted or filtered list is read again: rows stay where they are, with what they are by now. */
  inPlace(rows, fresh) {
    if (rows.length !== fresh.length || rows.some((row, place) => row.id !== fresh[place].id)) this.listener.moved?.();
    for (const row of fresh) if (this.index.has(row.id)) mend(this.byId(row.id), row);
    return rows.map((row) => fresh.find((each) => each.id === row.id) || row);
  }

  forget(number) {
    const page = this.pages.get(number);
    if (!page) return;
    this.pages.delete(number);
    for (const row of page.rows) {
      if (Math.floor(/** @type {number} */ (this.index.get(row.id)) / PAGE) === number) this.index.delete(row.id);
    }
  }
}
