"""An executor's run without a database: a version compiled on the spot, and a sink that remembers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from workflows.blocks.registry import block_types
from workflows.engine.definition import parse_definition
from workflows.engine.version import compile_version
from workflows.services.ledger import Commit, RunEnd, RunWrite, StepWrite
from workflows.services.live import LiveRun, live_run


class MemorySink:
    """Keeps every commit; refuses, loses and breaks as told."""

    def __init__(self) -> None:
        self.commits: list[list[RunWrite]] = []
        self.refuses: Callable[[RunWrite], bool] = lambda _write: False
        self.loses: set[UUID] = set()
        self.breaks: BaseException | None = None

    def commit(self, writes: Sequence[RunWrite]) -> Commit:
        """Take in what is said."""
        if self.breaks is not None:
            raise self.breaks
        refused = {write.run_id for write in writes if self.refuses(write)}
        self.commits.append([write for write in writes if write.run_id not in refused])
        return Commit(refused=refused)

    def lost(self, leases: Sequence[tuple[UUID, UUID]]) -> set[UUID]:
        """Those of ``loses``."""
        return {run for run, _ in leases} & self.loses

    def tell(self, run_id: UUID, step_key: str, kind: str, value: Any) -> None:
        """Nobody watches."""

    @property
    def writes(self) -> list[RunWrite]:
        """All of them, in order."""
        return [write for commit in self.commits for write in commit]

    def steps(self) -> dict[str, StepWrite]:
        """The last record of each step."""
        return {step.key: step for write in self.writes for step in write.steps}

    def end(self) -> RunEnd:
        """How the only run ended."""
        (found,) = [write.end for write in self.writes if write.end is not None]
        return found


def live(
    blocks: Sequence[Mapping[str, Any]],
    edges: Sequence[tuple[str, str] | tuple[str, str, str]] = (),
    *,
    given: Mapping[str, Any] | None = None,
    deadline_seconds: float | None = None,
) -> LiveRun:
    """A run at its beginning. Edges are ``(from, to)`` or ``(from, handle, to)``."""
    drawn = [
        {"from": edge[0], "to": edge[-1], "handle": edge[1] if len(edge) == 3 else "source"} for edge in edges
    ]
    definition, faults = parse_definition(
        {"blocks": [{"config": {}, **block} for block in blocks], "edges": drawn}
    )
    assert not faults, faults
    return live_run(
        run_id=uuid4(),
        workspace_id=uuid4(),
        compiled=compile_version(definition, block_types()),
        lease_token=uuid4(),
        given=given or {},
        deadline_seconds=deadline_seconds,
    )
