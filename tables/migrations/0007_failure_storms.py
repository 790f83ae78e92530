"""Dispatches count the cells of each group that fail one after the other, to stop themselves in a storm."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Workers of the version before insert and save dispatches without the new column: the database fills it."""

    dependencies: ClassVar = [("tables", "0006_rows_follow_their_table")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="dispatch",
            name="failing",
            field=models.JSONField(blank=True, db_default={}, default=dict),
        ),
    ]
