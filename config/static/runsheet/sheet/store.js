// @ts-check
/**
 * The rows this browser holds: sparse pages by ordinal, at most 50, and which event is newer than what is shown (T35).
 *
 * Events that arrive while a page is being fetched are kept and applied to it again when it comes: a page may have
 * been read before them. `version` alone decides.
 */

export const PAGE = 200;
const MOST_PAGES = 50;
const NEWEST = 4;
const AT_ONCE = 2;
/** A page that goes on changing is read no more often than this, however often it is wanted (`interface.md` 5). */
const REREAD_MS = 500;

export class Store {
  /**
   * @param {(start: number, limit: number) => Promise<{results: any[], total: number}>} fetchPage
   * @param {{rows: (ordinals: Set<number>|null, live: boolean) => void, failed: (error: any) => void}} listener
   *   `rows(null)` means that anything may have changed
   */
  constructor(fetchPage, listener) {
    this.fetchPage = fetchPage;
    this.listener = listener;
    /** @type {number|null} */
    this.total = null;
    /** @type {Map<number, {rows: any[], stale: boolean, at: number}>} least recently wanted first */
    this.pages = new Map();
    /** @type {Map<string, number>} */
    this.index = new Map();
    /** @type {number[]} pages asked for, newest last */
    this.queue = [];
    this.loading = new Set();
    this.generation = 0;
    /** @type {any[]} */
    this.arrivedMeanwhile = [];
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
    this.rereadTimer ||= setTimeout(() => { this.rereadTimer = 0; this.listener.rows(null, false); }, left);
    return true;
  }

  /** Everything may be old: fetch again what is wanted, show what is here until it comes. */
  invalidate() {
    this.generation += 1;
    for (const page of this.pages.values()) page.stale = true;
    this.listener.rows(null, false);
  }

  /** Other rows are listed now: forget all that is here. */
  reset() {
    this.generation += 1;
    this.pages.clear();
    this.index.clear();
    this.queue = [];
    this.total = null;
    this.epoch = (this.epoch || 0) + 1;
    this.listener.rows(null, false);
  }

  /** The pages of these rows may be old. Returns whether any is here. */
  invalidateRows(ids) {
    let any = false;
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
      const ordinal = this.index.get(event.row);
      const row = ordinal === undefined ? undefined : this.row(ordinal);
      if (row && admit(row, event)) changed.add(ordinal);
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

  pump() {
    while (this.loading.size < AT_ONCE && this.queue.length) {
      const number = /** @type {number} */ (this.queue.pop());
      if (!this.loading.has(number)) this.load(number);
    }
  }

  async load(number) {
    this.loading.add(number);
    const asked = { generation: this.generation, at: performance.now() };
    const epoch = this.epoch;
    try {
      const answer = await this.fetchPage(number * PAGE, PAGE);
      if (epoch === this.epoch) this.settle(number, answer, asked);
    } catch (error) {
      this.listener.failed(error);
    } finally {
      this.loading.delete(number);
      if (!this.loading.size) this.arrivedMeanwhile = [];
      this.pump();
    }
  }

  settle(number, { results, total }, { generation, at }) {
    this.forget(number);
    this.total = total;
    results.forEach(setApart);
    this.pages.set(number, { rows: results, stale: generation !== this.generation, at });
    results.forEach((row, place) => this.index.set(row.id, number * PAGE + place));
    for (const event of this.arrivedMeanwhile) {
      const ordinal = this.index.get(event.row);
      if (ordinal !== undefined && Math.floor(ordinal / PAGE) === number) admit(results[ordinal % PAGE], event);
    }
    for (const oldest of this.pages.keys()) {
      if (this.pages.size <= MOST_PAGES) break;
      this.forget(oldest);
    }
    this.listener.rows(null, false);
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

/** What the server foretells about cells (T36) stands in `row.told`, so that `row.cells` holds records alone. */
export function setApart(row) {
  row.told = {};
  for (const [group, cell] of Object.entries(row.cells)) {
    if (cell.version === 0) {
      row.told[group] = cell;
      delete row.cells[group];
    } else if (cell.ahead) row.told[group] = cell.ahead;
  }
}

/** Apply one cell event to a row unless the row shows something newer. Returns whether it did. */
export function admit(row, event) {
  const known = row.cells[event.group];
  if (known && event.version < known.version) return false;
  const { kind, row: id, group, data, ...cell } = event;
  row.cells = { ...row.cells, [group]: cell };
  if (row.told) delete row.told[group];
  if (data) row.data = { ...row.data, ...data };
  return true;
}
