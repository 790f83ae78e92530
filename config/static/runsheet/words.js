// @ts-check
/** The words of codes that people see. Pure. */

const SKIPPED = {
  auto_run_off: "do not run automatically",
  tombstoned: "were stopped",
  in_flight: "are already under way",
  already_done_here: "are done",
  has_attempt: "have run before",
  completed: "are completed",
  not_failed: "did not fail",
  failed_earlier: "failed earlier",
  cancelled_earlier: "were stopped earlier",
  deps_unmet: "wait for other columns",
  condition_false: "do not meet the condition",
  condition_error: "have a condition that fails",
  budget_exceeded: "are over the budget",
  superseded: "were taken over by a later run",
  no_groups: "no column here is filled by a workflow",
  no_rows: "there are no rows",
};

const PAUSED = {
  approval: "Waits for approval",
  decision: "Waits for a decision",
  needs_decision: "Waits for a decision",
  run: "Waits for another run",
};

/** `{completed: 12, deps_unmet: 3}` → "12 are completed, 3 wait for other columns". */
export function skippedWords(skipped) {
  return Object.entries(skipped)
    .filter(([, n]) => n)
    .map(([reason, n]) => (reason.startsWith("no_") ? SKIPPED[reason] : `${n} ${SKIPPED[reason] || reason}`))
    .join(", ");
}

/** What a paused cell waits for; `until` is a clock time or null. */
export const pausedWords = (reason, until) => PAUSED[reason] || (until ? `Waits until ${until}` : "Paused");

/** Why a queued cell is held back, or null; `until` as above. */
export function heldWords(reason, until) {
  if (reason === "rate_limited") return until ? `Rate limit, until ${until}` : "Rate limit";
  if (reason === "backoff") return until ? `Tries again ${until}` : "Tries again soon";
  return null;
}

export const MODES = Object.entries({ incomplete: "Empty or failed", failed: "Only failed", all: "Everything" });
