"""A workflow, its immutable versions, and the names that point at them (W1, W2)."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from workspaces.ids import uuid7


class Workflow(models.Model):
    """A named graph of blocks. ``draft`` is the definition being edited: it may be invalid, and then never runs."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey("workspaces.Workspace", on_delete=models.CASCADE, related_name="workflows")
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    draft = models.JSONField(default=dict)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        """One living workflow per name and workspace."""

        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "name"],
                condition=models.Q(archived_at__isnull=True),
                name="workflows_workflow_name_once",
            )
        ]

    def __str__(self) -> str:
        return self.name


class WorkflowVersion(models.Model):
    """One immutable, numbered definition, hashed by meaning: positions and names do not count (W2)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workflow = models.ForeignKey(Workflow, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=64)
    definition = models.JSONField()
    note = models.TextField(blank=True, default="")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Numbers and meanings are unique within a workflow."""

        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["workflow", "number"], name="workflows_version_number_once"),
            models.UniqueConstraint(fields=["workflow", "content_hash"], name="workflows_version_hash_once"),
        ]

    def __str__(self) -> str:
        return f"{self.workflow_id} v{self.number}"


class WorkflowRef(models.Model):
    """A name for a version: ``live``, or one of the user's own. ``draft`` is never stored: it is the draft."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workflow = models.ForeignKey(Workflow, on_delete=models.CASCADE, related_name="refs")
    name = models.CharField(max_length=256)
    version = models.ForeignKey(WorkflowVersion, on_delete=models.RESTRICT, related_name="refs")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        """A name points at one version of its workflow."""

        constraints = [models.UniqueConstraint(fields=["workflow", "name"], name="workflows_ref_name_once")]

    def __str__(self) -> str:
        return self.name
