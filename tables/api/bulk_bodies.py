"""What bulk updates and deletes take."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers

from tables.api.row_bodies import RowsDeleteBody, RowsEditBody
from tables.api.serializers import SelectionField, expected_rows
from workspaces.api.serializers import StrictSerializer


class RangeField(SelectionField):
    """A range of rows: ``{"from", "to", "filter"?, "sort"?}``."""

    def to_internal_value(self, data: Any) -> Any:
        """The range; ids are another form of the call."""
        if not isinstance(data, dict):
            raise serializers.ValidationError(
                "Give a range: the ids of its first and last row as from and to."
            )
        return super().to_internal_value(data)


class BulkDeleteBody(StrictSerializer):
    """Rows chosen by a filter or as a range, or both; ``{"filter": {}}`` is every row."""

    rows = RangeField(required=False)
    filter = serializers.DictField(required=False)
    exclude_rows = serializers.ListField(child=serializers.UUIDField(), max_length=1_000, required=False)
    expected = expected_rows()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Nobody means every row by saying nothing."""
        if "rows" not in attrs and "filter" not in attrs:
            raise serializers.ValidationError({"filter": ["Give a filter ({} for every row) or a range."]})
        return attrs


class BulkUpdateBody(BulkDeleteBody):
    """The values that the chosen rows are to hold, by column id, key or name; null empties a column."""

    data = serializers.DictField(allow_empty=False)  # type: ignore[assignment]  # the field's name in api.md


RowsChangeBodies = PolymorphicProxySerializer(
    component_name="RowsChange", serializers=[RowsEditBody, BulkUpdateBody], resource_type_field_name=None
)
RowsChosenBodies = PolymorphicProxySerializer(
    component_name="RowsChosen", serializers=[RowsDeleteBody, BulkDeleteBody], resource_type_field_name=None
)
