"""Counts of cells by table, workflow group and status, kept by statement triggers (T37)."""

from typing import ClassVar

from django.db import migrations, models

# One function for the three kinds of statement. A statement that leaves every status as it was – a claim that renews, a
# block that is shown – nets to nothing and writes nothing. The deletes of a cascade are statements too and are counted.
CREATE_TRIGGERS = """
CREATE FUNCTION tables_cells_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tables_cellcount (table_id, group_id, status, delta, is_folded)
    SELECT table_id, group_id, status, count(*), false FROM came GROUP BY table_id, group_id, status;
    RETURN NULL;
END $$;
CREATE FUNCTION tables_cells_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tables_cellcount (table_id, group_id, status, delta, is_folded)
    SELECT table_id, group_id, status, sum(delta), false
      FROM (SELECT table_id, group_id, status, 1 AS delta FROM came
            UNION ALL
            SELECT table_id, group_id, status, -1 FROM went) AS changed
     GROUP BY table_id, group_id, status HAVING sum(delta) <> 0;
    RETURN NULL;
END $$;
CREATE FUNCTION tables_cells_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tables_cellcount (table_id, group_id, status, delta, is_folded)
    SELECT table_id, group_id, status, -count(*), false FROM went GROUP BY table_id, group_id, status;
    RETURN NULL;
END $$;
CREATE TRIGGER tables_cells_inserted AFTER INSERT ON tables_rowexecution
    REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION tables_cells_inserted();
CREATE TRIGGER tables_cells_updated AFTER UPDATE ON tables_rowexecution
    REFERENCING OLD TABLE AS went NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION tables_cells_updated();
CREATE TRIGGER tables_cells_deleted AFTER DELETE ON tables_rowexecution
    REFERENCING OLD TABLE AS went FOR EACH STATEMENT EXECUTE FUNCTION tables_cells_deleted();
"""
DROP_TRIGGERS = """
DROP TRIGGER tables_cells_inserted ON tables_rowexecution;
DROP TRIGGER tables_cells_updated ON tables_rowexecution;
DROP TRIGGER tables_cells_deleted ON tables_rowexecution;
DROP FUNCTION tables_cells_inserted;
DROP FUNCTION tables_cells_updated;
DROP FUNCTION tables_cells_deleted;
"""

# Creating the triggers has waited for every writer and keeps new ones out until the commit: nothing is missed, and
# nothing counted twice.
COUNT_WHAT_IS_THERE = """
INSERT INTO tables_cellcount (table_id, group_id, status, delta, is_folded)
SELECT table_id, group_id, status, count(*), true FROM tables_rowexecution GROUP BY table_id, group_id, status;
"""

# A change is a short-lived row: dead versions are cleared early.
SET_STORAGE = "ALTER TABLE tables_cellcount SET (autovacuum_vacuum_scale_factor = 0.02);"


class Migration(migrations.Migration):
    """Needs nothing of the workers of the version before: their statements are counted as they are."""

    dependencies: ClassVar = [("tables", "0004_retries_and_stops")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="CellCount",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("table_id", models.UUIDField()),
                ("group_id", models.UUIDField()),
                ("status", models.CharField(max_length=16)),
                ("delta", models.BigIntegerField()),
                ("is_folded", models.BooleanField(default=False)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("is_folded", False)),
                        fields=["table_id"],
                        name="tables_cellcount_changes",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_folded", True)),
                        fields=("table_id", "group_id", "status"),
                        name="tables_cellcount_sum_once",
                    )
                ],
            },
        ),
        migrations.RunSQL(CREATE_TRIGGERS, DROP_TRIGGERS),
        migrations.RunSQL(COUNT_WHAT_IS_THERE, migrations.RunSQL.noop),
        migrations.RunSQL(SET_STORAGE, migrations.RunSQL.noop),
    ]
