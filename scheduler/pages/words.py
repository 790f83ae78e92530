"""How triggers and invocations are spoken of on pages: pills, reasons, targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from scheduler.models import Invocation, Trigger
from scheduler.states import DisabledReason, InvocationStatus, Source, TargetKind
from workflows.pages.run_words import Pill

STATUS_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    InvocationStatus.PENDING: ("queued", "Waiting"),
    InvocationStatus.QUEUED: ("queued", "Queued"),
    InvocationStatus.RUNNING: ("running", "Running"),
    InvocationStatus.COMPLETED: ("done", "Done"),
    InvocationStatus.FAILED: ("failed", "Failed"),
    InvocationStatus.CANCELLED: ("cancelled", "Cancelled"),
    InvocationStatus.SKIPPED: ("paused", "Skipped"),
    InvocationStatus.MISSED: ("waiting", "Missed"),
}
"""Status to the pill's colour and word."""

SOURCE_WORDS: Final[Mapping[str, str]] = {
    Source.SCHEDULE: "Schedule",
    Source.CATCHUP: "Catch-up",
    Source.MANUAL: "Run now",
    Source.RERUN: "Run again",
    Source.BACKFILL: "Backfill",
}

OFF_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    DisabledReason.USER: ("Off", "Somebody turned it off."),
    DisabledReason.ONE_TIME_DONE: ("Done", "It was to run once, and has."),
    DisabledReason.ENDED: ("Ended", "Its end has come."),
    DisabledReason.TARGET_ARCHIVED: ("Paused", "What it runs is archived."),
    DisabledReason.INVALID_SCHEDULE: ("Paused", "Its schedule is not valid."),
    DisabledReason.TOO_MANY_FAILURES: ("Paused", "It failed too often in a row."),
    DisabledReason.NO_RUN_AS_USER: ("Paused", "The person it ran as is gone."),
}
"""Why a trigger is off: a word for its pill, and a sentence."""

NOT_ONCE_WORDS: Final[Mapping[str, str]] = {
    InvocationStatus.MISSED: "It was to run once, and nothing fired at that time.",
    InvocationStatus.SKIPPED: "It was to run once, but an earlier one was still under way.",
    InvocationStatus.CANCELLED: "It was to run once, and was cancelled.",
}
"""The same of a trigger that was to run once and did not."""

MODE_WORDS: Final[Mapping[str, str]] = {
    "incomplete": "empty or failed",
    "failed": "only failed",
    "all": "everything",
    "new": "only new",
}


REASON_WORDS: Final[Mapping[str, str]] = {
    "overlap": "An earlier one was still under way.",
    "replaced": "A newer one took its place.",
    "user": "Somebody cancelled it.",
    "superseded_by_edit": "The trigger was changed.",
    "trigger_disabled": "The trigger was turned off.",
    "child_stopped": "What it started was stopped.",
    "nothing_to_do": "There was nothing to run.",
    "invalid_schedule": "The trigger's schedule is not valid.",
}
"""Why an invocation was skipped or cancelled, ended early, or never was: see ``_missed``."""


def status_pill(status: str) -> Pill:
    """The pill of an invocation's status."""
    return Pill(*STATUS_WORDS[status])


def off_pill(trigger: Trigger) -> Pill | None:
    """The pill of a trigger that is off; ``None`` while it is on."""
    if trigger.enabled:
        return None
    word, _ = OFF_WORDS[trigger.disabled_reason]
    return Pill("paused" if word == "Paused" else "done" if word == "Done" else "cancelled", word)


def held_words(trigger: Trigger) -> str:
    """That a tick failed on a trigger and leaves it alone for a while; empty for any other. ``seen_at`` is now."""
    seen_at = getattr(trigger, "seen_at", None)
    if not trigger.enabled or trigger.held_until is None or seen_at is None or trigger.held_until <= seen_at:
        return ""
    return f"The scheduler failed on it and tries again at {trigger.held_until:%H:%M:%S} UTC."


def off_reason(trigger: Trigger) -> str:
    """Why a trigger is off, in a sentence; empty while it is on."""
    if trigger.enabled:
        return ""
    _, sentence = OFF_WORDS[trigger.disabled_reason]
    if trigger.disabled_reason == DisabledReason.ONE_TIME_DONE:
        sentence = NOT_ONCE_WORDS.get(trigger.last_status, sentence)
    return f"{sentence} {trigger.schedule_error}".strip()


def target_detail(trigger: Trigger) -> str:
    """What of its target a trigger runs: the ref of a workflow, the cells of a table."""
    if trigger.target_kind == TargetKind.WORKFLOW:
        return trigger.ref or ""
    options = trigger.target_options
    words = [MODE_WORDS.get(options.get("mode", "incomplete"), "")]
    if groups := options.get("groups"):
        words.append("1 workflow group" if len(groups) == 1 else f"{len(groups)} workflow groups")
    if limit := options.get("limit"):
        words.append(f"at most {limit:,} rows")
    return ", ".join(filter(None, words))


def why(invocation: Invocation) -> str:
    """What there is to say about how an invocation ended, or why it waits; empty for an ordinary one."""
    if invocation.error_message:
        return invocation.error_message
    if invocation.status == InvocationStatus.MISSED:
        return _missed(invocation)
    if invocation.waits and invocation.status == InvocationStatus.PENDING:
        return "Waits for an earlier one."
    return REASON_WORDS.get(invocation.reason, invocation.reason.replace("_", " ").capitalize())


def _missed(invocation: Invocation) -> str:
    """One row stands for many slots."""
    details = invocation.details or {}
    count = details.get("count", 1)
    told = f"{count:,}" if details.get("exact", True) else f"More than {count:,}"
    passed = "Nothing fired at this time." if told == "1" else f"{told} slots passed while nothing fired."
    return f"{passed} {REASON_WORDS.get(invocation.reason, '')}".rstrip()
