"""What is to come: a schedule tried out, a trigger's next runs, the next slots of all (`scheduler.md` section 8)."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime
from itertools import chain, islice
from typing import Any, ClassVar, Final
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from scheduler import selectors
from scheduler.api.serializers import TargetSerializer, TriggerSummarySerializer, slots_ahead
from scheduler.api.triggers import TriggersAPIView
from scheduler.engine.cron import cron_describe, cron_normalise, zone_check
from scheduler.engine.local_times import LocalTime, local_times, offset_text
from scheduler.engine.next_run import Schedule, next_runs, slots_after
from scheduler.engine.years import year_fault
from scheduler.errors import InvalidSchedule
from scheduler.models import Trigger
from workspaces.api.access import WorkspaceRequest
from workspaces.api.pagination import limit_of
from workspaces.api.serializers import StrictSerializer, UtcDateTimeField
from workspaces.errors import Invalid
from workspaces.states import Access

PREVIEWED: Final = 10
NEXT_RUNS: Final = 5
MOST_NEXT_RUNS: Final = 50
UPCOMING: Final = 20
MOST_UPCOMING: Final = 100

NAMES: Final = {"cron": "cron_expression", "tz": "cron_timezone"}
"""The short names of a schedule to try out, and a trigger's names for the same."""


class PreviewBody(StrictSerializer):
    """A schedule to try out: `cron` and `tz`, or the names that a trigger has for them."""

    cron = serializers.CharField(max_length=256, required=False, allow_blank=True)
    tz = serializers.CharField(max_length=64, required=False)
    cron_expression = serializers.CharField(max_length=256, required=False, allow_blank=True)
    cron_timezone = serializers.CharField(max_length=64, required=False)
    start_at = UtcDateTimeField(required=False, allow_null=True)
    end_at = UtcDateTimeField(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Each once, under one of its two names."""
        for short, name in NAMES.items():
            if short in attrs and name in attrs:
                raise serializers.ValidationError({short: [f"Give either {short} or {name}."]})
        for name in ("start_at", "end_at"):
            if (fault := year_fault(attrs.get(name))) is not None:
                raise serializers.ValidationError({name: [fault]})
        if not {"cron", "cron_expression"} & attrs.keys():
            raise serializers.ValidationError({"cron": ["Give five cron fields."]})
        return attrs


class LocalRunSerializer(serializers.Serializer[Any]):
    """A slot: as an instant, and as the clock in its zone shows it."""

    at = UtcDateTimeField()
    local = serializers.CharField()
    offset = serializers.CharField()
    note = serializers.CharField(help_text="Where the clocks are put forward or back; else blank.")


class PreviewSerializer(serializers.Serializer[Any]):
    """What a schedule means."""

    description = serializers.CharField()
    normalised = serializers.CharField(help_text="The expression as it would be stored.")
    timezone = serializers.CharField()
    next = LocalRunSerializer(many=True)


class NextRunsSerializer(serializers.Serializer[Any]):
    """The next slots of a trigger."""

    timezone = serializers.CharField()
    results = LocalRunSerializer(many=True)


class UpcomingSerializer(serializers.Serializer[Any]):
    """One slot to come."""

    trigger = serializers.UUIDField()
    name = serializers.CharField()
    target = TargetSerializer()
    at = UtcDateTimeField()
    local = serializers.CharField()
    timezone = serializers.CharField()


class UpcomingAnswer(serializers.Serializer[Any]):
    """The next slots of a workspace."""

    results = UpcomingSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class PreviewView(TriggersAPIView):
    """Trying a schedule out. Nothing is stored."""

    requires: ClassVar[dict[str, Access]] = {"POST": "read"}

    @extend_schema(request=PreviewBody, responses=PreviewSerializer)
    def post(self, request: WorkspaceRequest) -> Response:
        """In words, in its stored form, and its next ten runs, told where the clocks change."""
        data = self.body(PreviewBody)
        short = {name: short for short, name in NAMES.items() if short in data}
        data = {NAMES.get(name, name): value for name, value in data.items()}
        now = selectors.database_now()
        try:
            shown = _preview(data, now)
        except InvalidSchedule as fault:
            named = {short.get(name, name): words for name, words in (fault.errors or {}).items()}
            raise InvalidSchedule(fault.detail, errors=named) from fault
        return Response(PreviewSerializer(shown).data)


class NextRunsView(TriggersAPIView):
    """The next runs of a trigger."""

    @extend_schema(
        operation_id="triggers_next_runs",
        responses=NextRunsSerializer,
        parameters=[OpenApiParameter("n", int, description=f"How many, 1 to {MOST_NEXT_RUNS}.")],
    )
    def get(self, request: WorkspaceRequest, trigger: UUID) -> Response:
        """In its zone; none while it is off."""
        found = self.trigger(trigger)
        try:
            count = limit_of(request.query_params.get("n"), default=NEXT_RUNS, largest=MOST_NEXT_RUNS)
        except Invalid as fault:
            raise Invalid(errors={"n": (fault.errors or {}).get("limit", [])}) from fault
        slots = slots_ahead(found, count)
        runs = local_times(slots, found.cron_timezone, selectors.database_now())
        shown = {"timezone": found.cron_timezone, "results": [_local(run) for run in runs]}
        return Response(NextRunsSerializer(shown).data)


class UpcomingView(TriggersAPIView):
    """The next slots of all triggers that are on."""

    @extend_schema(
        operation_id="triggers_upcoming",
        responses=UpcomingAnswer,
        parameters=[OpenApiParameter("limit", int, description=f"How many, 1 to {MOST_UPCOMING}.")],
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """In the order they come; one trigger may be there several times."""
        limit = limit_of(request.query_params.get("limit"), default=UPCOMING, largest=MOST_UPCOMING)
        # Each trigger's first slot is its next run, so the first `limit` slots are those of so many triggers.
        first = selectors.triggers_of(request.workspace.pk).filter(enabled=True).order_by("next_run_at", "id")
        merged = heapq.merge(*map(_slots, first[:limit]), key=lambda each: each[0].at)
        shown = [_upcoming(run, trigger) for run, trigger in islice(merged, limit)]
        return Response(UpcomingAnswer({"results": shown, "next": None}).data)


def _preview(data: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Raises ``InvalidSchedule`` with a trigger's names."""
    normal = cron_normalise(data["cron_expression"])
    zone = zone_check(data.get("cron_timezone", "UTC"))
    schedule = Schedule(normal, zone, None, data.get("start_at"), data.get("end_at"))
    runs = local_times(next_runs(schedule, now, PREVIEWED), zone, now)
    return {
        "description": cron_describe(normal),
        "normalised": normal,
        "timezone": zone,
        "next": [_local(run) for run in runs],
    }


def _local(run: LocalTime) -> dict[str, Any]:
    return {
        "at": run.at,
        "local": run.local.isoformat(),
        "offset": offset_text(run.local),
        "note": run.note,
    }


def _slots(trigger: Trigger) -> Iterator[tuple[LocalTime, Trigger]]:
    """A trigger's slots to come, endless for most; worked out one by one."""
    first = trigger.next_run_at
    assert first is not None
    after = max(first, getattr(trigger, "seen_at", first))
    try:
        for slot in chain([first], slots_after(selectors.schedule_of(trigger), after)):
            (run,) = local_times([slot], trigger.cron_timezone, slot)
            yield run, trigger
    except InvalidSchedule:
        # A zone that went with an update: the next tick switches the trigger off and says so.
        return


def _upcoming(run: LocalTime, trigger: Trigger) -> dict[str, Any]:
    return {
        "trigger": trigger.pk,
        "name": trigger.name,
        "target": TriggerSummarySerializer().get_target(trigger),
        "at": run.at,
        "local": run.local.isoformat(),
        "timezone": trigger.cron_timezone,
    }
