// @ts-check
/** Which rows' changes are this browser's own, still to come back as events. Pure. */
export class Echoes {
  constructor() {
    /** @type {Map<string, number>} how often each row's change is to come */
    this.left = new Map();
  }

  /** So many more changes of each of these rows are to come. @param {string[]} ids */
  expect(ids, more) {
    for (const id of ids) {
      const left = (this.left.get(id) || 0) + more;
      if (left > 0) this.left.set(id, left);
      else this.left.delete(id);
    }
  }

  /** Whether a list of changed rows is nothing but one's own; these have come then. @param {string[]} ids */
  take(ids) {
    const isOwn = ids.every((id) => this.left.has(id));
    if (isOwn) this.expect(ids, -1);
    return isOwn;
  }
}
