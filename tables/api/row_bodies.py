"""What calls about rows take and answer."""

from typing import Any

from rest_framework import serializers

from tables.api import serializers as bodies
from tables.engine.upserting import UpsertMode
from workspaces.api.serializers import StrictSerializer


class RowEditBody(StrictSerializer):
    """Values to write into one row, by column id, key or name; null empties one.

    ``expected``: values the row must hold still. Where one of them is another by now, the row is left as it is.
    """

    id = serializers.UUIDField()
    data = serializers.DictField()  # type: ignore[assignment]  # the field's name in api.md
    expected = serializers.DictField(required=False)


class RowsEditBody(StrictSerializer):
    """Several rows, each with what is to be written into it."""

    rows = RowEditBody(many=True, allow_empty=False)


class RowsUpsertBody(StrictSerializer):
    """Rows to insert, or to write over those that have the same value in the column ``key``."""

    rows = bodies.NewRowBody(many=True, allow_empty=False)
    key = serializers.CharField(max_length=200)
    mode = serializers.ChoiceField([mode.value for mode in UpsertMode], default=UpsertMode.UPSERT.value)


class RowsEditedAnswer(serializers.Serializer[Any]):
    """The rows as they are now, in the order given.

    ``changed`` are the ids of those that hold something else than before, ``skipped`` of those that did not hold what
    was expected of them.
    """

    rows = bodies.RowAnswer(many=True)
    changed = serializers.ListField(child=serializers.CharField())
    skipped = serializers.ListField(child=serializers.CharField())


class RowsDeleteBody(bodies.RowIdsBody):
    """Rows by id; ``only_unchanged`` leaves those that were edited since they were made, or that something ran on."""

    only_unchanged = serializers.BooleanField(default=False)


class RowsDeletedAnswer(serializers.Serializer[Any]):
    """How many rows there were; ``kept`` are the ids of those that ``only_unchanged`` left."""

    deleted = serializers.IntegerField()
    kept = serializers.ListField(child=serializers.CharField(), required=False)


class RowsUpsertedAnswer(serializers.Serializer[Any]):
    """How many rows became what; ``ids`` in the order given, null for one that mode ``update`` found missing."""

    inserted = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    missing = serializers.IntegerField()
    ids = serializers.ListField(child=serializers.CharField(allow_null=True))
