"""What invocations look like on the wire, and what may be asked of them (`scheduler.md` sections 1, 6 and 8)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from scheduler.models import Invocation
from scheduler.states import SCHEDULED_SOURCES, InvocationStatus, OverlapPolicy, Source
from workspaces.api.serializers import StrictSerializer, UtcDateTimeField


class ChildSerializer(serializers.Serializer[Any]):
    """A run or a dispatch that an attempt started."""

    kind = serializers.ChoiceField(["run", "dispatch"])
    id = serializers.UUIDField()


class InvocationSummarySerializer(serializers.Serializer[Any]):
    """An invocation in a list. `details` of missed slots is `{count, exact, first, last}`."""

    id = serializers.UUIDField()
    trigger = serializers.UUIDField(source="trigger_id")
    trigger_name = serializers.CharField(source="trigger.name")
    source = serializers.ChoiceField([str(source) for source in Source])  # type: ignore[assignment]  # §1's name
    status = serializers.ChoiceField([str(status) for status in InvocationStatus])
    scheduled_for = UtcDateTimeField()
    available_at = UtcDateTimeField()
    enqueued_at = UtcDateTimeField(allow_null=True)
    started_at = UtcDateTimeField(allow_null=True)
    completed_at = UtcDateTimeField(allow_null=True)
    deadline_at = UtcDateTimeField(allow_null=True)
    lateness_seconds = serializers.SerializerMethodField()
    attempt = serializers.IntegerField()
    max_attempts = serializers.SerializerMethodField()
    timeout_seconds = serializers.IntegerField(allow_null=True)
    waits = serializers.BooleanField(help_text="Held back until no earlier one of its trigger is in flight.")
    ref = serializers.CharField(allow_null=True)
    resolved_ref = serializers.JSONField(allow_null=True)
    run_as_user = serializers.UUIDField(source="run_as_user_id", allow_null=True)
    run_as_name = serializers.CharField(source="run_as_user.label", default=None)
    requested_by = serializers.CharField(source="requested_by.label", default=None)
    children = serializers.SerializerMethodField()
    reason = serializers.CharField()
    details = serializers.JSONField(allow_null=True)
    error_code = serializers.CharField()
    error_message = serializers.CharField()
    rerun_of = serializers.UUIDField(source="rerun_of_id", allow_null=True)
    created_at = UtcDateTimeField()

    def get_lateness_seconds(self, invocation: Invocation) -> float | None:
        """From the slot to the first start; null for what no schedule asked for, and before it started."""
        if invocation.started_at is None or invocation.source not in SCHEDULED_SOURCES:
            return None
        return round((invocation.started_at - invocation.scheduled_for).total_seconds(), 3)

    def get_max_attempts(self, invocation: Invocation) -> int:
        """The first one and its retries."""
        return invocation.max_retries + 1

    @extend_schema_field(ChildSerializer(many=True))
    def get_children(self, invocation: Invocation) -> list[dict[str, str]]:
        """What was started, oldest first: a run of a workflow or a dispatch of a table per attempt."""
        # Not by the trigger's target, which may have been changed since: only a run has a version.
        kind = "dispatch" if invocation.resolved_ref is None else "run"
        return [{"kind": kind, "id": str(child)} for child in invocation.children]


class InvocationSerializer(InvocationSummarySerializer):
    """An invocation, whole: with the payload and the message as they were used."""

    resolved_payload = serializers.JSONField(allow_null=True)
    rendered_message = serializers.CharField(allow_null=True)


class StartedSerializer(InvocationSerializer):
    """What *Run now* and *Rerun* answer."""

    deduplicated = serializers.BooleanField(
        help_text="True when a click just before has started this one; then nothing more was started."
    )


class RunNowBody(StrictSerializer):
    """How to run now."""

    force = serializers.BooleanField(
        default=False, help_text="Start it beside an invocation under way, and however soon after the last."
    )


class InvocationRerunBody(RunNowBody):
    """How to run again."""

    use_original_payload = serializers.BooleanField(
        default=False, help_text="The payload of that invocation, not the trigger's present one."
    )


class BackfillBody(StrictSerializer):
    """The slots to run, from the first instant to the last, both included."""

    to = UtcDateTimeField(source="end")
    overlap = serializers.ChoiceField(
        [str(policy) for policy in OverlapPolicy],
        required=False,
        help_text="`allow` runs them side by side, anything else one after another; the trigger's by default.",
    )
    only_missed = serializers.BooleanField(
        default=False, help_text="Leave out slots that completed, or are under way, on schedule."
    )
    dry_run = serializers.BooleanField(default=False)

    def get_fields(self) -> dict[str, Any]:
        """With `from`, which no attribute can be called."""
        return {"from": UtcDateTimeField(source="start"), **super().get_fields()}


class BackfilledSerializer(serializers.Serializer[Any]):
    """What a backfill came to, or would."""

    count = serializers.IntegerField(help_text="Slots that are (or would be) run.")
    existing = serializers.IntegerField(help_text="Slots that were backfilled before; they are left alone.")
    on_schedule = serializers.IntegerField(
        help_text="Slots that completed, or are under way, on schedule; run once more unless `only_missed`."
    )
    slots = serializers.ListField(child=UtcDateTimeField())
    invocations = serializers.ListField(child=serializers.UUIDField())


class InvocationFilter(StrictSerializer):
    """What a list of invocations may be narrowed by; `from` and `to` are about `scheduled_for`, both included."""

    trigger = serializers.UUIDField(required=False)
    status = serializers.ChoiceField([str(status) for status in InvocationStatus], required=False)
    to = UtcDateTimeField(required=False)

    def get_fields(self) -> dict[str, Any]:
        """With `from` and `source`, which no attribute can be called."""
        sources = serializers.ChoiceField([str(source) for source in Source], required=False)
        return {"from": UtcDateTimeField(required=False), "source": sources, **super().get_fields()}
