// @ts-check
/** Does things at once, but not more often than it was told to: what comes sooner waits, the last two wishes of it. */
export class Throttle {
  /** @param {number} every milliseconds */
  constructor(every) {
    this.every = every;
    this.at = 0;
    this.timer = 0;
    /** @type {(() => void)[]} */
    this.waiting = [];
  }

  /** @param {() => void} act */
  soon(act) {
    const now = performance.now();
    if (this.at <= now) {
      this.at = now + this.every;
      return act();
    }
    this.waiting = [...this.waiting, act].slice(-2);
    this.timer ||= window.setTimeout(() => this.due(), this.at - now);
  }

  due() {
    this.timer = 0;
    this.at = performance.now() + this.every;
    const due = this.waiting;
    this.waiting = [];
    for (const act of due) act();
  }
}
