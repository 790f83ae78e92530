// @ts-check
/** A draft that is stored as it is changed: steps back and forth, saving after a pause, honest when that fails. */
import { Problem, api } from "../api.js";
import { report } from "../ui/toast.js";
import { blockOf, drawable } from "./draft.js";

const SAVE_PAUSE_MS = 700;
const RETRY_PAUSE_MS = 5_000;
const STEPS_BACK = 100;
/** Keystrokes in one field are one step back, unless there was a pause. */
const ONE_STEP_MS = 1_500;

/** What `<flow-editor>` is made of; it has `path`, `mayEdit`, `selected` and `draw()`. */
export class Kept extends HTMLElement {
  constructor() {
    super();
    /** @type {any} */
    this.workflow = null;
    /** @type {any[]} */
    this.faults = [];
    /** @type {any} */
    this.draft = null;
    /** @type {any[]} */
    this.past = [];
    /** @type {any[]} */
    this.future = [];
    this.tag = "";
    this.taggedAt = 0;
    /** @type {any} */
    this.unsaved = null;
    /** @type {Promise<void>|null} */
    this.saving = null;
    this.timer = 0;
    this.state = "saved";
    this.mayOverwrite = false;
    /** @type {any} */
    this.refused = {};
    /** @type {string|null} */
    this.selected = null;
    /** @type {any} */
    this.planned = null;
  }

  /** Show the workflow as the server has it. */
  take(workflow) {
    this.workflow = workflow;
    this.faults = workflow.faults;
    this.draft = drawable(workflow.definition);
  }

  faultsOf(key) {
    return this.faults.filter((fault) => fault.block === key);
  }

  /** Change the draft: one step back in undo, stored soon. Changes of one `tag` in a row are one step. */
  change(next, tag) {
    if (next === this.draft || !this.mayEdit) return;
    const now = performance.now();
    if (tag !== this.tag || now - this.taggedAt > ONE_STEP_MS)
      this.past = [...this.past.slice(1 - STEPS_BACK), this.draft];
    Object.assign(this, { tag, taggedAt: now, future: [], planned: null });
    this.put(next);
  }

  put(next) {
    this.draft = next;
    if (this.selected && !blockOf(next, this.selected)) this.selected = null;
    this.keep({ definition: next });
  }

  /** Name and description, which have no undo. */
  describe(part) {
    Object.assign(this.workflow, part);
    this.refused = {};
    if (part.name !== undefined && !part.name.trim()) this.refused = { name: "Give the workflow a name." };
    else this.keep(part);
    this.draw();
  }

  step(from, to) {
    const next = this[from].pop();
    if (!next) return;
    this[to] = [...this[to], this.draft];
    Object.assign(this, { tag: "", planned: null });
    this.put(next);
  }

  keep(part) {
    this.unsaved = { ...this.unsaved, ...part };
    if (this.state !== "stale") this.saveIn(SAVE_PAUSE_MS);
    this.draw();
  }

  saveIn(ms) {
    this.state = "unsaved";
    clearTimeout(this.timer);
    const failed = (error) => {
      if (!(error instanceof Problem)) console.warn("the draft is not stored yet", error);
    };
    this.timer = setTimeout(() => this.flush().catch(failed), ms);
  }

  /** Store what is not stored; throws when it cannot be. */
  async flush() {
    clearTimeout(this.timer);
    const sent = () => {
      this.saving = null;
      this.draw();
    };
    while (this.unsaved || this.saving) await (this.saving ||= this.send().finally(sent));
  }

  async send() {
    const body = this.unsaved;
    Object.assign(this, { unsaved: null, state: "saving" });
    this.draw();
    try {
      const match = this.mayOverwrite ? undefined : `"${this.workflow.updated_at}"`;
      const saved = await api("PATCH", this.path, { body, match });
      const { name, description } = this.workflow;
      Object.assign(this, {
        workflow: { ...saved, name, description },
        faults: saved.faults,
        mayOverwrite: false,
        state: this.unsaved ? "unsaved" : "saved",
      });
    } catch (error) {
      this.unsaved = { ...body, ...this.unsaved };
      this.refusal(error, body);
      throw error;
    }
  }

  refusal(error, body) {
    const isProblem = error instanceof Problem;
    if (isProblem && error.status === 412) this.state = "stale";
    else if (isProblem && (error.errors.name || error.code === "name_taken") && body.name !== undefined) {
      const { name, ...rest } = /** @type {any} */ (this.unsaved);
      Object.assign(this, {
        unsaved: Object.keys(rest).length ? rest : null,
        refused: { name: error.errors.name?.[0] || error.message },
      });
      if (this.unsaved) this.saveIn(0);
      this.state = "refused";
    } else if (isProblem) {
      this.state = "refused";
      report(error, "save the draft");
    } else {
      this.saveIn(RETRY_PAUSE_MS);
      this.state = "lost";
    }
  }

  async takeTheirs() {
    try {
      this.take(await api("GET", this.path));
      Object.assign(this, { unsaved: null, past: [], future: [], state: "saved" });
      this.draw();
    } catch (error) {
      report(error, "read the workflow");
    }
  }

  saveMine() {
    Object.assign(this, { mayOverwrite: true, state: "unsaved" });
    this.saveIn(0);
    this.draw();
  }
}
