// @ts-check
/** What was done and can be done back: 100 deep, a new deed forgets what was undone. Pure. */
import { count, plural } from "../format.js";

const DEEPEST = 100;

/**
 * A step of a deed. `kind` "write" changed values of rows to `data`, from `was`; "insert" made the rows at a place, as
 * the server has `made` them of `data`.
 * @typedef {{kind: "write"|"insert", rows: {id: string, data: any, was?: any, made?: any}[], place?: any}} Step
 *
 * What became of a step that was turned: ids of rows that were, and of those that were left since they have changed.
 * @typedef {{turned: string[], left: string[], verb?: string}} Outcome
 *
 * @typedef {{words: string, steps: Step[], ready?: Promise<any>, refusal?: string}} Deed `words` complete "Undo …",
 *   `steps` are known when it is `ready`; one with a `refusal` cannot be undone and says why: nothing before it can be
 */
export class History {
  constructor() {
    /** @type {Deed[]} */
    this.done = [];
    /** @type {Deed[]} */
    this.undone = [];
  }

  /** @param {Deed} deed */
  push(deed) {
    this.done = deed.refusal ? [deed] : [...this.done, deed].slice(-DEEPEST);
    this.undone = [];
  }

  /** Take the deed to undo (or redo) next; `put` puts it on the other side. */
  take(isUndo) {
    const from = isUndo ? this.done : this.undone;
    return from.at(-1)?.refusal ? from.at(-1) : from.pop();
  }

  /** @param {Deed} deed that is undone (or redone) now */
  put(deed, isUndone) {
    (isUndone ? this.undone : this.done).push(deed);
  }

  /** @param {Deed} deed that came to nothing */
  drop(deed) {
    this.done = this.done.filter((each) => each !== deed);
    this.undone = this.undone.filter((each) => each !== deed);
  }

  /** Rows that were inserted again have other ids: `ids` by the old one. */
  rename(ids) {
    for (const deed of [...this.done, ...this.undone]) {
      for (const step of deed.steps) for (const row of step.rows) row.id = ids.get(row.id) ?? row.id;
    }
  }
}

/** What is said of rows that were not done back, because they are not any more as they were left. */
export function leftWords(left, of, verb = "left") {
  if (of === 1) return `The row was changed since and was ${verb}.`;
  return `${count(left)} of ${plural(of, "row")} changed since and ${left === 1 ? "was" : "were"} ${verb}.`;
}
