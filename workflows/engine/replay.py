"""The ledger of a run, sorted for `Router.restore`: what each scope has to take in, and what happened first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from workflows.engine.graph import ScopeGraph
from workflows.engine.scopes import TOP, StepPlace, block_of, iteration_of, step_place
from workflows.engine.settling import caught, same_error
from workflows.engine.types import Opening, StepRecord, StepStatus
from workflows.engine.version import CompiledVersion


class Replay:
    """Finished steps by scope, until the router has taken them in; empty for a run that begins.

    ``skips`` are the steps stored as skipped, ``answer`` is the first ``respond`` that completed.
    """

    __slots__ = ("_began", "_failures", "_openings", "_order", "_records", "answer", "skips")

    def __init__(self) -> None:
        self._records: dict[str, list[StepRecord]] = {}
        self._openings: dict[str, Opening] = {}
        self._failures: dict[str, StepRecord] = {}
        self._order: dict[str, int] = {}
        self._began: set[str] = set()
        self.skips: set[str] = set()
        self.answer: StepRecord | None = None

    @classmethod
    def of(
        cls, version: CompiledVersion, finished: Iterable[StepRecord], openings: Mapping[str, Opening]
    ) -> Replay:
        """The ledger of a run of ``version``. Raises ValueError for a step that the version has no place for."""
        replay = cls()
        graphs: dict[str, ScopeGraph | None] = {}
        for key in openings:
            _check(version, key, step_place(key), graphs)
        for record in finished:
            place = step_place(record.key)
            _check(version, record.key, place, graphs)
            replay._sort(version, record, place)
        replay._openings.update(openings)
        replay._order = {key: position for position, key in enumerate(replay._failures)}
        replay._began = _with_outer({*replay._records, *(step_place(key).path for key in openings)})
        return replay

    def _sort(self, version: CompiledVersion, record: StepRecord, place: StepPlace) -> None:
        records = self._records.setdefault(place.path, [])
        if record.status is StepStatus.SKIPPED:
            self.skips.add(record.key)
            return
        records.append(record)
        if record.status is StepStatus.COMPLETED:
            if self.answer is None and version.blocks[place.block].responds:
                self.answer = record
        elif not caught(version, record.key):
            self._failures[record.key] = record

    def take(self, path: str) -> list[StepRecord]:
        """The steps of the scope at ``path``, once."""
        return self._records.pop(path, [])

    def began(self, path: str) -> bool:
        """Whether the ledger knows of anything inside the iteration at ``path``."""
        return path in self._began

    def opening(self, key: str) -> Opening | None:
        """How the container was opened, if it was and has not finished; told once."""
        return self._openings.pop(key, None)

    def before(self, one: StepRecord, other: StepRecord) -> bool:
        """Whether a failure stands before another in the ledger; what happens after the restoring comes last."""
        last = len(self._order)
        return self._order.get(one.key, last) < self._order.get(other.key, last)

    def cause(self, record: StepRecord) -> StepRecord:
        """The innermost failure that a container failed by; the record itself when it failed by its own doing."""
        for failure in self._failures.values():
            if stands_inside(failure.key, record.key) and self._led_to(failure, record):
                return failure
        return record

    def _led_to(self, failure: StepRecord, record: StepRecord) -> bool:
        """Whether nothing between a failed step and the container took the failure, or collected it."""
        step: StepRecord | None = failure
        while step is not None and step.key != record.key:
            if not same_error(step, record):
                return False
            step = self._failures.get(iteration_of(step_place(step.key).path)[0])
        return step is not None

    def forget(self, keep: Collection[str]) -> None:
        """Drop what no container of ``keep`` will ever take in."""
        self._openings = {key: opening for key, opening in self._openings.items() if _inside_any(key, keep)}
        self._records = {path: records for path, records in self._records.items() if _inside_any(path, keep)}


def stands_inside(key: str, container: str) -> bool:
    """Whether a step (or a scope) is in some iteration of the container's step."""
    return key.startswith(f"{container}[")


def _inside_any(key: str, containers: Collection[str]) -> bool:
    return any(stands_inside(key, container) for container in containers)


def _check(
    version: CompiledVersion, key: str, place: StepPlace, graphs: dict[str, ScopeGraph | None]
) -> None:
    path = place.path
    if path not in graphs:
        container = block_of(iteration_of(path)[0]) if path else None
        graphs[path] = version.scopes.get(container)
    graph = graphs[path]
    if graph is None or place.block not in graph.index:
        raise ValueError(f"the ledger holds a step {key!r}, which this version has no block for")


def _with_outer(paths: Iterable[str]) -> set[str]:
    """The paths, and those of all scopes around them."""
    found: set[str] = set()
    for inner in paths:
        path = inner
        while path not in found:
            found.add(path)
            path = step_place(iteration_of(path)[0]).path if path else TOP
    return found
