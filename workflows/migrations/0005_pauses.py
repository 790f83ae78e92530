"""Pause points, blobs, and what parked, resumed and forked runs remember."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import workspaces.ids
from workflows.models.sql import PAUSE_CASCADES


class Migration(migrations.Migration):
    """Adds tables and nullable columns only."""

    dependencies = [
        ("workflows", "0004_hooks"),
        ("workspaces", "0002_audit_append_only"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Blob",
            fields=[
                ("sha256", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("data", models.BinaryField()),
                ("size_bytes", models.PositiveBigIntegerField()),
                ("created_at", models.DateTimeField(auto_now_add=True, db_index=True)),
            ],
        ),
        migrations.AddField(
            model_name="step",
            name="opening",
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name="PausePoint",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=workspaces.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("step_key", models.CharField(max_length=512)),
                ("round", models.PositiveIntegerField(default=0)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("timer", "timer"),
                            ("approval", "approval"),
                            ("run", "run"),
                            ("backoff", "backoff"),
                            ("rate_limited", "rate_limited"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "open"),
                            ("answered", "answered"),
                            ("expired", "expired"),
                            ("dead", "dead"),
                        ],
                        default="open",
                        max_length=16,
                    ),
                ),
                ("request", models.JSONField(blank=True, default=dict)),
                ("wake_at", models.DateTimeField(blank=True, null=True)),
                ("token_hash", models.CharField(blank=True, max_length=64, null=True, unique=True)),
                ("child_id", models.UUIDField(blank=True, null=True)),
                ("answer", models.JSONField(blank=True, null=True)),
                ("answered_by", models.JSONField(blank=True, null=True)),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
                ("consumed_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.RemoveIndex(
            model_name="run",
            name="workflows_run_single",
        ),
        migrations.AddField(
            model_name="run",
            name="depth",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="run",
            name="history",
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="run",
            name="plan",
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="run",
            name="waits_for",
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="step",
            name="blob_id",
            field=models.CharField(blank=True, max_length=64, null=True),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(
                    ("status__in", ["queued", "running"]), models.Q(("owner_kind", "cell"), _negated=True)
                ),
                fields=["created_at"],
                name="workflows_run_single",
            ),
        ),
        migrations.AddField(
            model_name="pausepoint",
            name="run",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="pauses",
                to="workflows.run",
            ),
        ),
        migrations.AddField(
            model_name="pausepoint",
            name="workspace",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="pauses",
                to="workspaces.workspace",
            ),
        ),
        migrations.AddIndex(
            model_name="pausepoint",
            index=models.Index(
                condition=models.Q(("kind", "approval"), ("status", "open")),
                fields=["workspace", "-id"],
                name="workflows_pause_inbox",
            ),
        ),
        migrations.AddIndex(
            model_name="pausepoint",
            index=models.Index(
                condition=models.Q(("child_id__isnull", False)),
                fields=["child_id"],
                name="workflows_pause_child",
            ),
        ),
        migrations.AddConstraint(
            model_name="pausepoint",
            constraint=models.UniqueConstraint(
                fields=("run", "step_key", "round"), name="workflows_pause_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="pausepoint",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["open", "answered", "expired", "dead"])),
                name="workflows_pause_status_known",
            ),
        ),
        migrations.AddIndex(
            model_name="pausepoint",
            index=models.Index(
                condition=models.Q(("consumed_at__isnull", True), ("status__in", ["answered", "expired"])),
                fields=["answered_at"],
                name="workflows_pause_unconsumed",
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("forked_from__isnull", False)),
                fields=["forked_from"],
                name="workflows_run_forks",
            ),
        ),
        migrations.AddIndex(
            model_name="step",
            index=models.Index(
                condition=models.Q(("blob_id__isnull", False)),
                fields=["blob_id"],
                name="workflows_step_blob",
            ),
        ),
        migrations.RunSQL(
            PAUSE_CASCADES, "ALTER TABLE workflows_pausepoint DROP CONSTRAINT workflows_pause_of_run"
        ),
    ]
