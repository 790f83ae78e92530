"""Inbound hooks: addresses at which other systems start runs, and the deliveries they took (trust.md 12)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from workspaces.ids import uuid7

LAST_USED_GRAIN: Final = timedelta(minutes=1)


class HookQuerySet(models.QuerySet["Hook"]):
    """Reads and guarded writes of hooks."""

    def open(self) -> HookQuerySet:
        """Hooks that take deliveries: enabled, of a living workflow."""
        return self.filter(enabled=True, workflow__archived_at=None)

    def touch(self, hook_id: UUID) -> int:
        """Note a use, at most once a minute: a busy sender does not rewrite one row for ever."""
        stale = models.Q(last_used_at=None) | models.Q(last_used_at__lt=Now() - LAST_USED_GRAIN)
        return self.filter(stale, pk=hook_id).update(last_used_at=Now())


class Hook(models.Model):
    """One address of a workflow, with the secret its senders sign with, encrypted as workspace secrets are.

    ``ref`` names the version that runs, looked up at each delivery. After a rotation the secret before is kept beside
    the new one until ``previous_valid_until``, so that senders change over without a gap; never more than these two.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workflow = models.ForeignKey("workflows.Workflow", on_delete=models.CASCADE, related_name="hooks")
    ref = models.CharField(max_length=256, default="live")
    name = models.CharField(max_length=100)
    ciphertext = models.TextField(editable=False)
    previous_ciphertext = models.TextField(null=True, editable=False)
    previous_valid_until = models.DateTimeField(null=True, editable=False)
    enabled = models.BooleanField(default=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)

    objects = HookQuerySet.as_manager()

    class Meta:
        """A previous secret has an end, and an end has a previous secret."""

        constraints = [
            models.CheckConstraint(name="workflows_hook_named", condition=~models.Q(name="")),
            models.CheckConstraint(
                name="workflows_hook_previous_ends",
                condition=models.Q(previous_ciphertext=None, previous_valid_until=None)
                | models.Q(previous_ciphertext__isnull=False, previous_valid_until__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class HookDelivery(models.Model):
    """A message a hook took, by the id its sender gave it: the unique index is what makes a replay start nothing.

    The run is named without a foreign key: it may be removed before the delivery is, which must go on refusing.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    hook = models.ForeignKey(Hook, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    replay_id = models.CharField(max_length=256)
    body_sha256 = models.CharField(max_length=64)
    run_id = models.UUIDField(null=True)
    received_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        """Once per hook and message."""

        constraints = [
            models.UniqueConstraint(fields=["hook", "replay_id"], name="workflows_hook_delivery_once")
        ]

    def __str__(self) -> str:
        return self.replay_id
