"""The cache block: kept per workspace, for a time, within the transaction of its step."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models.functions import Now

from tests.integration.workflows.people import workspace_of
from tests.unit.workflows_blocks.conftest import context, run_block
from workflows.blocks.base import BlockFailed, BlockResult
from workflows.blocks.registry import block_types
from workflows.engine.types import Effect
from workflows.models import CacheEntry
from workspaces.models import Workspace


def cache(workspace: Workspace, operation: str, key: str = "k", **config: Any) -> BlockResult:
    where = context()
    where.workspace_id = workspace.pk
    result: BlockResult = run_block(
        block_types()["cache"], {"operation": operation, "key": key, **config}, where
    )
    return result


@pytest.mark.rule("W15")
def test_a_look_up_has_two_ways_and_a_change_one() -> None:
    block = block_types()["cache"]
    assert block.effect({}) is Effect.DATABASE
    assert block.handles({"operation": "get"}) == block.handles({}) == {"hit", "miss"}
    assert block.handles({"operation": "set"}) == block.handles({"operation": []}) == {"source"}


@pytest.mark.rule("W3")
def test_the_example_gives_what_it_says(workspace: Workspace) -> None:
    example = block_types()["cache"].example
    result = cache(workspace, "get", "licence of left-pad")
    assert (result.output, result.handle) == (example.output, example.handle)


@pytest.mark.parametrize("value", [{"a": [1, None]}, None, "text", 0, False])
def test_what_was_kept_is_found_until_it_is_forgotten(workspace: Workspace, value: Any) -> None:
    assert cache(workspace, "get").handle == "miss"
    assert cache(workspace, "set", value=value).output == {"value": value}
    found = cache(workspace, "get")
    assert (found.handle, found.output) == ("hit", {"hit": True, "value": value})
    assert cache(workspace, "delete").output == {"deleted": True}
    assert cache(workspace, "delete").output == {"deleted": False}
    assert cache(workspace, "get").output == {"hit": False, "value": None}


def test_a_later_value_takes_the_place_and_the_time_of_an_earlier(workspace: Workspace) -> None:
    cache(workspace, "set", value=1, ttl_seconds=1)
    cache(workspace, "set", value=2, ttl_seconds=1_000)
    entry = CacheEntry.objects.get()
    assert cache(workspace, "get").output["value"] == 2
    assert entry.expires_at - entry.created_at == timedelta(seconds=1_000)


@pytest.mark.rule("S9")
def test_another_workspace_sees_nothing_of_it(workspace: Workspace) -> None:
    other = workspace_of("lin")
    cache(workspace, "set", value="ours")
    assert cache(other, "get").handle == "miss"
    assert cache(other, "delete").output == {"deleted": False}
    cache(other, "set", value="theirs")
    assert cache(workspace, "get").output["value"] == "ours"


def test_what_has_expired_is_not_there_and_is_taken_away_in_passing(workspace: Workspace) -> None:
    cache(workspace, "set", value=1)
    cache(workspace, "set", "other", value=2)
    CacheEntry.objects.filter(key="k").update(expires_at=Now())
    assert cache(workspace, "get").handle == "miss"
    assert cache(workspace, "delete").output == {"deleted": False}
    cache(workspace, "set", "third", value=3)
    assert sorted(CacheEntry.objects.values_list("key", flat=True)) == ["other", "third"]


def test_an_expired_key_can_be_kept_again(workspace: Workspace) -> None:
    cache(workspace, "set", value=1)
    CacheEntry.objects.update(expires_at=Now())
    cache(workspace, "set", value=2)
    assert cache(workspace, "get").output["value"] == 2


@pytest.mark.rule("W14", "W15")
def test_a_step_that_is_not_recorded_kept_nothing(workspace: Workspace) -> None:
    def step_refused() -> None:
        with transaction.atomic():
            cache(workspace, "set", value=1)
            raise KeyError

    with pytest.raises(KeyError):
        step_refused()
    assert cache(workspace, "get").handle == "miss"


@pytest.mark.rule("F21", "F23")
@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"value": "x" * 262_144}, "output_too_large"),
        ({"value": float("nan")}, "bad_output"),
        ({"key": ""}, "bad_config"),
        ({"key": "x" * 1_001}, "bad_config"),
        ({"key": "a\0"}, "bad_config"),
        ({"ttl_seconds": 0}, "bad_config"),
    ],
)
def test_what_cannot_be_kept_says_why(workspace: Workspace, config: dict[str, Any], code: str) -> None:
    with pytest.raises(BlockFailed) as failure:
        cache(workspace, "set", **config)
    assert failure.value.error.code == code
    assert not CacheEntry.objects.exists()


def test_long_keys_that_begin_alike_are_different(workspace: Workspace) -> None:
    cache(workspace, "set", "x" * 999 + "a", value=1)
    assert cache(workspace, "get", "x" * 999 + "b").handle == "miss"
