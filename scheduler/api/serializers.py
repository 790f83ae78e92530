"""What triggers look like on the wire, coming in and going out (`scheduler.md` sections 1 and 8)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from scheduler.engine.cron import cron_words
from scheduler.engine.next_run import next_runs
from scheduler.errors import InvalidSchedule
from scheduler.models import Trigger
from scheduler.selectors import schedule_of
from scheduler.services.fields import LONGEST_DESCRIPTION, LONGEST_NAME, RANGES
from scheduler.states import CatchupPolicy, DisabledReason, InvocationStatus, OverlapPolicy, TargetKind
from workspaces.api.serializers import StrictSerializer, UtcDateTimeField

SHOWN_RUNS = 5
"""So many next runs answer a save."""


def whole(field: str, **options: Any) -> serializers.IntegerField:
    """A whole number within the limits of this field of a trigger."""
    smallest, largest = RANGES[field]
    return serializers.IntegerField(min_value=smallest, max_value=largest, required=False, **options)


class TriggerBody(StrictSerializer):
    """A new trigger. `workflow` or `table` says what it starts, `cron_expression` or `run_at` when."""

    name = serializers.CharField(max_length=LONGEST_NAME)
    description = serializers.CharField(
        max_length=LONGEST_DESCRIPTION, required=False, allow_blank=True, allow_null=True
    )
    target_kind = serializers.ChoiceField([str(kind) for kind in TargetKind], required=False)
    workflow = serializers.UUIDField(required=False, allow_null=True)
    table = serializers.UUIDField(required=False, allow_null=True)
    target_options = serializers.DictField(
        required=False,
        help_text="Of a table run: `{groups?, filter?, mode?, limit?, fail_above_percent?}`.",
    )
    ref = serializers.CharField(
        required=False,
        allow_null=True,
        allow_blank=True,
        trim_whitespace=False,
        help_text="Which version of the workflow runs, `live` by default.",
    )
    enabled = serializers.BooleanField(required=False)
    cron_expression = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, help_text="Five fields, or an alias."
    )
    cron_timezone = serializers.CharField(required=False, help_text="`UTC` by default.")
    run_at = UtcDateTimeField(required=False, allow_null=True)
    start_at = UtcDateTimeField(required=False, allow_null=True)
    end_at = UtcDateTimeField(required=False, allow_null=True)
    jitter_seconds = whole("jitter_seconds")
    payload = serializers.DictField(required=False)
    message_template = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, trim_whitespace=False
    )
    overlap_policy = serializers.ChoiceField([str(policy) for policy in OverlapPolicy], required=False)
    catchup_policy = serializers.ChoiceField([str(policy) for policy in CatchupPolicy], required=False)
    catchup_window_seconds = whole("catchup_window_seconds")
    catchup_limit = whole("catchup_limit")
    max_retries = whole("max_retries")
    retry_delay_seconds = whole("retry_delay_seconds")
    timeout_seconds = whole("timeout_seconds", allow_null=True)
    pause_on_failures = whole("pause_on_failures", allow_null=True)
    run_as_user = serializers.UUIDField(
        required=False,
        allow_null=True,
        help_text="A member's user id; whoever makes the trigger by default.",
    )


class TriggerChange(TriggerBody):
    """Fields to change; what is not named stays. Going over between cron and `run_at` sets the other to null."""

    name = serializers.CharField(max_length=LONGEST_NAME, required=False)
    cancel_running = serializers.BooleanField(
        required=False, help_text="Cancel what runs now too; by default it goes on."
    )


class TriggerCopyBody(StrictSerializer):
    """What the copy is called; the same name with “(copy)” by default."""

    name = serializers.CharField(max_length=LONGEST_NAME, required=False)


class TriggerFilter(StrictSerializer):
    """What a list of triggers may be narrowed by."""

    table = serializers.UUIDField(required=False)
    workflow = serializers.UUIDField(required=False)
    enabled = serializers.BooleanField(required=False)
    ref = serializers.CharField(max_length=256, required=False)
    q = serializers.CharField(max_length=256, required=False)


class TargetSerializer(serializers.Serializer[Any]):
    """What a trigger starts."""

    kind = serializers.ChoiceField([str(kind) for kind in TargetKind])
    id = serializers.UUIDField()
    name = serializers.CharField()


class LastRunSerializer(serializers.Serializer[Any]):
    """How a trigger stands since it ran last. `scheduled_for` is its last scheduled slot."""

    at = UtcDateTimeField(allow_null=True)
    status = serializers.ChoiceField([str(status) for status in InvocationStatus])
    scheduled_for = UtcDateTimeField(allow_null=True)


class TriggerSummarySerializer(serializers.Serializer[Any]):
    """A trigger in a list: all but its payload and message template."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    description = serializers.CharField()
    target_kind = serializers.ChoiceField([str(kind) for kind in TargetKind])
    workflow = serializers.UUIDField(source="workflow_id", allow_null=True)
    table = serializers.UUIDField(source="table_id", allow_null=True)
    target = serializers.SerializerMethodField()
    target_options = serializers.JSONField()
    ref = serializers.CharField(allow_null=True)
    enabled = serializers.BooleanField()
    cron_expression = serializers.CharField(allow_null=True)
    cron_timezone = serializers.CharField()
    run_at = UtcDateTimeField(allow_null=True)
    start_at = UtcDateTimeField(allow_null=True)
    end_at = UtcDateTimeField(allow_null=True)
    jitter_seconds = serializers.IntegerField()
    overlap_policy = serializers.ChoiceField([str(policy) for policy in OverlapPolicy])
    catchup_policy = serializers.ChoiceField([str(policy) for policy in CatchupPolicy])
    catchup_window_seconds = serializers.IntegerField()
    catchup_limit = serializers.IntegerField()
    max_retries = serializers.IntegerField()
    retry_delay_seconds = serializers.IntegerField()
    timeout_seconds = serializers.IntegerField(allow_null=True)
    pause_on_failures = serializers.IntegerField(allow_null=True)
    run_as_user = serializers.UUIDField(source="run_as_user_id", allow_null=True)
    run_as_name = serializers.CharField(source="run_as_user.label", default=None)
    created_by = serializers.CharField(source="created_by.label", default=None)
    created_by_id = serializers.UUIDField(allow_null=True)
    schedule_revision = serializers.IntegerField()
    next_run_at = UtcDateTimeField(allow_null=True)
    overdue_seconds = serializers.SerializerMethodField()
    held_until = UtcDateTimeField(
        allow_null=True, help_text="The scheduler failed on it and leaves it alone until then; else null."
    )
    last_scheduled_for = UtcDateTimeField(allow_null=True)
    last_run_at = UtcDateTimeField(allow_null=True)
    last_status = serializers.CharField()
    last_run = serializers.SerializerMethodField()
    consecutive_failures = serializers.IntegerField()
    skipped_count = serializers.IntegerField()
    missed_count = serializers.IntegerField()
    disabled_reason = serializers.ChoiceField([str(reason) for reason in DisabledReason])
    schedule_error = serializers.CharField()
    description_of_schedule = serializers.SerializerMethodField()
    created_at = UtcDateTimeField()
    updated_at = UtcDateTimeField()

    @extend_schema_field(TargetSerializer)
    def get_target(self, trigger: Trigger) -> dict[str, Any]:
        """What it starts, by name."""
        target = trigger.workflow or trigger.table
        assert target is not None
        return {"kind": trigger.target_kind, "id": str(target.pk), "name": target.name}

    @extend_schema_field(LastRunSerializer(allow_null=True))
    def get_last_run(self, trigger: Trigger) -> Any:
        """As the trigger remembers it, so that a list looks at no invocation; null before the first."""
        if not trigger.last_status:
            return None
        facts = {
            "at": trigger.last_run_at,
            "status": trigger.last_status,
            "scheduled_for": trigger.last_scheduled_for,
        }
        return LastRunSerializer(facts).data

    def get_overdue_seconds(self, trigger: Trigger) -> int:
        """For how long its next slot has been due by the database's clock; 0 when it is not."""
        seen_at = getattr(trigger, "seen_at", None)
        if trigger.next_run_at is None or seen_at is None:
            return 0
        return max(0, int((seen_at - trigger.next_run_at).total_seconds()))

    def get_description_of_schedule(self, trigger: Trigger) -> str:
        """In words."""
        return schedule_words(trigger)


class TriggerSerializer(TriggerSummarySerializer):
    """A trigger, whole, with its next runs while it is on."""

    payload = serializers.JSONField()
    message_template = serializers.CharField(allow_null=True)
    next_runs = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ListField(child=serializers.DateTimeField()))
    def get_next_runs(self, trigger: Trigger) -> list[str | None]:
        """The five next slots; the first one is `next_run_at`, overdue or not."""
        field = UtcDateTimeField()
        return [field.to_representation(slot) for slot in slots_ahead(trigger, SHOWN_RUNS)]


def slots_ahead(trigger: Trigger, count: int) -> list[datetime]:
    """The next ``count`` slots of a trigger that is on, beginning with ``next_run_at``; none of one that is off."""
    if trigger.next_run_at is None:
        return []
    after = max(trigger.next_run_at, getattr(trigger, "seen_at", trigger.next_run_at))
    try:
        return [trigger.next_run_at, *next_runs(schedule_of(trigger), after, count - 1)]
    except InvalidSchedule:  # a zone that went with an update: the next tick switches it off and says so
        return [trigger.next_run_at]


def schedule_words(trigger: Trigger) -> str:
    """A schedule in English words, with its zone."""
    if trigger.cron_expression is None:
        return f"Once at {trigger.run_at:%Y-%m-%d %H:%M:%S} UTC"
    return f"{cron_words(trigger.cron_expression)} ({trigger.cron_timezone})"
