"""`cache`: keep a value under a key, for every run of the workspace."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Final, Literal

from django.db.models import QuerySet
from django.db.models.functions import Now
from pydantic import AfterValidator, Field, StringConstraints

from workflows.blocks.base import Block, BlockConfig, BlockContext, BlockFailed, BlockResult, Example
from workflows.blocks.registry import register
from workflows.engine.fields import Template
from workflows.engine.outputs import clean_output
from workflows.engine.types import SOURCE_HANDLE, BlockError, Effect
from workflows.models import CacheEntry

MOST_VALUE_BYTES: Final = 256 * 1024
LONGEST_SECONDS: Final = 366 * 86_400
REMOVED_AT_ONCE: Final = 100
"""Expired entries that keeping a new one takes away: more than it adds, and few enough to cost nothing."""


def _storable(key: str) -> str:
    cleaned = clean_output(key, MOST_VALUE_BYTES)
    if cleaned != key:
        raise ValueError("the key holds characters that cannot be stored")
    return key


Key = Annotated[str, StringConstraints(min_length=1, max_length=1_000), AfterValidator(_storable)]


class CacheConfig(BlockConfig):
    """``value`` and ``ttl_seconds`` (an hour) are for ``set`` alone."""

    operation: Literal["get", "set", "delete"] = "get"
    key: Annotated[Key, Template()]
    value: Annotated[Any, Template()] = None
    ttl_seconds: Annotated[int, Field(ge=1, le=LONGEST_SECONDS), Template()] = 3_600


@register
class Cache(Block[CacheConfig]):
    """Keeps values by key for a time, shared by all runs of the workspace.

    ``get`` goes on by ``hit`` with ``{hit: true, value}``, or by ``miss``. ``set`` keeps ``value`` for
    ``ttl_seconds``, in place of what was there; ``delete`` forgets it. A value has 256 KiB at most.
    """

    name = "cache"
    title = "Cache"
    config_model = CacheConfig
    effect_class = Effect.DATABASE
    default_timeout_seconds = 10.0
    output_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "properties": {"hit": {"type": "boolean"}, "deleted": {"type": "boolean"}, "value": {}},
    }
    example = Example(
        config={"operation": "get", "key": "licence of {{ input.name }}"},
        input={"name": "left-pad"},
        output={"hit": False, "value": None},
        handle="miss",
    )

    def handles(self, config: Mapping[str, Any]) -> frozenset[str]:
        """A look-up has two ways on, a change one."""
        is_lookup = config.get("operation", "get") == "get"
        return frozenset({"hit", "miss"}) if is_lookup else frozenset({SOURCE_HANDLE})

    def run(self, context: BlockContext, config: CacheConfig) -> BlockResult:
        """Look up, keep or forget, in the transaction that records the step."""
        entries = CacheEntry.objects.filter(workspace_id=context.workspace_id)
        key_hash = hashlib.sha256(config.key.encode()).hexdigest()
        if config.operation == "get":
            return _looked_up(entries.filter(key_hash=key_hash))
        if config.operation == "delete":
            live = entries.filter(key_hash=key_hash, expires_at__gt=Now())
            return BlockResult({"deleted": bool(live.delete()[0])})
        _remove_expired(entries)
        _keep(context, config, key_hash)
        return BlockResult({"value": config.value})


def _looked_up(entries: QuerySet[CacheEntry]) -> BlockResult:
    found = entries.filter(expires_at__gt=Now()).values_list("value", flat=True)[:1]
    for value in found:
        return BlockResult({"hit": True, "value": value}, handle="hit")
    return BlockResult({"hit": False, "value": None}, handle="miss")


def _keep(context: BlockContext, config: CacheConfig, key_hash: str) -> None:
    value = clean_output(config.value, MOST_VALUE_BYTES)
    if isinstance(value, BlockError):
        raise BlockFailed(value)
    entry = CacheEntry(
        workspace_id=context.workspace_id,
        key_hash=key_hash,
        key=config.key,
        value=value,
        expires_at=Now() + timedelta(seconds=config.ttl_seconds),
        created_at=Now(),
    )
    CacheEntry.objects.bulk_create(
        [entry],
        update_conflicts=True,
        unique_fields=["workspace", "key_hash"],
        update_fields=["value", "expires_at", "created_at"],
    )


def _remove_expired(entries: QuerySet[CacheEntry]) -> None:
    """A few entries of the workspace whose time is over; those that somebody else is writing are left to them."""
    expired = entries.filter(expires_at__lte=Now()).select_for_update(skip_locked=True)
    gone = list(expired.values_list("pk", flat=True)[:REMOVED_AT_ONCE])
    if gone:
        CacheEntry.objects.filter(pk__in=gone).delete()
