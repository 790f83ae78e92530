"""Blocks whose effect is in the database: part of the commit of their step (W15, W13)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bed.engine import Engine, counting, engine, worker
from tests.bed.running import Probe, probe
from workflows.models import CacheEntry, Run

__all__ = ["engine", "probe", "worker"]


def caching(key: str, value: Any, **config: Any) -> dict[str, Any]:
    return {
        "key": key,
        "type": "cache",
        "config": {"operation": "set", "key": "k", "value": value, "ttl_seconds": 60, **config},
    }


@pytest.mark.rule("W15")
def test_the_effect_and_its_step_are_one_commit(engine: Engine, probe: Probe) -> None:
    run = engine.run(engine.workflow([caching("keep", "{{ input.v }}"), counting("b")], [("keep", "b")]), v=1)
    assert run.status == "completed"
    assert CacheEntry.objects.get().value == 1


@pytest.mark.rule("W15", "W14")
@pytest.mark.parametrize("after", [False, True])
def test_a_worker_that_dies_there_leaves_both_or_neither(
    engine: Engine,
    probe: Probe,
    after: bool,
) -> None:
    run = engine.start(engine.workflow([caching("keep", 1), counting("b")], [("keep", "b")]))
    engine.dies_at_commit(1, after=after)
    engine.work()
    assert CacheEntry.objects.count() == (1 if after else 0)
    assert ("keep" in engine.outputs(run)) is after
    engine.recover()
    engine.work()
    assert engine.fresh(run).status == "completed"


@pytest.mark.rule("W13", "W15")
def test_a_zombie_has_no_effect(engine: Engine, probe: Probe) -> None:
    run = engine.start(engine.workflow([counting("a"), caching("keep", 1)], [("a", "keep")]))

    def lease_moves(tag: Any, _context: object) -> Any:
        Run.objects.filter(pk=run.pk).update(lease_token=run.pk)
        return tag

    probe.does = lease_moves
    engine.work()
    assert not CacheEntry.objects.exists()


@pytest.mark.rule("W15", "W16")
def test_an_effect_that_raises_is_undone_and_fails_its_step(engine: Engine) -> None:
    """The block writes, and then thinks better of it: nothing of the transaction stays."""
    from workflows.blocks.base import BlockFailed
    from workflows.blocks.cache import Cache
    from workflows.engine.types import ErrorClass

    plain = Cache.run

    def half_done(self: Cache, context: Any, config: Any) -> Any:
        plain(self, context, config)
        raise BlockFailed.because(ErrorClass.VALIDATION, "second_thoughts", "no")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cache, "run", half_done)
        run = engine.run(engine.workflow([caching("keep", 1)]))
    assert (run.status, run.error["code"]) == ("failed", "second_thoughts")
    assert not CacheEntry.objects.exists()


@pytest.mark.rule("F21", "W14")
def test_an_output_above_a_quarter_megabyte_stands_in_a_blob(engine: Engine, probe: Probe) -> None:
    from workflows.models import Blob, Step

    big = "ä" * 300_000
    probe.does = lambda tag, _context: big if tag == "a" else tag
    flow = engine.workflow([counting("a"), counting("b", "{{ blocks.a|length }}")], [("a", "b")])
    run = engine.start(flow)
    engine.dies_at_commit(2)
    engine.work()
    engine.recover()
    engine.work()
    assert engine.fresh(run).result == 300_000
    stored = Step.objects.get(run_id=run.pk, step_key="a")
    assert (stored.output, Blob.objects.get().sha256) == (None, stored.blob_id)
    assert engine.outputs(run)["a"] == big
