"""Random graphs with random outcomes: the router, the fold and a slow, obviously right reference agree (W9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.workflows.factories import TYPES, block, done, failed
from workflows.engine.router import Router
from workflows.engine.routing import fold
from workflows.engine.types import Definition, Edge, StepRecord, StepStatus
from workflows.engine.version import CompiledVersion, compile_version

HANDLES = {"step": ("source",), "decide": ("yes", "no"), "respond": ("source",), "start": ("source",)}

pytestmark = pytest.mark.rule("W7", "W8", "W9", "W11")


@dataclass(frozen=True)
class Story:
    """A version, how each block would end, in which order blocks end, and when a person cancels."""

    version: CompiledVersion
    edges: tuple[Edge, ...]
    endings: tuple[StepRecord, ...]
    turns: tuple[int, ...]
    cancel_after: int


@st.composite
def stories(draw: st.DrawFn) -> Story:
    count = draw(st.integers(1, 9))
    rolls = draw(st.lists(st.integers(0, 999), min_size=count, max_size=count))
    types = ["decide" if roll % 4 == 0 else "respond" if roll % 16 == 1 else "step" for roll in rolls]
    if rolls[0] % 3 == 0:
        types[0] = "start"
    pairs = draw(
        st.lists(st.tuples(st.integers(0, count), st.integers(0, count), st.integers(0, 2)), max_size=24)
    )
    edges = tuple(
        Edge(
            f"b{source}",
            (*HANDLES[types[source]], "error")[port % (len(HANDLES[types[source]]) + 1)],
            f"b{target}",
        )
        for source, target, port in pairs
        if source < target < count
    )
    blocks = tuple(block(f"b{i}", type_) for i, type_ in enumerate(types))
    endings = tuple(ending(f"b{i}", types[i], roll // 16) for i, roll in enumerate(rolls))
    turns = tuple(draw(st.lists(st.integers(0, 8), min_size=count, max_size=count)))
    return Story(
        compile_version(Definition(blocks, edges), TYPES), edges, endings, turns, draw(st.integers(0, 30))
    )


def ending(key: str, type_: str, roll: int) -> StepRecord:
    if roll % 5 == 0:
        return failed(key, f"{key} failed")
    return done(key, HANDLES[type_][roll % len(HANDLES[type_])], output=key)


def reference(story: Story, finished: Mapping[str, StepRecord]) -> tuple[set[str], set[str]]:
    """Ready and skipped blocks by the words of W7 and W8, repeated until nothing changes any more."""
    graph = story.version.root
    entries = {graph.keys[i] for i in graph.entries}
    edges = set(story.edges)
    skipped: set[str] = set()

    def caught(key: str) -> bool:
        return any(edge.source == key and edge.handle == "error" for edge in edges)

    def live(edge: Edge) -> bool:
        record = finished.get(edge.source)
        if record is None:
            return False
        return edge.handle == ("error" if record.status is StepStatus.FAILED else record.handle)

    def dead(edge: Edge) -> bool:
        record = finished.get(edge.source)
        if record is None:
            return edge.source in skipped
        return not live(edge) and (record.status is StepStatus.COMPLETED or caught(edge.source))

    while True:
        undecided = [
            key for key in graph.keys if key not in finished and key not in skipped and key not in entries
        ]
        fresh = {key for key in undecided if all(dead(edge) for edge in edges if edge.target == key)}
        if not fresh:
            break
        skipped |= fresh
    ready = {
        key
        for key in graph.keys
        if key not in finished
        and key not in skipped
        and (
            key in entries
            or (
                all(live(edge) or dead(edge) for edge in edges if edge.target == key)
                and any(live(edge) for edge in edges if edge.target == key)
            )
        )
    }
    if any(record.status is StepStatus.FAILED and not caught(key) for key, record in finished.items()):
        ready = set()
    return ready, skipped


@settings(max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(stories())
def test_router_fold_and_reference_agree_at_every_step(story: Story) -> None:
    router = Router(story.version)
    told = list(router.start().skipped)
    endings = {record.key: record for record in story.endings}
    for number, turn in enumerate((*story.turns, 0)):
        compare(story, router, told)
        if router.done:
            break
        if number == story.cancel_after:
            router.cancel()
        key = sorted(router.in_flight)[turn % len(router.in_flight)]
        told += router.finish(endings[key]).skipped
    assert router.done
    assert len(told) == len(set(told))


def compare(story: Story, router: Router, told: list[str]) -> None:
    cancelling = story.cancel_after < len(router.finished)
    now = fold(story.version, router.finished, in_flight=router.in_flight, cancelling=cancelling)
    assert now.ready == ()
    assert set(now.skipped) == set(told)
    assert now.done is router.done
    assert (now.outcome, now.first_error, now.result) == (router.outcome, router.first_error, router.result)

    idle = fold(story.version, router.finished)
    ready, skipped = reference(story, router.finished)
    assert (set(idle.ready), set(idle.skipped)) == (ready, skipped)
    if not router.stopping:
        assert ready == router.in_flight

    restored, advance = Router.restore(story.version, router.finished.values())
    assert (set(advance.ready), set(advance.skipped)) == (ready, skipped)
    assert restored.first_error == router.first_error


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(stories(), st.randoms(use_true_random=False))
def test_the_order_of_the_ledger_does_not_matter_for_what_comes_next(story: Story, random: object) -> None:
    records = list(story.endings[: len(story.endings) // 2])
    before = fold(story.version, {record.key: record for record in records})
    random.shuffle(records)  # type: ignore[attr-defined]
    after = fold(story.version, {record.key: record for record in records})
    assert (before.ready, before.skipped, before.outcome) == (after.ready, after.skipped, after.outcome)
