"""A run's history as ordered events, worked out of its rows; none is stored for it (W30, W29).

Kinds, and what they carry beside ``kind``, ``at`` (aware UTC), ``id`` and ``seq``:

``run_status`` status, error?, note? · ``reused`` steps, source · ``block_started`` n · ``block_completed`` handle,
duration_ms · ``block_failed`` error, n? · ``block_retried`` error, n · ``block_skipped`` why {code, block, handle},
message · ``block_paused`` pause, pause_kind, wake_at · ``block_answered`` pause, outcome, by · ``block_unknown``

Those of a block carry ``step_key``. Live only, never here: ``progress`` and ``chunk``. The start of a block that is
under way is known here only if it may not be sent twice, or waits; the others are told live.

``seq`` is opaque: *after it* means everything recorded since, whatever the clocks of those who recorded it say. It
names how much of each source was told: facts of the run and its pauses (they only grow), the ledger's steps by their
number, its attempts by theirs. What merely stands as it is (a block under way, a parked run) comes last, moves no
``seq`` and may be told again; ``id`` is the same then.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from workflows.engine.feed_facts import FactPause, FactRun, iso, run_facts
from workflows.engine.scopes import step_key, step_place

OPEN: Final = frozenset({"running", "waiting"})
Event = dict[str, Any]
EdgeRow = tuple[str, str, str]
"""From block, handle, to block."""


class FeedStep(Protocol):
    """What the feed reads of a step."""

    step_key: str
    status: str
    handle: str
    error: Any
    cached_from: UUID | None
    seq: int
    started_at: datetime | None
    finished_at: datetime | None


class FeedAttempt(Protocol):
    """What the feed reads of an attempt."""

    id: int
    step_key: str
    epoch: int
    n: int
    error: Any
    started_at: datetime
    finished_at: datetime | None


class Cursor(NamedTuple):
    """How much of each source has been told."""

    facts: int = 0
    steps: int = 0
    attempts: int = 0

    def text(self) -> str:
        """The cursor as clients see it."""
        return f"{self.facts}.{self.steps}.{self.attempts}"


@dataclass(frozen=True, slots=True)
class _Told:
    """Events that come together, when, and the source's number that is told with them."""

    at: datetime
    source: str
    number: int
    events: tuple[Event, ...]


def cursor_read(text: str) -> Cursor:
    """Read a ``seq``. Raises ValueError for what is none of ours."""
    parts = text.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        raise ValueError("no place in a run's feed")
    return Cursor(*map(int, parts))


def feed_of(
    run: FactRun,
    steps: Sequence[FeedStep],
    attempts: Sequence[FeedAttempt],
    pauses: Sequence[FactPause],
    *,
    edges: Sequence[EdgeRow] = (),
    after: Cursor | None = None,
) -> list[Event]:
    """The events of a run after a place, in order. Rows are the run's whole ledger, outputs and inputs not needed."""
    known = Cursor() if after is None else after
    place = known
    found: list[Event] = []
    sources = (
        _facts(run, steps, pauses, known.facts),
        _steps(run, steps, edges, known.steps),
        _attempts(run, steps, attempts, known.attempts),
    )
    for told in heapq.merge(*map(_in_order, sources), key=lambda one: one.at):
        place = place._replace(**{told.source: told.number})
        found += [{**event, "seq": place.text()} for event in told.events]
    if found or after is None:
        found += [{**event, "seq": place.text()} for event in _standing(run, steps)]
    return found


def skip_reason(key: str, edges: Sequence[EdgeRow], steps: Mapping[str, FeedStep]) -> tuple[Event, str]:
    """Why a block was skipped, as ``{code, block, handle}`` and in words: the edges that died (W8)."""
    path, block = step_place(key)
    reasons = [
        reason
        for source, handle, target in edges
        if target == block and (reason := _dead(steps.get(step_key(path, source)), source, handle))
    ]
    order = ("not_chosen", "failed", "succeeded", "skipped")
    code, source, handle = min(
        reasons, key=lambda one: order.index(one[0]), default=("not_reached", None, None)
    )
    words = {
        "not_chosen": f"{source} chose {handle}",
        "failed": f"{source} failed",
        "succeeded": f"{source} did not fail",
        "skipped": f"{source} was skipped",
        "not_reached": "nothing led to it",
    }
    return {"code": code, "block": source, "handle": handle}, words[code]


def _dead(step: FeedStep | None, source: str, handle: str) -> tuple[str, str, str] | None:
    if step is None:
        return None
    if step.status == "skipped":
        return ("skipped", source, handle)
    if step.status == "failed":
        return None if handle == "error" else ("failed", source, "error")
    if step.status != "completed" or (step.handle or "source") == handle:
        return None
    return ("succeeded" if handle == "error" else "not_chosen", source, step.handle or "source")


def _in_order(told: Iterable[_Told]) -> Iterator[_Told]:
    """Each source keeps its own order, even where a clock was set back."""
    latest: datetime | None = None
    for one in told:
        latest = one.at if latest is None or one.at > latest else latest
        yield _Told(latest, one.source, one.number, one.events)


def _facts(
    run: FactRun, steps: Sequence[FeedStep], pauses: Sequence[FactPause], known: int
) -> Iterator[_Told]:
    reused = [step.step_key for step in steps if step.cached_from is not None]
    for number, (at, event) in enumerate(run_facts(run, pauses, reused), 1):
        if number > known:
            yield _Told(at, "facts", number, (event,))


def _steps(run: FactRun, steps: Sequence[FeedStep], edges: Sequence[EdgeRow], known: int) -> Iterator[_Told]:
    """Steps in the order in which they were recorded; skipped ones, which took no time, with the one before."""
    by_key = {step.step_key: step for step in steps}
    at = run.started_at or run.created_at
    for step in sorted((step for step in steps if step.seq), key=lambda step: step.seq):
        at = (None if step.cached_from else step.finished_at or step.started_at) or at
        if step.seq > known and step.cached_from is None:
            yield _Told(at, "steps", step.seq, tuple(_step_events(step, at, edges, by_key)))


def _step_events(
    step: FeedStep, at: datetime, edges: Sequence[EdgeRow], steps: Mapping[str, FeedStep]
) -> Iterator[Event]:
    base = {"step_key": step.step_key, "at": iso(at)}
    if step.status == "pending":
        return  # a resume put it back; what it was is told by its attempts
    if step.status == "skipped":
        why, message = skip_reason(step.step_key, edges, steps)
        yield {
            "kind": "block_skipped",
            "id": f"skipped:{step.step_key}",
            **base,
            "why": why,
            "message": message,
        }
        return
    if step.started_at is not None:
        yield _started(step.step_key, step.started_at)
    if step.status == "completed":
        took = (at - step.started_at).total_seconds() * 1000 if step.started_at else None
        yield {
            "kind": "block_completed",
            "id": f"completed:{step.step_key}",
            **base,
            "handle": step.handle or "source",
            "duration_ms": None if took is None else round(took, 1),
        }
    elif step.status == "failed":
        yield {
            "kind": "block_failed",
            "id": f"failed:{step.step_key}:{step.seq}",
            **base,
            "error": step.error,
        }
    elif step.status == "unknown":
        yield {
            "kind": "block_unknown",
            "id": f"unknown:{step.step_key}:{step.seq}",
            **base,
            "error": step.error,
        }


def _attempts(
    run: FactRun, steps: Sequence[FeedStep], attempts: Sequence[FeedAttempt], known: int
) -> Iterator[_Told]:
    """Tries that failed: the last of an epoch that a resume took back failed its step, any other was tried again."""
    last = {(attempt.step_key, attempt.epoch): attempt.id for attempt in attempts}
    failed = {step.step_key for step in steps if step.status in {"failed", "unknown"}}
    for attempt in sorted(attempts, key=lambda attempt: attempt.id):
        if attempt.id <= known or attempt.error is None:
            continue
        is_last = last[attempt.step_key, attempt.epoch] == attempt.id
        if is_last and attempt.epoch == run.epoch and attempt.step_key in failed:
            continue  # its step says so
        kind = "block_failed" if is_last and attempt.epoch < run.epoch else "block_retried"
        at = attempt.finished_at or attempt.started_at
        event = {
            "kind": kind,
            "id": f"attempt:{attempt.id}",
            "at": iso(at),
            "step_key": attempt.step_key,
            "n": attempt.n,
            "error": attempt.error,
        }
        yield _Told(at, "attempts", attempt.id, (event,))


def _standing(run: FactRun, steps: Sequence[FeedStep]) -> Iterator[Event]:
    for step in steps:
        if step.status in OPEN and step.seq == 0 and step.started_at is not None:
            yield _started(step.step_key, step.started_at)
    if run.status in {"waiting", "paused", "needs_decision"}:
        event: Event = {"kind": "run_status", "id": f"status:{run.status}", "at": None, "status": run.status}
        yield {**event, "wake_at": run.wake_at and iso(run.wake_at), "waits_for": run.waits_for or []}


def _started(key: str, at: datetime) -> Event:
    return {"kind": "block_started", "id": f"started:{key}", "at": iso(at), "step_key": key, "n": 1}
