// @ts-check
/** The cells that show a text, as the server finds them, chunk by chunk, in the order rows are listed in. */
import { api } from "../../api.js";

const AT_ONCE = 1_000;

export class Hits {
  /** @param {any} grid @param {string} text */
  constructor(grid, text) {
    this.grid = grid;
    this.text = text;
    /** @type {{row: number, col: number}[]} */
    this.places = [];
    this.rows = 0;
    /** @type {string|null} where to look on; null at the end */
    this.next = "";
    this.leaving = new AbortController();
  }

  /** Look on until something more is found or all has been looked at. */
  async more() {
    const before = this.places.length;
    while (this.next !== null && this.places.length === before) await this.chunk();
  }

  async chunk() {
    const { viewing, schema, session } = this.grid;
    const body = {
      q: this.text,
      limit: AT_ONCE,
      filter: viewing.filter || {},
      sort: viewing.sort,
      ...(this.next && { after: this.next }),
      columns: (viewing.q ? schema.all : schema.columns).map((column) => column.id),
    };
    const found = await api("POST", `${session.path}rows/find/`, { body, signal: this.leaving.signal });
    const shown = new Map(schema.columns.map((column, place) => [column.key, place + 1]));
    for (const match of found.matches) {
      const row = viewing.q ? this.rows : match.ordinal; // only matching rows are listed: the n-th match is row n
      const cols = match.columns
        .map((key) => shown.get(key))
        .filter(Boolean)
        .sort((a, b) => a - b);
      for (const col of viewing.q && !cols.length ? [1] : cols) this.places.push({ row, col });
      this.rows += 1;
    }
    this.next = found.next;
  }

  stop() {
    this.leaving.abort();
  }
}
