"""The audit log: rows are added and never touched again; a trigger in the database sees to it."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from workspaces.ids import uuid7
from workspaces.models.people import Workspace


class AuditEvent(models.Model):
    """Who did what to what, with the values before and after (never a secret).

    Workspace and actor are references without a constraint: an entry outlives both, and clearing
    the reference would be the very update that the trigger refuses.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        Workspace, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
    )
    actor_label = models.CharField(max_length=200)
    token_id = models.UUIDField(null=True)
    action = models.CharField(max_length=100)
    target_type = models.CharField(max_length=100)
    target_id = models.CharField(max_length=64)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    ip = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [
            models.Index(name="audit_by_workspace", fields=["workspace", "-created_at", "-id"]),
            models.Index(name="audit_by_target", fields=["target_type", "target_id"]),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(name="audit_action_given", condition=~models.Q(action="")),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_type} {self.target_id}"
