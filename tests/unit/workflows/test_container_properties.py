"""Random graphs of containers inside containers: router and fold agree after every event, restored at any (W9, W10)."""

from __future__ import annotations

import pytest

from tests.unit.workflows.container_stories import World
from workflows.engine.router import Router
from workflows.engine.routing import fold
from workflows.engine.scopes import iteration_of, step_place
from workflows.engine.types import StepStatus
from workflows.states import RunStatus

pytestmark = pytest.mark.rule("W7", "W8", "W9", "W10", "W11")

STORIES_EACH = 210


@pytest.mark.parametrize("part", range(10))
def test_router_and_fold_agree_whatever_happens(part: int) -> None:
    for seed in range(part * STORIES_EACH, (part + 1) * STORIES_EACH):
        try:
            play(World.of(seed))
        except Exception as error:
            raise AssertionError(f"story {seed}") from error


def play(world: World) -> None:
    """To the end, whatever happens on the way; a run that failed is then resumed."""
    check(world)
    while not world.router.done:
        move(world)
        check(world)
    if world.router.outcome is RunStatus.FAILED:
        play_on(world)


def play_on(world: World) -> None:
    """A resumed run completes, and executes nothing that had finished (W14, W22)."""
    finished = {key for key, record in world.ledger.items() if record.status is not StepStatus.FAILED}
    world.executed.clear()
    world.resume()
    check(world)
    while not world.router.done:
        world.step()
        check(world)
    assert world.router.outcome is RunStatus.COMPLETED
    assert len(world.executed) == len(set(world.executed))
    assert not finished & set(world.executed)


def move(world: World) -> None:
    roll = world.random.random()
    if roll < 0.01:
        world.cancel()
    elif roll < 0.06 and not world.cancelling:
        world.restart()
    else:
        world.step()


def check(world: World) -> None:
    router = world.router
    now = fold(
        world.version,
        world.ledger,
        world.openings,
        router.in_flight,
        answers=world.answers,
        cancelling=world.cancelling,
        only=world.only,
    )
    assert now.ready == ()
    assert sorted(now.asks) == sorted(world.asks)
    assert by_key(now.ended) == by_key(world.ended)
    assert set(now.skipped) == told_skips(world)
    assert (now.done, now.outcome) == (router.done, router.outcome)
    assert (now.first_error, now.failed_block) == (router.first_error, router.failed_block)
    assert now.result == router.result
    if world.random.random() < 0.3:
        check_restored(world)


def check_restored(world: World) -> None:
    """A router made of the ledger alone goes on with what the fold says, and with what was under way."""
    idle = fold(world.version, world.ledger, world.openings, only=world.only)
    router, advance = Router.restore(world.version, world.ledger.values(), world.openings, world.only)
    assert sorted(advance.ready) == sorted(idle.ready)
    assert sorted(advance.skipped) == sorted(idle.skipped)
    assert sorted(advance.asks) == sorted(idle.asks)
    assert by_key(advance.ended) == by_key(idle.ended)
    assert (router.done, router.outcome, router.result) == (idle.done, idle.outcome, idle.result)
    assert (router.first_error, router.failed_block) == (idle.first_error, idle.failed_block)
    awaited = any(map(world.router.stopped, world.router.in_flight))  # not redone: their scope has failed
    if not (awaited or world.router.stopping or world.withdrawn or any(world.answers.values())):
        assert router.in_flight == world.router.in_flight


def by_key(ended: object) -> dict[str, object]:
    return {end.key: end for end in ended}  # type: ignore[attr-defined]


def told_skips(world: World) -> set[str]:
    """The skips that were told, but for those inside containers that have finished or were given up."""
    return {
        key
        for key, record in world.ledger.items()
        if record.status is StepStatus.SKIPPED and stands_open(world, key)
    }


def stands_open(world: World, key: str) -> bool:
    path = step_place(key).path
    while path:
        container, _ = iteration_of(path)
        if container in world.ledger or container not in world.openings:
            return False
        path = step_place(container).path
    return True


def test_stories_are_of_every_kind() -> None:
    """What the stories are worth: deep ones, failing ones, cancelled and held back ones are among them."""
    outcomes: dict[object, int] = {}
    deepest = 0
    for seed in range(120):
        world = World.of(seed)
        while not world.router.done:
            move(world)
        outcomes[world.router.outcome] = outcomes.get(world.router.outcome, 0) + 1
        deepest = max(deepest, *(key.count("[") for key in world.ledger), 0)
    assert deepest >= 3
    assert all(
        outcomes[outcome] > 5 for outcome in (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED)
    )
