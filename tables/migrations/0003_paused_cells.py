"""What a parked cell waits for, who counts it, and the windows in which parked cells go on (T13, T32)."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Columns with defaults in the database: the workers of the version before go on inserting without them."""

    dependencies: ClassVar = [("tables", "0002_database_cascades")]

    operations: ClassVar = [
        migrations.AddField("rowexecution", "waits_for", models.JSONField(blank=True, null=True)),
        migrations.AddField(
            "rowexecution", "counted_paused", models.BooleanField(db_default=False, default=False)
        ),
        migrations.AddIndex(
            "rowexecution",
            models.Index(
                condition=models.Q(("counted_paused", True)),
                fields=["dispatch_id"],
                name="tables_cell_paused",
            ),
        ),
        migrations.AddField("window", "resumes", models.BooleanField(db_default=False, default=False)),
    ]
