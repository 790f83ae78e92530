"""Short ways to draw graphs with loops and parallels, and to drive a router through them."""

from __future__ import annotations

from tests.unit.workflows.factories import TYPES, block, definition
from workflows.engine.router import Advance, ContainerEnd, Router
from workflows.engine.types import Opening, StepRecord, StepStatus
from workflows.engine.version import CompiledVersion, compile_version


def drawn(edges: str = "", **parents: str) -> CompiledVersion:
    """Blocks by key as ``type`` or ``type@container``."""
    blocks = []
    for key, text in parents.items():
        type_, _, parent = text.partition("@")
        blocks.append(block(key, type_, parent=parent or None))
    return compile_version(definition(*blocks, edges=edges), TYPES)


LOOP = drawn("a>b", each="each", a="step@each", b="step@each")
"""A loop over two blocks, one after the other."""


def opened(of: CompiledVersion, opening: Opening, key: str = "each") -> tuple[Router, Advance]:
    """A run whose container was just opened."""
    router = Router(of)
    assert key in router.start().ready
    return router, router.open(key, opening)


def end(advance: Advance) -> ContainerEnd:
    """The only container that has ended."""
    (ended,) = advance.ended
    return ended


def conclude(router: Router, ended: ContainerEnd) -> Advance:
    """Record a container's end, as the executor does."""
    status = StepStatus.COMPLETED if ended.error is None else StepStatus.FAILED
    return router.finish(StepRecord(ended.key, status, None, ended.output, ended.error))
