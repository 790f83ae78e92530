// @ts-check
/**
 * One websocket: it resumes where it was and says honestly when it could not.
 *
 * `since` is the last `seq` seen; the server answers `hello` with `resumed`, replays what was missed or sends `pruned`.
 * After a loss it tries again from 500 ms, doubling to 10 s, with jitter; at once when the network or the tab is back.
 */

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
/** The server pings every 20 s: longer silence means a dead connection that nobody has told us of. */
const SILENCE_MS = 50_000;
/** Close codes after which trying again is pointless: not signed in, no such table or not ours, our own fault. */
const FINAL = new Set([4400, 4401, 4404]);

export class Live {
  /**
   * @param {string} path such as "/ws/tables/…/"
   * @param {{onHello: (resumed: boolean) => void, onEvents: (events: any[]) => void, onPruned: () => void,
   *   onState: (state: "open"|"lost"|"ended") => void}} listener
   */
  constructor(path, listener) {
    this.path = path;
    this.listener = listener;
    this.seq = null;
    this.pause = FIRST_PAUSE_MS;
    this.socket = null;
    this.timer = 0;
    this.silence = 0;
    this.ended = false;
  }

  start() {
    addEventListener("online", () => this.soon());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.soon();
    });
    this.open();
  }

  /** Try now if a pause is running. */
  soon() {
    if (!this.socket && !this.ended) this.open();
  }

  /** Hang up for good. */
  stop() {
    this.ended = true;
    clearTimeout(this.timer);
    clearTimeout(this.silence);
    const { socket } = this;
    this.socket = null;
    socket?.close();
  }

  open() {
    clearTimeout(this.timer);
    const url = new URL(this.path, location.origin.replace(/^http/, "ws"));
    if (this.seq) url.searchParams.set("since", this.seq);
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onmessage = (message) => {
      if (socket === this.socket) this.take(JSON.parse(message.data));
    };
    socket.onclose = (close) => {
      if (socket === this.socket) this.lost(close.code);
    };
    this.heard();
  }

  take(frame) {
    this.heard();
    const known = this.seq !== null;
    if (frame.seq) this.seq = frame.seq;
    if (frame.type === "hello") {
      this.pause = FIRST_PAUSE_MS;
      this.listener.onState("open");
      this.listener.onHello(known && frame.resumed);
    } else if (frame.type === "events") this.listener.onEvents(frame.events);
    else if (frame.type === "pruned") this.listener.onPruned();
  }

  lost(code) {
    this.socket = null;
    clearTimeout(this.silence);
    if (FINAL.has(code)) {
      this.ended = true;
      this.listener.onState("ended");
      return;
    }
    this.listener.onState("lost");
    this.timer = setTimeout(() => this.open(), this.pause * (0.5 + Math.random()));
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE_MS);
  }

  heard() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      const socket = this.socket;
      this.lost(1006);
      socket?.close();
    }, SILENCE_MS);
  }
}
