"""The facts of a run that only grow in number: its statuses, what it reused, its pauses and their ends (W30)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

Fact = tuple[datetime, dict[str, Any]]


class FactRun(Protocol):
    """What the feed reads of a run. ``history`` are the ends that resumes took back, as ``Run.history``."""

    status: str
    epoch: int
    error: Any
    history: Any
    waits_for: Any
    wake_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    resumed_at: datetime | None
    finished_at: datetime | None
    forked_from_id: UUID | None


class FactPause(Protocol):
    """What the feed reads of a pause point."""

    id: UUID
    step_key: str
    round: int
    kind: str
    status: str
    wake_at: datetime | None
    answered_by: Any
    answered_at: datetime | None
    created_at: datetime


def iso(at: datetime) -> str:
    """An instant as the API writes it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def run_facts(run: FactRun, pauses: Sequence[FactPause], reused: Sequence[str]) -> list[Fact]:
    """All of them in the order of time; a later call begins with what an earlier one said."""
    found = [*_statuses(run, reused)]
    for pause in pauses:
        found += _pause_facts(pause)
    return sorted(found, key=lambda fact: fact[0])


def _statuses(run: FactRun, reused: Sequence[str]) -> Iterator[Fact]:
    yield _status(run.created_at, "queued", 0)
    if reused:
        source = str(run.forked_from_id) if run.forked_from_id else None
        event = {"kind": "reused", "id": "reused", "at": iso(run.created_at), "steps": sorted(reused)}
        yield run.created_at, {**event, "source": source}
    if run.started_at is not None:
        yield _status(run.started_at, "running", 0)
    ends: Sequence[dict[str, Any]] = run.history or ()
    at = run.started_at or run.created_at
    for number, end in enumerate(ends):
        if (ended := _instant(end.get("finished_at"))) is not None:
            at = ended
            yield _status(at, str(end.get("status")), number, error=end.get("error"))
        at = _instant(end.get("resumed_at")) or (run.resumed_at if number == len(ends) - 1 else None) or at
        said = {name: end[key] for name, key in (("note", "note"), ("by", "resumed_by")) if end.get(key)}
        yield _status(at, "queued", number + 1, resumed=True, **said)
    if run.finished_at is not None:
        error = {"error": run.error} if run.error is not None else {}
        yield _status(run.finished_at, run.status, len(ends), **error)


def _pause_facts(pause: FactPause) -> Iterator[Fact]:
    base = {"step_key": pause.step_key, "pause": str(pause.id), "pause_kind": pause.kind}
    paused = {"kind": "block_paused", "id": f"paused:{pause.id}", "at": iso(pause.created_at), **base}
    yield pause.created_at, {**paused, "wake_at": pause.wake_at and iso(pause.wake_at)}
    if pause.answered_at is not None:
        over = {"kind": "block_answered", "id": f"answered:{pause.id}", "at": iso(pause.answered_at), **base}
        yield pause.answered_at, {**over, "outcome": pause.status, "by": pause.answered_by}


def _status(at: datetime, status: str, epoch: int, **more: Any) -> Fact:
    event = {"kind": "run_status", "id": f"status:{status}:{epoch}", "at": iso(at), "status": status}
    return at, {**event, **more}


def _instant(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
