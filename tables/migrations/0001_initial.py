"""The tables of tables, rows, cells and dispatches."""

import django.contrib.postgres.fields
import django.db.models.deletion
import workspaces.ids
from django.conf import settings
from django.db import migrations, models


# First, because the models' defaults draw from them. Both are drawn from on many connections at once; a cache per
# connection would hand numbers out of order, so there is none.
CREATE_SEQUENCES = """
CREATE SEQUENCE tables_row_seq AS bigint;
CREATE SEQUENCE tables_cell_version AS bigint;
"""
DROP_SEQUENCES = """
DROP SEQUENCE tables_cell_version;
DROP SEQUENCE tables_row_seq;
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("workflows", "0001_initial"),
        ("workspaces", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(CREATE_SEQUENCES, DROP_SEQUENCES),
        migrations.CreateModel(
            name="Table",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=workspaces.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("description", models.TextField(blank=True, default="")),
                ("layout", models.JSONField(blank=True, default=dict)),
                ("locks", models.JSONField(blank=True, default=list)),
                ("row_count", models.BigIntegerField(default=0)),
                ("sequence", models.BigIntegerField(default=0)),
                ("schema_version", models.BigIntegerField(default=1)),
                ("retired_keys", models.JSONField(blank=True, default=list)),
                ("archived_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
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
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tables",
                        to="workspaces.workspace",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Row",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=workspaces.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("data", models.JSONField(default=dict)),
                ("position", models.TextField(db_collation="C")),
                (
                    "seq",
                    models.BigIntegerField(
                        db_default=models.Func(models.Value("tables_row_seq"), function="nextval"),
                        editable=False,
                    ),
                ),
                (
                    "edited",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), blank=True, default=list, size=None
                    ),
                ),
                ("moved_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "table",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="rows",
                        to="tables.table",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Job",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=workspaces.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("kind", models.CharField(max_length=16)),
                ("writes", models.BooleanField(default=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "queued"),
                            ("running", "running"),
                            ("completed", "completed"),
                            ("failed", "failed"),
                            ("cancelled", "cancelled"),
                        ],
                        default="queued",
                        max_length=16,
                    ),
                ),
                ("options", models.JSONField(blank=True, default=dict)),
                ("progress", models.JSONField(blank=True, default=dict)),
                ("error", models.JSONField(blank=True, null=True)),
                ("upload", models.FileField(blank=True, null=True, upload_to="uploads/")),
                ("rejects", models.FileField(blank=True, null=True, upload_to="rejects/")),
                ("instance_id", models.UUIDField(blank=True, null=True)),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "requested_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "table",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="jobs", to="tables.table"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Dispatch",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=workspaces.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "pending"),
                            ("dispatching", "dispatching"),
                            ("complete", "complete"),
                            ("cancelled", "cancelled"),
                            ("failed", "failed"),
                        ],
                        default="pending",
                        max_length=16,
                    ),
                ),
                (
                    "mode",
                    models.CharField(
                        choices=[
                            ("all", "all"),
                            ("incomplete", "incomplete"),
                            ("failed", "failed"),
                            ("new", "new"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "groups",
                    django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), size=None),
                ),
                ("scope", models.JSONField(blank=True, default=dict)),
                ("row_limit", models.PositiveIntegerField(blank=True, null=True)),
                ("is_manual", models.BooleanField(default=True)),
                ("trigger_id", models.UUIDField(blank=True, null=True)),
                ("requested_at", models.DateTimeField(auto_now_add=True)),
                ("requested_sequence", models.BigIntegerField()),
                ("upper_seq", models.BigIntegerField()),
                ("idempotency_key", models.CharField(blank=True, max_length=256, null=True)),
                ("cursor_position", models.TextField(blank=True, db_collation="C", null=True)),
                ("cursor_id", models.UUIDField(blank=True, null=True)),
                ("exhausted", models.BooleanField(default=False)),
                ("rows_total", models.BigIntegerField(blank=True, null=True)),
                ("rows_seen", models.BigIntegerField(default=0)),
                ("rows_handed_over", models.BigIntegerField(default=0)),
                ("completed", models.BigIntegerField(default=0)),
                ("failed", models.BigIntegerField(default=0)),
                ("cancelled", models.BigIntegerField(default=0)),
                ("paused", models.BigIntegerField(default=0)),
                ("skipped", models.JSONField(blank=True, default=dict)),
                ("error", models.JSONField(blank=True, null=True)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "requested_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "table",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="dispatches",
                        to="tables.table",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="View",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=workspaces.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("filter", models.JSONField(blank=True, null=True)),
                ("sort", models.JSONField(blank=True, default=list)),
                ("layout", models.JSONField(blank=True, default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "table",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="views", to="tables.table"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Window",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=workspaces.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("lane", models.PositiveIntegerField()),
                ("token", models.UUIDField(default=workspaces.ids.uuid7)),
                (
                    "row_ids",
                    django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), size=None),
                ),
                ("stamped", models.PositiveIntegerField(default=0)),
                ("interactive", models.BooleanField(default=False)),
                ("body_fired", models.BooleanField(default=False)),
                ("redrives", models.PositiveIntegerField(default=0)),
                ("send_failures_since", models.DateTimeField(blank=True, null=True)),
                ("opened_at", models.DateTimeField(auto_now_add=True)),
                ("deadline_at", models.DateTimeField(db_index=True)),
                (
                    "dispatch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="windows",
                        to="tables.dispatch",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="WorkflowGroup",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=workspaces.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("ref", models.CharField(default="live", max_length=256)),
                ("inputs", models.JSONField(default=dict)),
                ("depends_on", models.JSONField(default=list)),
                ("condition", models.TextField(blank=True, default="")),
                ("auto_run", models.BooleanField(default=False)),
                ("retry", models.JSONField(blank=True, null=True)),
                ("timeout_seconds", models.FloatField(blank=True, null=True)),
                ("limits", models.JSONField(blank=True, default=dict)),
                ("revision", models.PositiveIntegerField(default=1)),
                ("mean_cell_ms", models.FloatField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "table",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="groups", to="tables.table"
                    ),
                ),
                (
                    "workflow",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="groups",
                        to="workflows.workflow",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RowExecution",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=workspaces.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "pending"),
                            ("queued", "queued"),
                            ("running", "running"),
                            ("paused", "paused"),
                            ("completed", "completed"),
                            ("failed", "failed"),
                            ("cancelled", "cancelled"),
                        ],
                        max_length=16,
                    ),
                ),
                ("execution_id", models.UUIDField(blank=True, null=True)),
                ("dispatch_id", models.UUIDField(blank=True, null=True)),
                ("window_id", models.UUIDField(blank=True, null=True)),
                ("run_id", models.UUIDField(blank=True, null=True)),
                ("instance_id", models.UUIDField(blank=True, null=True)),
                ("attempt", models.PositiveIntegerField(default=0)),
                ("crashes", models.PositiveIntegerField(default=0)),
                ("group_revision", models.PositiveIntegerField(default=0)),
                ("error", models.JSONField(blank=True, null=True)),
                ("reason", models.CharField(blank=True, default="", max_length=64)),
                ("running_blocks", models.JSONField(blank=True, default=list)),
                ("block_errors", models.JSONField(blank=True, default=dict)),
                ("wake_at", models.DateTimeField(blank=True, null=True)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("cancelled_at", models.DateTimeField(blank=True, null=True)),
                ("cancelled_sequence", models.BigIntegerField(default=0)),
                (
                    "version",
                    models.BigIntegerField(
                        db_default=models.Func(models.Value("tables_cell_version"), function="nextval"),
                        editable=False,
                    ),
                ),
                (
                    "row",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="cells",
                        to="tables.row",
                    ),
                ),
                (
                    "table",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="cells",
                        to="tables.table",
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="cells",
                        to="tables.workflowgroup",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Column",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=workspaces.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("key", models.CharField(max_length=63)),
                ("name", models.CharField(max_length=200)),
                ("type", models.CharField(default="text", max_length=16)),
                ("options", models.JSONField(blank=True, default=dict)),
                ("required", models.BooleanField(default=False)),
                ("unique", models.BooleanField(default=False)),
                ("ordinal", models.PositiveIntegerField()),
                ("output_path", models.CharField(blank=True, default="", max_length=512)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "table",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="columns", to="tables.table"
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="columns",
                        to="tables.workflowgroup",
                    ),
                ),
            ],
            options={
                "ordering": ["ordinal"],
            },
        ),
        migrations.AddConstraint(
            model_name="table",
            constraint=models.UniqueConstraint(
                condition=models.Q(("archived_at__isnull", True)),
                fields=("workspace", "name"),
                name="tables_table_name_once",
            ),
        ),
        migrations.AddIndex(
            model_name="row",
            index=models.Index(fields=["table", "position", "id"], name="tables_row_order"),
        ),
        migrations.AddIndex(
            model_name="row",
            index=models.Index(
                condition=models.Q(("moved_at__isnull", False)),
                fields=["table", "moved_at"],
                name="tables_row_moved",
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ["queued", "running"]), ("writes", True)),
                fields=("table",),
                name="tables_job_one_writer",
            ),
        ),
        migrations.AddIndex(
            model_name="dispatch",
            index=models.Index(
                condition=models.Q(("status__in", ["dispatching", "pending"])),
                fields=["table"],
                name="tables_dispatch_active",
            ),
        ),
        migrations.AddIndex(
            model_name="dispatch",
            index=models.Index(fields=["table", "-id"], name="tables_dispatch_list"),
        ),
        migrations.AddConstraint(
            model_name="dispatch",
            constraint=models.UniqueConstraint(
                condition=models.Q(("idempotency_key__isnull", False)),
                fields=("table", "idempotency_key"),
                name="tables_dispatch_idempotency_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="dispatch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["pending", "dispatching", "complete", "cancelled", "failed"])
                ),
                name="tables_dispatch_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="view",
            constraint=models.UniqueConstraint(fields=("table", "name"), name="tables_view_name_once"),
        ),
        migrations.AddConstraint(
            model_name="workflowgroup",
            constraint=models.UniqueConstraint(fields=("table", "name"), name="tables_group_name_once"),
        ),
        migrations.AddIndex(
            model_name="rowexecution",
            index=models.Index(fields=["table", "group", "status"], name="tables_cell_counts"),
        ),
        migrations.AddIndex(
            model_name="rowexecution",
            index=models.Index(
                condition=models.Q(("window_id__isnull", False)),
                fields=["window_id"],
                name="tables_cell_window",
            ),
        ),
        migrations.AddConstraint(
            model_name="rowexecution",
            constraint=models.UniqueConstraint(fields=("row", "group"), name="tables_cell_once"),
        ),
        migrations.AddConstraint(
            model_name="rowexecution",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        ["pending", "queued", "running", "paused", "completed", "failed", "cancelled"],
                    )
                ),
                name="tables_cell_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="column",
            constraint=models.UniqueConstraint(fields=("table", "key"), name="tables_column_key_once"),
        ),
        migrations.AddConstraint(
            model_name="column",
            constraint=models.UniqueConstraint(fields=("table", "name"), name="tables_column_name_once"),
        ),
    ]
