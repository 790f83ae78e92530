"""Retries of a cell's run, what cells and dispatches have cost, and groups a dispatch goes on without (T13, T23, T24)."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models


def _cost() -> models.DecimalField:
    return models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)


class Migration(migrations.Migration):
    """Columns with defaults in the database: the workers of the version before go on inserting without them."""

    dependencies: ClassVar = [("tables", "0003_paused_cells")]

    operations: ClassVar = [
        migrations.AddField("dispatch", "cost", _cost()),
        migrations.AddField(
            "dispatch",
            "stopped_groups",
            ArrayField(models.UUIDField(), blank=True, default=list, db_default=models.Value("{}")),
        ),
        migrations.AddField("rowexecution", "cost", _cost()),
        migrations.AddField("rowexecution", "retries", models.PositiveIntegerField(db_default=0, default=0)),
    ]
