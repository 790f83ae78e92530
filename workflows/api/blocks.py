"""`/blocks/`: what workflows can be made of, in this install (W3)."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.response import Response

from workflows.blocks.describing import block_described, function_described
from workflows.blocks.functions import functions
from workflows.blocks.registry import block_types
from workspaces.api.access import WorkspaceRequest
from workspaces.api.views import WorkspaceAPIView

BLOCK = inline_serializer(
    name="Block",
    fields={
        "type": serializers.CharField(),
        "title": serializers.CharField(),
        "docs": serializers.CharField(help_text="Markdown."),
        "version": serializers.CharField(help_text="Results of another version are not reused."),
        "package": serializers.CharField(help_text="The Python package it comes from."),
        "entry": serializers.BooleanField(help_text="Runs begin here."),
        "container": serializers.BooleanField(help_text="Other blocks may name it as their parent."),
        "responds": serializers.BooleanField(help_text="Its output is the run's result."),
        "pauses": serializers.BooleanField(help_text="It may wait for a time, a person or another run."),
        "is_async": serializers.BooleanField(),
        "effect": serializers.CharField(help_text="With an empty config."),
        "effects": serializers.ListField(
            child=serializers.CharField(), help_text="All that its configs may have."
        ),
        "effect_docs": serializers.CharField(allow_null=True, help_text="How the config decides; else null."),
        "handles": serializers.ListField(
            child=serializers.CharField(),
            help_text="With an empty config. Every block has the handle error too.",
        ),
        "handles_vary": serializers.BooleanField(help_text="Whether they depend on the config."),
        "handles_docs": serializers.CharField(
            allow_null=True, help_text="How they are found; null when there is only source."
        ),
        "config_docs": serializers.CharField(),
        "config_schema": serializers.JSONField(
            help_text="JSON schema of what a definition holds. x-template and x-expression mark places that take "
            "templates and expressions, x-secrets those that may read secrets, x-roots further names they know."
        ),
        "config_form": serializers.JSONField(
            help_text="The same as a list of fields to draw, in order: name, label, kind (text, long_text, number, "
            "boolean, select, template, expression, list, object, json), required, nullable, default, help, "
            "templates, expressions, secrets; and options, limits, item, fields, variants where they apply."
        ),
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
        "title": serializers.CharField(),
        "docs": serializers.CharField(),
        "version": serializers.CharField(),
        "package": serializers.CharField(),
        "effect": serializers.CharField(),
        "is_async": serializers.BooleanField(),
        "timeout_seconds": serializers.FloatField(
            allow_null=True, help_text="Null: that of the python block."
        ),
        "retry": serializers.JSONField(allow_null=True, help_text="Null: that of the python block."),
        "arguments_schema": serializers.JSONField(),
        "arguments_form": serializers.JSONField(help_text="As config_form; every argument takes templates."),
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
                "results": [block_described(block) for _, block in sorted(block_types().items())],
                "functions": [function_described(found) for _, found in sorted(functions().items())],
                "next": None,
            }
        )
