"""The rows that a bulk job over a sorted selection is about, as they were when it was accepted."""

from typing import ClassVar

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Workers of the version before know nothing of it, and evaluate such a selection as they reach its rows."""

    dependencies: ClassVar = [("tables", "0007_failure_storms")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="JobRows",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                (
                    "row_ids",
                    django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), size=None),
                ),
                (
                    "job",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="pieces",
                        to="tables.job",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("job", "number"), name="tables_jobrows_once")
                ],
            },
        ),
    ]
