"""Bodies and answers of the tables API: what is checked on the way in, what OpenAPI tells of the way out."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from tables.engine.coercion import COLUMN_TYPES
from tables.states import Mode
from workspaces.api.serializers import StrictSerializer

COLUMN_TYPE_NAMES = list(COLUMN_TYPES)
LONGEST_NAME = 200


class ColumnBody(StrictSerializer):
    """A new column."""

    name = serializers.CharField(max_length=LONGEST_NAME)
    type = serializers.ChoiceField(COLUMN_TYPE_NAMES, default="text")
    options = serializers.DictField(required=False)
    required = serializers.BooleanField(required=False)  # type: ignore[assignment]  # the field's name in api.md
    unique = serializers.BooleanField(required=False)


class ColumnAtBody(ColumnBody):
    """A new column and its place."""

    ordinal = serializers.IntegerField(min_value=0, required=False)


class TableBody(StrictSerializer):
    """A new table."""

    name = serializers.CharField(max_length=LONGEST_NAME)
    description = serializers.CharField(max_length=10_000, allow_blank=True, required=False)
    columns = ColumnBody(many=True, required=False)


class TableChange(StrictSerializer):
    """Changes to a table."""

    name = serializers.CharField(max_length=LONGEST_NAME, required=False)
    description = serializers.CharField(max_length=10_000, allow_blank=True, required=False)
    locks = serializers.ListField(child=serializers.CharField(), max_length=10, required=False)


class LayoutBody(StrictSerializer):
    """How columns stand and show."""

    order = serializers.ListField(child=serializers.UUIDField(), max_length=2_000, required=False)
    widths = serializers.DictField(
        child=serializers.IntegerField(min_value=24, max_value=2_000), required=False
    )
    hidden = serializers.ListField(child=serializers.CharField(), max_length=2_000, required=False)
    pinned = serializers.ListField(child=serializers.CharField(), max_length=2_000, required=False)
    row_height = serializers.CharField(required=False)
    views = serializers.ListField(child=serializers.UUIDField(), max_length=1_000, required=False)
    default_view = serializers.UUIDField(required=False, allow_null=True)


class OutputBody(StrictSerializer):
    """What fills one column: a path of the run's result, and the column (an id, key or name, or a new one)."""

    path = serializers.CharField(max_length=512)
    column = serializers.JSONField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Both parts, in a change of a group too: what is partial there is the group."""
        if lacking := [name for name in ("path", "column") if name not in attrs]:
            raise serializers.ValidationError({lacking[0]: ["This field is required."]})
        return attrs


class GroupBody(StrictSerializer):
    """A new workflow group."""

    name = serializers.CharField(max_length=LONGEST_NAME)
    workflow = serializers.UUIDField()
    ref = serializers.CharField(max_length=256, default="live")
    inputs = serializers.DictField(child=serializers.DictField(), required=False)
    outputs = OutputBody(many=True, allow_empty=True)
    depends_on = serializers.ListField(child=serializers.CharField(), max_length=1_000, required=False)
    condition = serializers.CharField(max_length=10_000, allow_blank=True, required=False)
    auto_run = serializers.BooleanField(default=False)
    retry = serializers.DictField(required=False, allow_null=True)
    timeout_seconds = serializers.FloatField(min_value=0.1, max_value=86_400, required=False, allow_null=True)
    limits = serializers.DictField(required=False)


class GroupTrialBody(StrictSerializer):
    """What a workflow group would run, and the row to try it on."""

    row = serializers.UUIDField()
    workflow = serializers.UUIDField()
    ref = serializers.CharField(max_length=256, default="live")
    inputs = serializers.DictField(child=serializers.DictField(), required=False)


class ViewBody(StrictSerializer):
    """A saved view."""

    name = serializers.CharField(max_length=LONGEST_NAME)
    filter = serializers.DictField(required=False, allow_null=True)
    sort = serializers.ListField(max_length=8, required=False)
    layout = serializers.DictField(required=False)


class NewRowBody(StrictSerializer):
    """Values of one new row, by column id, key or name."""

    data = serializers.DictField()  # type: ignore[assignment]  # the field's name in api.md


class RowsBody(StrictSerializer):
    """One row (``data``) or several (``rows``), at the end, or before or after another row."""

    data = serializers.DictField(required=False)  # type: ignore[assignment]  # the field's name in api.md
    rows = NewRowBody(many=True, required=False)
    before = serializers.UUIDField(required=False)
    after = serializers.UUIDField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Exactly one of the two forms, at most one neighbour."""
        if ("data" in attrs) == ("rows" in attrs):
            raise serializers.ValidationError({"rows": ["Give either data or rows."]})
        if "before" in attrs and "after" in attrs:
            raise serializers.ValidationError({"after": ["Give either before or after."]})
        return attrs


class RowIdsBody(StrictSerializer):
    """Rows by id."""

    rows = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=1_000)


class RowsQuery(StrictSerializer):
    """Which rows a list shows; ``filter`` and ``sort`` are JSON."""

    filter = serializers.CharField(required=False)
    sort = serializers.CharField(required=False)
    view = serializers.UUIDField(required=False)
    q = serializers.CharField(required=False, max_length=500)
    start = serializers.IntegerField(min_value=0, max_value=2**31, required=False)
    fields = serializers.CharField(required=False)  # type: ignore[assignment]  # the parameter's name in api.md


class SelectionField(serializers.JSONField):
    """Rows as a list of at most 1,000 ids, or ``{"from", "to"}``."""

    def to_internal_value(self, data: Any) -> Any:
        """The ids as ``UUID``, the range as it is once its ends are ids."""
        ids = serializers.ListField(child=serializers.UUIDField(), max_length=1_000)
        if isinstance(data, dict):
            unknown = set(data) - {"from", "to", "filter", "sort"}
            if unknown or not {"from", "to"} <= set(data):
                raise serializers.ValidationError("Give the ids of the first and last row as from and to.")
            ends = ids.run_validation([data["from"], data["to"]])
            return {**data, "from": str(ends[0]), "to": str(ends[1])}
        return ids.run_validation(data)


def expected_rows() -> serializers.IntegerField:
    """How many rows a person saw in the selection: with another number by now the request is refused (409)."""
    return serializers.IntegerField(
        min_value=0,
        max_value=2**31 - 1,
        required=False,
        help_text="How many rows the selection had; with another number by now: 409 `rows_moved`, nothing done.",
    )


class DispatchBody(StrictSerializer):
    """A request to run workflow groups over rows."""

    groups = serializers.ListField(child=serializers.UUIDField(), max_length=1_000, required=False)
    rows = SelectionField(required=False)
    filter = serializers.DictField(required=False, allow_null=True)
    exclude_rows = serializers.ListField(child=serializers.UUIDField(), max_length=1_000, required=False)
    mode = serializers.ChoiceField([mode.value for mode in Mode], default=Mode.INCOMPLETE.value)
    limit = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False, allow_null=True)
    expected = expected_rows()
    dry_run = serializers.BooleanField(default=False)


class RetryFailedBody(StrictSerializer):
    """Whether to run again what failed, or only to count it."""

    dry_run = serializers.BooleanField(default=False)


class RetryFailedAnswer(serializers.Serializer[Any]):
    """Nothing is left to run again (``dispatch`` is null), or a dry run's counts, as for a run of a table."""

    dispatch = serializers.CharField(allow_null=True, required=False)
    skipped = serializers.DictField(required=False)
    rows = serializers.IntegerField(required=False)
    groups = serializers.DictField(required=False)
    carried_on = serializers.DictField(required=False)
    exact = serializers.BooleanField(required=False)
    estimated_cost = serializers.CharField(required=False, allow_null=True)


class CellAnswer(serializers.Serializer[Any]):
    """The record of one row x workflow group, or what a dispatch is to do about a cell that has none (version 0).

    ``waits_for``: objects of a paused run, or keys of columns. ``ahead``: the same, of a record to be run again.
    """

    status = serializers.CharField(allow_null=True)
    version = serializers.IntegerField()
    execution_id = serializers.CharField(allow_null=True)
    attempt = serializers.IntegerField()
    started_at = serializers.CharField(allow_null=True)
    finished_at = serializers.CharField(allow_null=True)
    run = serializers.CharField(required=False)
    dispatch = serializers.CharField(required=False)
    error = serializers.DictField(required=False)
    reason = serializers.CharField(required=False)
    running_blocks = serializers.ListField(child=serializers.CharField(), required=False)
    wake_at = serializers.CharField(required=False)
    waits_for = serializers.ListField(child=serializers.JSONField(), required=False)
    stopped = serializers.IntegerField(required=False)
    ahead = serializers.DictField(required=False)
    outdated = serializers.BooleanField(required=False)


class RowAnswer(serializers.Serializer[Any]):
    """One row: values by column key, cells by workflow group id."""

    id = serializers.CharField()
    data = serializers.DictField()  # type: ignore[assignment]  # the member's name in api.md
    edited = serializers.ListField(child=serializers.CharField())
    cells = serializers.DictField(child=CellAnswer())
    created_at = serializers.CharField()
    updated_at = serializers.CharField()


class RowsAnswer(serializers.Serializer[Any]):
    """A page of rows; ``total`` when asked for by ``start``."""

    results = RowAnswer(many=True)
    next = serializers.CharField(allow_null=True)
    total = serializers.IntegerField(required=False)
    total_exact = serializers.BooleanField(required=False)


class ColumnAnswer(serializers.Serializer[Any]):
    """One column."""

    id = serializers.CharField()
    key = serializers.CharField()
    name = serializers.CharField()
    type = serializers.ChoiceField(COLUMN_TYPE_NAMES)
    options = serializers.DictField()
    required = serializers.BooleanField()  # type: ignore[assignment]  # the member's name in api.md
    unique = serializers.BooleanField()
    ordinal = serializers.IntegerField()
    group = serializers.CharField(allow_null=True)
    output_path = serializers.CharField()


class GroupAnswer(serializers.Serializer[Any]):
    """One workflow group."""

    id = serializers.CharField()
    name = serializers.CharField()
    workflow = serializers.CharField()
    workflow_name = serializers.CharField()
    ref = serializers.CharField()
    inputs = serializers.DictField()
    outputs = serializers.ListField(child=serializers.DictField())
    depends_on = serializers.ListField(child=serializers.CharField())
    condition = serializers.CharField()
    auto_run = serializers.BooleanField()
    retry = serializers.DictField(allow_null=True)
    timeout_seconds = serializers.FloatField(allow_null=True)
    limits = serializers.DictField()
    revision = serializers.IntegerField()


class TableAnswer(serializers.Serializer[Any]):
    """One table; ``columns`` and ``groups`` where it is shown alone."""

    id = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    row_count = serializers.IntegerField()
    locks = serializers.ListField(child=serializers.CharField())
    layout = serializers.DictField()
    archived_at = serializers.CharField(allow_null=True)
    created_at = serializers.CharField()
    updated_at = serializers.CharField()
    columns = ColumnAnswer(many=True, required=False)
    groups = GroupAnswer(many=True, required=False)


class ViewAnswer(serializers.Serializer[Any]):
    """One saved view."""

    id = serializers.CharField()
    name = serializers.CharField()
    filter = serializers.DictField(allow_null=True)
    sort = serializers.ListField()
    layout = serializers.DictField()
    created_at = serializers.CharField()
    updated_at = serializers.CharField()


class DispatchAnswer(serializers.Serializer[Any]):
    """One dispatch with its progress."""

    id = serializers.CharField()
    table = serializers.CharField()
    groups = serializers.ListField(child=serializers.CharField())
    stopped_groups = serializers.ListField(child=serializers.CharField())
    mode = serializers.CharField()
    scope = serializers.DictField()
    stopped_ahead = serializers.IntegerField()
    status = serializers.CharField()
    is_manual = serializers.BooleanField()
    sequence = serializers.IntegerField()
    requested_at = serializers.CharField()
    requested_by = serializers.CharField(allow_null=True)
    cursor = serializers.DictField(allow_null=True)
    limit = serializers.IntegerField(allow_null=True)
    progress = serializers.DictField()
    error = serializers.DictField(allow_null=True)
    finished_at = serializers.CharField(allow_null=True)


class SummaryAnswer(serializers.Serializer[Any]):
    """Counts of a table's cells."""

    rows = serializers.IntegerField()
    groups = serializers.DictField(child=serializers.DictField(child=serializers.IntegerField()))
    running_rows = serializers.IntegerField()
    dispatches = serializers.ListField(child=serializers.CharField())


class WorkerAnswer(serializers.Serializer[Any]):
    """One live process."""

    id = serializers.CharField()
    host = serializers.CharField()
    pid = serializers.IntegerField()
    role = serializers.CharField()
    queues = serializers.ListField(child=serializers.CharField())
    slots = serializers.IntegerField()
    cells = serializers.IntegerField()
    started_at = serializers.CharField()
    heartbeat_at = serializers.CharField()
