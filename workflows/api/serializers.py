"""What workflows, versions, refs and runs look like on the wire."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from workflows.engine.planner import PlanMode
from workflows.models import Run, Workflow, WorkflowRef, WorkflowVersion
from workflows.services.definitions import definition_check, fault_json
from workflows.services.refs import ref_takes_along
from workflows.states import RunStatus
from workspaces.api.serializers import StrictSerializer, UtcDateTimeField

LONGEST_WAIT_SECONDS = 25


@extend_schema_field({"$ref": "#/components/schemas/Definition"})  # see `openapi`
class DefinitionField(serializers.JSONField):
    """A definition: any JSON object; its faults are reported by validation, not by the serializer."""

    def to_internal_value(self, data: Any) -> Any:
        """An object, whatever is in it."""
        if not isinstance(data, dict):
            raise serializers.ValidationError('A definition is an object {"blocks": […], "edges": […]}.')
        return data


class FaultSerializer(serializers.Serializer[Any]):
    """One thing wrong with a definition, and where."""

    block = serializers.CharField(allow_null=True)
    field = serializers.CharField(allow_null=True)
    code = serializers.CharField()
    message = serializers.CharField()
    severity = serializers.ChoiceField(["error", "warning"])


class RefSerializer(serializers.Serializer[Any]):
    """A name for a version."""

    name = serializers.CharField()
    version = serializers.IntegerField(source="version.number")
    version_id = serializers.UUIDField()
    updated_at = UtcDateTimeField()


class RefDetailSerializer(RefSerializer):
    """A ref, and what deleting it would take along."""

    takes_along = serializers.SerializerMethodField()

    @extend_schema_field(serializers.DictField(child=serializers.IntegerField()))
    def get_takes_along(self, ref: WorkflowRef) -> dict[str, int]:
        """Counts by what it is: `triggers` and their `invocations`."""
        return ref_takes_along(ref.workflow_id, ref.name)


class RefWriteSerializer(StrictSerializer):
    """Which version a ref shall point at, by its number."""

    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


class WorkflowWriteSerializer(StrictSerializer):
    """What a person sets on a workflow. ``definition`` is the draft, valid or not."""

    name = serializers.CharField(max_length=200)
    description = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    definition = DefinitionField(required=False)


class WorkflowSummarySerializer(serializers.Serializer[Any]):
    """A workflow in a list."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    description = serializers.CharField()
    refs = RefSerializer(many=True)
    created_by = serializers.CharField(source="created_by.label", default=None)
    created_at = UtcDateTimeField()
    updated_at = UtcDateTimeField()


class WorkflowSerializer(WorkflowSummarySerializer):
    """A workflow with its draft, and every fault the draft has."""

    definition = serializers.JSONField(source="draft")
    faults = serializers.SerializerMethodField()

    @extend_schema_field(FaultSerializer(many=True))
    def get_faults(self, workflow: Workflow) -> list[dict[str, Any]]:
        """Found anew at every look: a secret may have gone, a block type come."""
        return [fault_json(fault) for fault in definition_check(workflow.workspace, workflow.draft).faults]


class DefinitionSerializer(StrictSerializer):
    """A definition to look at; without one, the draft is meant."""

    definition = DefinitionField(required=False)


class ValidationSerializer(serializers.Serializer[Any]):
    """What validation found. ``valid`` definitions may have warnings."""

    valid = serializers.BooleanField()
    faults = FaultSerializer(many=True)


class VersionSummarySerializer(serializers.Serializer[Any]):
    """A version in a list."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    content_hash = serializers.CharField()
    note = serializers.CharField()
    refs = serializers.SerializerMethodField()
    created_by = serializers.CharField(source="created_by.label", default=None)
    created_at = UtcDateTimeField()

    def get_refs(self, version: WorkflowVersion) -> list[str]:
        """Names that point at it now."""
        return sorted(ref.name for ref in version.refs.all())


class VersionSerializer(VersionSummarySerializer):
    """A version with its definition."""

    definition = serializers.JSONField()


class PublishSerializer(StrictSerializer):
    """Under which name to publish the draft, and why."""

    ref = serializers.CharField(max_length=256, default="live", trim_whitespace=False)
    note = serializers.CharField(max_length=10_000, default="", allow_blank=True)


class RunStartSerializer(StrictSerializer):
    """A run to start. ``wait_seconds`` asks for the finished run, if it finishes that soon.

    Any of ``start_block`` (``block`` or ``block@scope``), ``source_run`` and ``stop_after`` makes it a rerun; without
    ``input`` it then reads that of its source. ``dry_run`` answers the plan; ``plan_hash`` starts that plan or none.
    The ref ``@source`` is the version of the source run. ``row`` is what templates read as a table's row, for a trial.
    """

    input = serializers.DictField(required=False)
    row = serializers.DictField(required=False)
    ref = serializers.CharField(max_length=256, default="live", trim_whitespace=False)
    wait_seconds = serializers.FloatField(min_value=0, max_value=LONGEST_WAIT_SECONDS, default=0)
    start_block = serializers.CharField(max_length=512, required=False)
    source_run = serializers.UUIDField(required=False)
    mode = serializers.ChoiceField([str(mode) for mode in PlanMode], default=str(PlanMode.STRICT))
    stop_after = serializers.CharField(max_length=64, required=False)
    dry_run = serializers.BooleanField(default=False)
    plan_hash = serializers.CharField(max_length=64, required=False)


class RunFilterSerializer(StrictSerializer):
    """What a list of runs may be narrowed by."""

    workflow = serializers.UUIDField(required=False)
    table = serializers.UUIDField(required=False)
    dispatch = serializers.UUIDField(required=False)
    status = serializers.ChoiceField([str(status) for status in RunStatus], required=False)


class RunSummarySerializer(serializers.Serializer[Any]):
    """A run in a list."""

    id = serializers.UUIDField()
    workflow = serializers.UUIDField(source="workflow_id")
    workflow_name = serializers.CharField(source="workflow.name")
    version = serializers.IntegerField(source="version.number")
    version_id = serializers.UUIDField()
    kind = serializers.ChoiceField(["full", "rerun"])
    status = serializers.ChoiceField([str(status) for status in RunStatus])
    error = serializers.JSONField(allow_null=True)
    trigger_kind = serializers.CharField()
    actor = serializers.CharField(source="actor.label", default=None)
    owner = serializers.SerializerMethodField()
    epoch = serializers.IntegerField()
    recovery_count = serializers.IntegerField()
    forked_from = serializers.UUIDField(source="forked_from_id", allow_null=True)
    cost = serializers.DecimalField(max_digits=14, decimal_places=6, allow_null=True)
    created_at = UtcDateTimeField()
    started_at = UtcDateTimeField(allow_null=True)
    resumed_at = UtcDateTimeField(allow_null=True)
    finished_at = UtcDateTimeField(allow_null=True)
    deadline_at = UtcDateTimeField(allow_null=True)
    wake_at = UtcDateTimeField(allow_null=True)
    waits_for = serializers.JSONField(allow_null=True)
    cancel_requested_at = UtcDateTimeField(allow_null=True)

    def get_owner(self, run: Run) -> dict[str, str] | None:
        """What it works for, such as a cell; null for a run of its own."""
        return {"kind": run.owner_kind, "id": str(run.owner_id)} if run.owner_id else None


class RunSerializer(RunSummarySerializer):
    """A run, whole."""

    input = serializers.JSONField()
    result = serializers.JSONField(allow_null=True)
    plan = serializers.JSONField(allow_null=True)
    history = serializers.JSONField(allow_null=True)
