"""`/blocks/`: what workflows can be made of, in this install."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.response import Response

from workflows.blocks.base import Block
from workflows.blocks.functions import Function, functions
from workflows.blocks.registry import block_types
from workflows.engine.types import RetryPolicy
from workspaces.api.access import WorkspaceRequest
from workspaces.api.views import WorkspaceAPIView

BLOCK = inline_serializer(
    name="Block",
    fields={
        "type": serializers.CharField(),
        "title": serializers.CharField(),
        "docs": serializers.CharField(),
        "effect": serializers.CharField(help_text="With an empty config; it may depend on the config."),
        "handles": serializers.ListField(child=serializers.CharField()),
        "entry": serializers.BooleanField(),
        "container": serializers.BooleanField(),
        "responds": serializers.BooleanField(),
        "config_schema": serializers.JSONField(),
        "output_schema": serializers.JSONField(),
        "default_timeout_seconds": serializers.FloatField(allow_null=True),
        "default_retry": serializers.JSONField(allow_null=True),
        "example": serializers.JSONField(),
    },
)
FUNCTION = inline_serializer(
    name="Function",
    fields={
        "name": serializers.CharField(),
        "docs": serializers.CharField(),
        "effect": serializers.CharField(),
        "arguments_schema": serializers.JSONField(),
    },
)
BLOCKS = inline_serializer(
    name="Blocks",
    fields={
        "results": serializers.ListField(child=BLOCK),
        "functions": serializers.ListField(child=FUNCTION),
        "next": serializers.CharField(allow_null=True),
    },
)


class BlocksView(WorkspaceAPIView):
    """Block types, and the Python functions that `python` blocks may call."""

    @extend_schema(responses=BLOCKS)
    def get(self, request: WorkspaceRequest) -> Response:
        """All of them, by name."""
        return Response(
            {
                "results": [_block(block) for _, block in sorted(block_types().items())],
                "functions": [_function(found) for _, found in sorted(functions().items())],
                "next": None,
            }
        )


def _block(block: Block[Any]) -> dict[str, Any]:
    return {
        "type": block.name,
        "title": block.title,
        "docs": block.docs,
        "effect": str(block.effect({})),
        "handles": sorted(block.handles({})),
        "entry": block.entry,
        "container": block.container,
        "responds": block.responds,
        "config_schema": block.config_model.model_json_schema(),
        "output_schema": dict(block.output_schema),
        "default_timeout_seconds": block.default_timeout_seconds,
        "default_retry": None if block.default_retry is None else _retry(block.default_retry),
        "example": {"config": dict(block.example.config), "input": dict(block.example.input)},
    }


def _retry(policy: RetryPolicy) -> dict[str, Any]:
    return {
        "max_attempts": policy.max_attempts,
        "kind": str(policy.kind),
        "delay_seconds": policy.delay_seconds,
        "cap_seconds": policy.cap_seconds,
        "jitter": policy.jitter,
        "retry_on": sorted(map(str, policy.retry_on)),
    }


def _function(found: Function) -> dict[str, Any]:
    return {
        "name": found.name,
        "docs": found.docs,
        "effect": str(found.effect),
        "arguments_schema": found.arguments.model_json_schema(),
    }
