// @ts-check
/**
 * Which changes that events tell of are this browser's own writes coming back: they refetch nothing. Pure.
 *
 * An event names rows and not who changed them. What was taken for an echo and was none is found out by the answer,
 * which says what the write changed.
 *
 * @typedef {{left: Set<string>, taken: Set<string>, isAnswered: boolean}} Write rows whose change is to come, has come
 */
export class Echoes {
  constructor() {
    /** @type {Write[]} oldest first */
    this.writes = [];
  }

  /** These rows are being written: each change will be told. @param {string[]} ids @returns {Write} */
  begin(ids) {
    const write = { left: new Set(ids), taken: new Set(), isAnswered: false };
    this.writes = [...this.writes.filter((each) => each.left.size), write];
    return write;
  }

  /** Those of the changed rows that somebody else has changed; the others' echo has come. @param {string[]} ids */
  foreign(ids) {
    return ids.filter((id) => !this.take(id));
  }

  /** What happens within one frame is told once: a change may stand for all writes that were answered by then. */
  take(id) {
    const [first, ...later] = this.writes.filter((write) => write.left.has(id));
    if (!first) return false;
    for (const write of [first, ...later.filter((each) => each.isAnswered)]) {
      write.left.delete(id);
      write.taken.add(id);
    }
    return true;
  }

  /**
   * A write was answered: it changed these rows, none when it was refused. Answers the rows of which another's change
   * was taken for its echo.
   * @param {Write} write @param {string[]} changed
   */
  settle(write, changed) {
    write.isAnswered = true;
    const own = new Set(changed);
    for (const id of [...write.left]) if (!own.has(id)) write.left.delete(id);
    return [...write.taken].filter((id) => !own.has(id));
  }

  /** What has not come of a write will not come any more. @param {Write} write */
  forget(write) {
    this.writes = this.writes.filter((each) => each !== write);
  }

  /** Changes were told without naming rows, or not at all: whatever comes now counts as somebody else's. */
  unnamed() {
    this.writes = [];
  }
}
