// @ts-check
/** Steps of a run as people see them: words, the state of a block over all its scopes, the tree of iterations. Pure. */

const STEP = {
  pending: ["queued", "Queued"],
  running: ["running", "Running"],
  waiting: ["waiting", "Waiting"],
  completed: ["done", "Done"],
  failed: ["failed", "Failed"],
  skipped: ["cancelled", "Skipped"],
  unknown: ["paused", "Needs a decision"],
};

const RUN = {
  queued: ["queued", "Queued"],
  running: ["running", "Running"],
  waiting: ["waiting", "Waiting"],
  paused: ["paused", "Paused"],
  needs_decision: ["paused", "Needs a decision"],
  completed: ["done", "Done"],
  failed: ["failed", "Failed"],
  cancelled: ["cancelled", "Cancelled"],
};

const REASONS = {
  target: "the start",
  downstream: "comes after a step that runs again",
  definition_changed: "its definition changed",
  input_changed: "its input changed",
  new_block: "it is new",
  no_result: "it has no result",
  secret_changed: "a secret changed",
  was_failed: "it failed",
  pause_again: "it asks again",
};

/** Which status tells most of a block that stands in several scopes; the first found wins. */
const LOUDEST = ["unknown", "failed", "running", "waiting", "pending", "completed", "skipped"];

export const ENDED = new Set(["completed", "failed", "cancelled"]);
export const RESUMABLE = new Set(["failed", "needs_decision"]);
export const stepWord = (status) => STEP[status] || ["queued", status];
export const reasonWord = (reason) => REASONS[reason] || reason;
/** Where a rerun starts that starts at a step; inside a loop it names the scope: `block@each[2]` (W26). */
export const startAt = (key) => (key.includes("/") ? `${blockOf(key)}@${key.slice(0, key.lastIndexOf("/"))}` : key);
export const blockOf = (key) => key.slice(key.lastIndexOf("/") + 1);

/** `[state, word]` of a run; a paused one says what for. */
export function runWord(run) {
  const waits = run.waits_for || [];
  if (run.status === "paused" && waits.some((wait) => wait.kind === "approval"))
    return ["paused", "Waits for approval"];
  return RUN[run.status] || ["queued", run.status];
}

/** Milliseconds a step took or has been taking; null when it has not begun. */
export function tookOf(step, now) {
  if (!step.started_at) return null;
  const end = step.finished_at ? Date.parse(step.finished_at) : now;
  return Math.max(0, end - Date.parse(step.started_at));
}

/** What every card of the graph says. @param {any[]} blocks @param {Map<string, any>} steps by step key */
export function blockStates(blocks, steps) {
  const found = Map.groupBy(steps.values(), (step) => blockOf(step.step_key));
  return new Map(blocks.map((block) => [block.key, stateOf(block, found.get(block.key) || [])]));
}

function stateOf(block, steps) {
  if (block.enabled === false) return { state: "none", word: "Taken out" };
  if (!steps.length) return { state: "none", word: "Not reached" };
  const status = LOUDEST.find((one) => steps.some((step) => step.status === one)) || "pending";
  const [state, word] = stepWord(status);
  if (steps.length > 1) {
    const same = steps.filter((step) => step.status === status).length;
    return { state, word, note: `${same} of ${steps.length}` };
  }
  return { state, word: steps[0].cached_from ? "Reused" : word, note: "" };
}

/** Whether an edge was taken in some scope. @param {Map<string, any>} steps */
export function edgeTaken(edge, steps) {
  for (const step of steps.values()) {
    if (blockOf(step.step_key) !== edge.from) continue;
    const handle = edge.handle || "source";
    if (step.status === "completed" && (step.handle || "source") === handle) return true;
    if (step.status === "failed" && handle === "error") return true;
  }
  return false;
}

/**
 * Rows of the waterfall: steps, and below each container the iterations that are open.
 * @param {any[]} steps in the order they finished
 * @param {Set<string>} open paths and container keys that are unfolded
 * @returns {{kind: "step"|"scope", key: string, depth: number, step?: any, steps?: any[], label: string,
 *   folds: boolean}[]}
 */
export function rowsOf(steps, open) {
  const inside = Map.groupBy(steps, (step) => parentOf(step.step_key));
  /** @type {Map<string, Set<string>>} the iterations of each container */
  const scopes = new Map();
  for (const path of inside.keys()) {
    for (let at = path; at; at = parentOf(at)) {
      const container = at.slice(0, at.lastIndexOf("["));
      scopes.set(container, (scopes.get(container) || new Set()).add(at));
    }
  }
  const rows = [];
  const known = new Set(steps.map((step) => step.step_key));
  const scope = (key, depth, label, begins) => {
    const within = steps.filter((step) => step.step_key.startsWith(begins));
    rows.push({ kind: "scope", key, depth, steps: within, label, folds: true });
  };
  const below = (container, depth) => {
    for (const path of [...(scopes.get(container) || [])].sort(byIteration)) {
      scope(path, depth, `Iteration ${iterationOf(path) + 1}`, `${path}/`);
      if (open.has(path)) level(path, depth + 1);
    }
  };
  const level = (path, depth) => {
    for (const step of [...(inside.get(path) || [])].sort(byStart)) {
      const key = step.step_key;
      const folds = scopes.has(key);
      rows.push({ kind: "step", key, depth, step, label: blockOf(key), folds });
      if (folds && open.has(key)) below(key, depth + 1);
    }
    // A container under way may have no record yet, though its iterations do.
    for (const container of scopes.keys()) {
      if (parentOf(container) !== path || known.has(container)) continue;
      scope(container, depth, blockOf(container), `${container}[`);
      if (open.has(container)) below(container, depth + 1);
    }
  };
  level("", 0);
  return rows;
}

const parentOf = (key) => key.slice(0, Math.max(0, key.lastIndexOf("/")));
const iterationOf = (path) => Number(path.slice(path.lastIndexOf("[") + 1, -1));
const byIteration = (a, b) => iterationOf(a) - iterationOf(b);
const byStart = (a, b) => startOf(a) - startOf(b);
const startOf = (step) => (step.cached_from ? 0 : Date.parse(step.started_at || "") || Number.MAX_SAFE_INTEGER);
