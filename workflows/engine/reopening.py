"""What a resume takes back of a failed run (W22): pure.

A failure that an error edge took, or that a parallel collected, stands: the run went on from it. One that nothing took
is reopened, and with it the container it failed, so that the run goes on where it stopped. Steps that were interrupted
are reopened too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from workflows.engine.scopes import TOP, block_of, iteration_of, step_place
from workflows.engine.settling import taken_handle
from workflows.engine.types import StepRecord, StepStatus
from workflows.engine.version import CompiledVersion

_BROKEN_OFF: Final = frozenset({StepStatus.UNKNOWN, StepStatus.RUNNING})


def reopened(version: CompiledVersion, records: Iterable[StepRecord]) -> frozenset[str]:
    """The step keys to put back, containers that go on included; of blocks the version does not have, none."""
    by_scope: dict[str, list[StepRecord]] = defaultdict(list)
    scopes: dict[str, list[str]] = defaultdict(list)
    for record in records:
        place = step_place(record.key)
        if place.block in version.blocks:
            if place.path and place.path not in by_scope:
                scopes[iteration_of(place.path)[0]].append(place.path)
            by_scope[place.path].append(record)
    found: set[str] = set()
    left = [TOP]
    while left:
        for record in by_scope.get(left.pop(), ()):
            if _is_open(version, record):
                found.add(record.key)
                left += _iterations(record.key, scopes)
    return frozenset(found)


def _is_open(version: CompiledVersion, record: StepRecord) -> bool:
    """Whether nothing went on from this step: it was interrupted, or failed with no edge to take."""
    if record.status in _BROKEN_OFF:
        return True
    if record.status is not StepStatus.FAILED:
        return False
    parent = version.blocks[block_of(record.key)].spec.parent
    return taken_handle(version.scopes[parent], record) is None


def _iterations(container: str, scopes: Mapping[str, list[str]]) -> list[str]:
    return scopes.get(container, [])
