// @ts-check
/**
 * The rows this browser holds: sparse pages by ordinal, at most 50, and which event is newer than what is shown (T35).
 *
 * Events that arrive while a page is fetched are applied to it again when it comes. `version` alone decides.
 */
import { Echoes } from "./echoes.js";
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
    /** Shows what is being written over what the server said, `row.stored`. @type {(row: any) => void} */
    this.overlay = () => {};
    /** This browser's own writes on their way back. */
    this.echoes = new Echoes();
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

  /** Whether what is here of the row at an ordinal may be old. */
  isStale(ordinal) {
    return Boolean(this.pages.get(Math.floor(ordinal / PAGE))?.stale);
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
    this.echoes.unnamed();
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

  /** These rows were changed: their pages may be old, unless it was this browser. Returns whether any is here. */
  invalidateRows(ids) {
    return this.outdate(this.echoes.foreign(ids));
  }

  /** Read the pages of these rows anew. */
  reread(ids) {
    if (this.outdate(ids)) this.listener.rows(null, false);
  }

  outdate(ids) {
    const pages = ids.map((id) => this.pages.get(Math.floor((this.index.get(id) ?? NaN) / PAGE))).filter(Boolean);
    for (const page of pages) page.stale = true;
    if (pages.length || (ids.length && this.loading.size)) this.generation += 1; // one under way may be older
    return pages.length > 0;
  }

  /** Take cell events; those of rows that are not here are forgotten, older ones dropped. */
  apply(events) {
    if (this.loading.size) this.arrivedMeanwhile.push(...events);
    const changed = new Set();
    for (const event of events) {
      const row = this.byId(event.row);
      if (row && this.hear(row, () => admit(row, event))) changed.add(this.index.get(event.row));
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

  /** Show rows that are here anew: `act(row, what)` with what the server says by row id, if it says anything. */
  touch(changes, act = (_row, _what) => {}) {
    const here = [...changes.keys()].filter((id) => this.byId(id));
    for (const id of here) this.hear(this.byId(id), () => act(this.byId(id), changes.get(id)));
    if (here.length) this.listener.rows(new Set(here.map((id) => this.index.get(id))), false);
  }

  /** Take the server's word about a row: it goes below what is being written there. */
  hear(row, act = () => {}) {
    row.data = row.stored || row.data;
    const answer = act();
    row.stored = row.data;
    this.overlay(row);
    return answer;
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
      if (row) this.hear(row, () => admit(row, event));
    }
    results.forEach((row) => this.hear(row));
    for (const oldest of this.pages.keys()) {
      if (this.pages.size <= MOST_PAGES) break;
      this.forget(oldest);
    }
    this.listener.rows(null, false);
  }

  /** A sorted or filtered list is read again: rows stay where they are, with what they are by now. */
  inPlace(rows, fresh) {
    if (rows.length !== fresh.length || rows.some((row, place) => row.id !== fresh[place].id)) this.listener.moved?.();
    for (const row of fresh) {
      const known = this.byId(row.id);
      if (known) this.hear(known, () => mend(known, row));
    }
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
