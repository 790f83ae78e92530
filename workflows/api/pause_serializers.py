"""What questions, and the answers to them, look like on the wire (W20)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from workflows.engine.forms import DECISIONS, MOST_COMMENT_CHARACTERS
from workflows.pages.answer_form import LONGEST_NAME
from workflows.states import PauseKind, PauseStatus
from workspaces.api.serializers import StrictSerializer, UtcDateTimeField


class PauseFilterSerializer(StrictSerializer):
    """What a list of questions may be narrowed by."""

    status = serializers.ChoiceField([str(status) for status in PauseStatus], required=False)
    run = serializers.UUIDField(required=False)


class PauseSerializer(serializers.Serializer[Any]):
    """One pause of a run; of an approval, ``request`` holds ``message``, ``fields`` and ``assignees``."""

    id = serializers.UUIDField()
    run = serializers.UUIDField(source="run_id")
    run_status = serializers.CharField(source="run.status")
    workflow = serializers.UUIDField(source="run.workflow_id")
    workflow_name = serializers.CharField(source="run.workflow.name")
    step_key = serializers.CharField()
    round = serializers.IntegerField()
    kind = serializers.ChoiceField([str(kind) for kind in PauseKind])
    status = serializers.ChoiceField([str(status) for status in PauseStatus])
    request = serializers.JSONField()
    child_run = serializers.UUIDField(source="child_id", allow_null=True)
    expires_at = UtcDateTimeField(source="wake_at", allow_null=True)
    answer = serializers.JSONField(allow_null=True)
    answered_by = serializers.JSONField(allow_null=True)
    answered_at = UtcDateTimeField(allow_null=True)
    created_at = UtcDateTimeField()


class QuestionSerializer(serializers.Serializer[Any]):
    """What the holder of an answer link sees: the question, and the answer once there is one."""

    workflow = serializers.CharField(source="run.workflow.name")
    status = serializers.ChoiceField([str(status) for status in PauseStatus])
    message = serializers.CharField(source="request.message", default="")
    fields = serializers.ListField(  # type: ignore[assignment]  # as below
        child=serializers.JSONField(), source="request.fields", default=list
    )
    expires_at = UtcDateTimeField(source="wake_at", allow_null=True)
    answer = serializers.JSONField(allow_null=True)
    answered_at = UtcDateTimeField(allow_null=True)


class AnswerSerializer(StrictSerializer):
    """A decision; ``fields`` is checked against the question's form."""

    decision = serializers.ChoiceField(list(DECISIONS))
    fields = serializers.DictField(required=False)  # type: ignore[assignment]  # the word of the API
    comment = serializers.CharField(
        required=False, allow_blank=True, allow_null=True, max_length=MOST_COMMENT_CHARACTERS
    )


class LinkAnswerSerializer(AnswerSerializer):
    """A decision by somebody without an account, who may give a name."""

    name = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST_NAME)
