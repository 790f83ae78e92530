"""Bodies and answers of stopping."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from tables.api.serializers import SelectionField, expected_rows
from workspaces.api.serializers import StrictSerializer


class CellRefBody(StrictSerializer):
    """One cell, perhaps one exact attempt."""

    row = serializers.UUIDField()
    group = serializers.UUIDField()
    execution_id = serializers.UUIDField(required=False, allow_null=True)


class CancelBody(StrictSerializer):
    """What to stop; nothing named means the whole table. ``groups`` narrows rows, filter and table alike."""

    rows = SelectionField(required=False, allow_null=True)
    exclude_rows = serializers.ListField(child=serializers.UUIDField(), max_length=1_000, required=False)
    groups = serializers.ListField(child=serializers.UUIDField(), max_length=1_000, required=False)
    filter = serializers.DictField(required=False, allow_null=True)
    expected = expected_rows()
    cell = CellRefBody(required=False)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        """One cell stands by itself."""
        if "cell" in data and len(data) > 1:
            raise serializers.ValidationError(
                {"cell": ["Name a cell alone, or rows, a filter and workflow groups."]}
            )
        return data


class CancelAnswer(serializers.Serializer[Any]):
    """What a stop came to.

    ``cancelled`` counts cells that were in flight; ``ahead`` those still to come that will not run now, null when
    there are too many to count; ``dispatches`` are those that it ended.
    """

    cancelled = serializers.IntegerField()
    ahead = serializers.IntegerField(allow_null=True)
    dispatches = serializers.ListField(child=serializers.CharField())
