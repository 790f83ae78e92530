// @ts-check
/** Does things at once, but not more often than it was told to: what comes sooner waits, each wish once. */
export class Throttle {
  /** @param {number} every milliseconds */
  constructor(every) {
    this.every = every;
    this.at = 0;
    this.timer = 0;
    /** @type {Map<string, () => void>} by the wish's name */
    this.waiting = new Map();
  }

  /** @param {string} wish names what is done: of those of one name one is enough @param {() => void} act */
  soon(wish, act) {
    const now = performance.now();
    if (this.at <= now) {
      this.at = now + this.every;
      return act();
    }
    this.waiting.set(wish, act);
    this.timer ||= window.setTimeout(() => this.due(), this.at - now);
  }

  due() {
    this.timer = 0;
    this.at = performance.now() + this.every;
    const due = this.waiting;
    this.waiting = new Map();
    for (const act of due.values()) act();
  }
}
