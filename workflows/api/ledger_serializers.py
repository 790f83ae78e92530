"""What a run's steps, attempts and events look like on the wire (W30)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from workflows.engine.scopes import step_place
from workspaces.api.serializers import StrictSerializer, UtcDateTimeField


class StepFilterSerializer(StrictSerializer):
    """Which steps, and how much of them."""

    step = serializers.CharField(required=False, max_length=512)
    brief = serializers.BooleanField(default=False)


class AttemptSerializer(serializers.Serializer[Any]):
    """One try of a step: what went in, redacted, and what went wrong."""

    epoch = serializers.IntegerField()
    n = serializers.IntegerField()
    input = serializers.JSONField(allow_null=True)
    error = serializers.JSONField(allow_null=True)
    started_at = UtcDateTimeField()
    finished_at = UtcDateTimeField(allow_null=True)


class WaitSerializer(serializers.Serializer[Any]):
    """What a step waits for; ``until`` is when that ends by itself."""

    pause = serializers.UUIDField(source="id")
    kind = serializers.CharField()
    until = UtcDateTimeField(source="wake_at", allow_null=True)
    child_run = serializers.UUIDField(source="child_id", allow_null=True)


class StepBriefSerializer(serializers.Serializer[Any]):
    """How one block in one scope of a run stands."""

    step_key = serializers.CharField()
    block = serializers.SerializerMethodField()
    status = serializers.CharField()
    error = serializers.JSONField(allow_null=True)
    handle = serializers.CharField()
    cached_from = serializers.UUIDField(allow_null=True)
    seq = serializers.IntegerField()
    started_at = UtcDateTimeField(allow_null=True)
    finished_at = UtcDateTimeField(allow_null=True)
    waits = WaitSerializer(allow_null=True)

    def get_block(self, step: dict[str, Any]) -> str:
        """The key of the block it is of."""
        return step_place(step["step_key"]).block


class StepSerializer(StepBriefSerializer):
    """The record of one block in one scope of a run, with every attempt at it."""

    output = serializers.JSONField(allow_null=True)
    attempts = AttemptSerializer(many=True)


class EventSerializer(serializers.Serializer[Any]):
    """An event of a run's history. What else it carries depends on ``kind``."""

    kind = serializers.CharField()
    id = serializers.CharField()
    seq = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)
    step_key = serializers.CharField(required=False)


class DiffFilterSerializer(StrictSerializer):
    """With which run to compare, and which step; without one, what differs at all."""

    step = serializers.CharField(required=False, max_length=512)

    def get_fields(self) -> dict[str, Any]:
        """``with`` is a word of Python's."""
        return {**super().get_fields(), "with": serializers.UUIDField()}


class DiffSerializer(serializers.Serializer[Any]):
    """Where two runs differ. With a step ``differences`` say where in its JSON, without one ``steps`` say which."""

    step = serializers.CharField(required=False)
    differences = serializers.ListField(child=serializers.DictField(), required=False)
    truncated = serializers.BooleanField(required=False)
    steps = serializers.ListField(child=serializers.DictField(), required=False)
