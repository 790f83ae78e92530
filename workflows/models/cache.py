"""What `cache` blocks keep: values by key, per workspace, until they expire (workflows.md section 9)."""

from __future__ import annotations

from django.db import models

from workspaces.ids import uuid7


class CacheEntry(models.Model):
    """One kept value. ``key_hash`` is the SHA-256 of the key: keys may be longer than an index takes.

    An entry whose ``expires_at`` has passed by the database's clock is not there; it is removed in passing, by the
    next blocks of its workspace that keep something.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        "workspaces.Workspace", on_delete=models.CASCADE, related_name="cache_entries", db_index=False
    )
    key_hash = models.CharField(max_length=64)
    key = models.TextField()
    value = models.JSONField(null=True)
    expires_at = models.DateTimeField(db_index=True)
    created_at = models.DateTimeField()

    class Meta:
        """The unique key is also the way an entry is found."""

        verbose_name_plural = "cache entries"
        constraints = [
            models.UniqueConstraint(fields=["workspace", "key_hash"], name="workflows_cache_key_once")
        ]

    def __str__(self) -> str:
        return self.key[:100]
