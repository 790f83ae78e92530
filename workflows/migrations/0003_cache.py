"""What `cache` blocks keep, per workspace."""

import django.db.models.deletion
from django.db import migrations, models

import workspaces.ids


class Migration(migrations.Migration):
    """Adds the table; going back drops it, and with it only what can be worked out again."""

    dependencies = [("workspaces", "0002_audit_append_only"), ("workflows", "0002_database_checks")]
    operations = [
        migrations.CreateModel(
            name="CacheEntry",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=workspaces.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("key_hash", models.CharField(max_length=64)),
                ("key", models.TextField()),
                ("value", models.JSONField(null=True)),
                ("expires_at", models.DateTimeField(db_index=True)),
                ("created_at", models.DateTimeField()),
                (
                    "workspace",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="cache_entries",
                        to="workspaces.workspace",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "cache entries",
                "constraints": [
                    models.UniqueConstraint(fields=("workspace", "key_hash"), name="workflows_cache_key_once")
                ],
            },
        )
    ]
