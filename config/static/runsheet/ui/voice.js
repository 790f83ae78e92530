// @ts-check
/** Tells screen readers how something goes on: news at once, figures that go on changing at most every ten seconds. */
const EVERY_MS = 10_000;

export class Voice {
  constructor() {
    this.element = document.createElement("p");
    this.element.className = "visually-hidden";
    this.element.setAttribute("role", "status");
    this.at = -Infinity;
    this.news = "";
    this.timer = 0;
  }

  /** @param {string} text @param {string} [news] another one than before is said at once */
  say(text, news = "") {
    clearTimeout(this.timer);
    const wait = news === this.news ? this.at + EVERY_MS - performance.now() : 0;
    this.news = news;
    if (wait <= 0) this.speak(text);
    else this.timer = window.setTimeout(() => this.speak(text), wait);
  }

  speak(text) {
    if (this.element.textContent === text) return;
    this.element.textContent = text;
    this.at = performance.now();
  }
}
