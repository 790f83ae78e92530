"""How runs are spoken of on pages: the pill of a status, who started one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from workflows.models import Run
from workflows.states import RunStatus

RUN_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    RunStatus.QUEUED: ("queued", "Queued"),
    RunStatus.RUNNING: ("running", "Running"),
    RunStatus.WAITING: ("waiting", "Waiting"),
    RunStatus.PAUSED: ("paused", "Paused"),
    RunStatus.NEEDS_DECISION: ("paused", "Needs a decision"),
    RunStatus.COMPLETED: ("done", "Done"),
    RunStatus.FAILED: ("failed", "Failed"),
    RunStatus.CANCELLED: ("cancelled", "Cancelled"),
}
"""Status to the pill's colour and word."""

TRIGGER_WORDS: Final[Mapping[str, str]] = {
    "api": "API",
    "cell": "Table",
    "run": "Another run",
    "hook": "Webhook",
    "cli": "Command line",
}


@dataclass(frozen=True, slots=True)
class Pill:
    """A status for people; ``state`` picks the colour and the icon."""

    state: str
    word: str


def pill_of(run: Run) -> Pill:
    """The pill of a run; a paused one says what for."""
    state, word = RUN_WORDS[run.status]
    if run.status == RunStatus.PAUSED and any(wait.get("kind") == "approval" for wait in run.waits_for or ()):
        word = "Waits for approval"
    return Pill(state, word)


def started_by(run: Run) -> str:
    """What started a run, and who, if it was somebody."""
    word = TRIGGER_WORDS.get(run.trigger_kind, run.trigger_kind.replace("_", " ").capitalize())
    return word if run.actor is None else f"{word} · {run.actor.label}"
