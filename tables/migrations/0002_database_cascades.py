"""The foreign keys of the two big tables, cascading in the database, and room for updates in place."""

from typing import ClassVar

from django.db import migrations

# Django's own cascade would load every row it deletes. `tables_row` and `tables_rowexecution` are deleted by the
# hundred thousand, so PostgreSQL does it: the models say `db_constraint=False`, the constraints stand here.
# A cell reaches its table through its row, so its `table_id` needs no check on every write; its group is checked by
# the services, because a check would lock the one group that all cells of a column share.
ADD_CASCADES = """
ALTER TABLE tables_row ADD CONSTRAINT tables_row_table_fk
    FOREIGN KEY (table_id) REFERENCES tables_table (id) ON DELETE CASCADE;
ALTER TABLE tables_rowexecution ADD CONSTRAINT tables_cell_row_fk
    FOREIGN KEY (row_id) REFERENCES tables_row (id) ON DELETE CASCADE;
"""
DROP_CASCADES = """
ALTER TABLE tables_rowexecution DROP CONSTRAINT tables_cell_row_fk;
ALTER TABLE tables_row DROP CONSTRAINT tables_row_table_fk;
"""

# Cells change status several times and rows are filled column by column. A row changes no indexed column then, so
# with room on its page the update is heap-only. Dead versions are cleared early: these tables turn over quickly.
SET_STORAGE = """
ALTER TABLE tables_row SET (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE tables_rowexecution SET (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE tables_window SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE tables_dispatch SET (fillfactor = 70);
"""
RESET_STORAGE = """
ALTER TABLE tables_row RESET (fillfactor, autovacuum_vacuum_scale_factor);
ALTER TABLE tables_rowexecution RESET (fillfactor, autovacuum_vacuum_scale_factor);
ALTER TABLE tables_window RESET (fillfactor, autovacuum_vacuum_scale_factor);
ALTER TABLE tables_dispatch RESET (fillfactor);
"""


class Migration(migrations.Migration):
    """After the tables themselves."""

    dependencies: ClassVar = [("tables", "0001_initial")]

    operations: ClassVar = [
        migrations.RunSQL(ADD_CASCADES, DROP_CASCADES),
        migrations.RunSQL(SET_STORAGE, RESET_STORAGE),
    ]
