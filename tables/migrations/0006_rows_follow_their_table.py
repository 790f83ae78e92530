"""Rows are deleted with their table by one statement, instead of looking their table up one by one (P10)."""

from typing import ClassVar

from django.db import migrations

# The foreign key cost a quarter of what PostgreSQL spends on an imported row: each looked its table up and locked it.
# Whoever inserts rows holds the table's own row anyway, as its exact count is kept there (`schema_lock.table_lock`), so
# no row can be born while its table is deleted; and that the rows go with it, one statement sees to.
CREATE_TRIGGER = """
CREATE FUNCTION tables_rows_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM tables_row r USING went w WHERE r.table_id = w.id;
    RETURN NULL;
END $$;
CREATE TRIGGER tables_rows_follow AFTER DELETE ON tables_table
    REFERENCING OLD TABLE AS went FOR EACH STATEMENT EXECUTE FUNCTION tables_rows_follow();
ALTER TABLE tables_row DROP CONSTRAINT tables_row_table_fk;
"""
DROP_TRIGGER = """
ALTER TABLE tables_row ADD CONSTRAINT tables_row_table_fk
    FOREIGN KEY (table_id) REFERENCES tables_table (id) ON DELETE CASCADE;
DROP TRIGGER tables_rows_follow ON tables_table;
DROP FUNCTION tables_rows_follow;
"""


class Migration(migrations.Migration):
    """Needs nothing of the workers of the version before."""

    dependencies: ClassVar = [("tables", "0005_cell_counts")]

    operations: ClassVar = [migrations.RunSQL(CREATE_TRIGGER, DROP_TRIGGER)]
