"""Bodies and answers of resuming and rerunning cells."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from tables.api.serializers import DispatchAnswer
from workflows.engine.planner import PlanMode
from workspaces.api.serializers import StrictSerializer

LONGEST_NOTE = 1_000


class ResumeBody(StrictSerializer):
    """Why a cell is resumed."""

    note = serializers.CharField(max_length=LONGEST_NOTE, default="", allow_blank=True)


class ResumeAllBody(ResumeBody):
    """Which failed cells are resumed; nothing named means all of the table."""

    groups = serializers.ListField(child=serializers.UUIDField(), max_length=1_000, required=False)
    filter = serializers.DictField(required=False, allow_null=True)


class ResumedAnswer(serializers.Serializer[Any]):
    """What became of one cell: ``resumed``, or the code of what stood in the way."""

    cell = serializers.CharField()
    row = serializers.CharField()
    group = serializers.CharField()
    run = serializers.CharField()
    outcome = serializers.CharField()


class ResumedAllAnswer(serializers.Serializer[Any]):
    """Outcomes; ``more`` says that there were more cells than one call resumes. Call again for those."""

    results = ResumedAnswer(many=True)
    more = serializers.BooleanField()


class RerunBody(StrictSerializer):
    """How a cell is run again: whole, or from ``start_block`` (``block`` or ``block@scope``)."""

    start_block = serializers.CharField(max_length=512, required=False)
    source_run = serializers.UUIDField(required=False)
    mode = serializers.ChoiceField([str(mode) for mode in PlanMode], default=str(PlanMode.STRICT))
    plan_hash = serializers.CharField(max_length=64, required=False)
    dry_run = serializers.BooleanField(default=False)


class RerunAnswer(serializers.Serializer[Any]):
    """The new run, and the dispatch that carries it."""

    run = serializers.CharField()
    dispatch = DispatchAnswer()
