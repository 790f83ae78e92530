"""Inbound hooks and the deliveries they took."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Now

import workspaces.ids

ID = models.UUIDField(default=workspaces.ids.uuid7, editable=False, primary_key=True, serialize=False)


class Migration(migrations.Migration):
    """Adds two tables."""

    dependencies = [
        ("workflows", "0003_cache"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Hook",
            fields=[
                ("id", ID.clone()),
                ("ref", models.CharField(default="live", max_length=256)),
                ("name", models.CharField(max_length=100)),
                ("ciphertext", models.TextField(editable=False)),
                ("previous_ciphertext", models.TextField(editable=False, null=True)),
                ("previous_valid_until", models.DateTimeField(editable=False, null=True)),
                ("enabled", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("last_used_at", models.DateTimeField(editable=False, null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "workflow",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="hooks", to="workflows.workflow"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=~models.Q(name=""), name="workflows_hook_named"),
                    models.CheckConstraint(
                        condition=models.Q(previous_ciphertext=None, previous_valid_until=None)
                        | models.Q(previous_ciphertext__isnull=False, previous_valid_until__isnull=False),
                        name="workflows_hook_previous_ends",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="HookDelivery",
            fields=[
                ("id", ID.clone()),
                ("replay_id", models.CharField(max_length=256)),
                ("body_sha256", models.CharField(max_length=64)),
                ("run_id", models.UUIDField(null=True)),
                ("received_at", models.DateTimeField(db_default=Now(), db_index=True)),
                (
                    "hook",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="workflows.hook",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("hook", "replay_id"), name="workflows_hook_delivery_once")
                ],
            },
        ),
    ]
