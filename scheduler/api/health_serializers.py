"""The shapes of health, state and restart."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from scheduler.engine.health import HealthReason, HealthStatus
from scheduler.services.health import Health
from workspaces.api.serializers import UtcDateTimeField


class SchedulerHealthSerializer(serializers.Serializer[Health]):
    """How the scheduler fares."""

    status = serializers.ChoiceField(choices=[status.value for status in HealthStatus])
    reasons = serializers.ListField(
        child=serializers.ChoiceField(choices=[reason.value for reason in HealthReason]),
        help_text="Why it is not `ok`.",
    )
    words = serializers.CharField(help_text="The reasons in sentences; blank when all is well.")
    tick_age_seconds = serializers.FloatField(
        allow_null=True, help_text="Since the last tick ended; null before the first."
    )
    consecutive_failures = serializers.IntegerField(help_text="Ticks that failed in a row.")
    backlog_due = serializers.IntegerField(
        help_text="Triggers that are due and not claimed, counted to 1,001."
    )
    lateness_seconds = serializers.FloatField(
        help_text="How long the oldest due trigger, or invocation that could begin, has waited."
    )
    pending_age_seconds = serializers.FloatField(
        help_text="How long the oldest invocation waits to be published."
    )
    in_flight = serializers.IntegerField(help_text="Invocations that are queued or running.")
    holder = serializers.CharField(help_text="The beat that leads; blank between two of them.")
    epoch = serializers.IntegerField(help_text="Rises when the leader changes, and at each restart.")


class SchedulerStateSerializer(SchedulerHealthSerializer):
    """The same, with the lease and the last tick."""

    is_led = serializers.BooleanField(help_text="Whether the lease has not run out.")
    previous_holder = serializers.CharField()
    lease_until = UtcDateTimeField(allow_null=True)
    leader_since = UtcDateTimeField(allow_null=True)
    version = serializers.CharField(help_text="Of the beat that leads; blank where it is not installed.")
    interval_seconds = serializers.FloatField(
        allow_null=True, help_text="How often beat ticks; null when its entry is missing or disabled."
    )
    last_tick_started_at = UtcDateTimeField(allow_null=True)
    last_tick_finished_at = UtcDateTimeField(allow_null=True)
    last_tick_error = serializers.CharField()
    total_ticks = serializers.IntegerField()
    last_claimed = serializers.IntegerField()
    max_lateness_ms = serializers.IntegerField(help_text="The worst lateness that the last tick met.")


class RestartedSerializer(serializers.Serializer[Any]):
    """What a restart changed. Holders are null while no beat leads, which lasts a second or two."""

    epoch = serializers.IntegerField()
    previous_epoch = serializers.IntegerField()
    holder = serializers.CharField(allow_null=True)
    previous_holder = serializers.CharField(allow_null=True)
