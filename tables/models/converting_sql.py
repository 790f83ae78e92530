"""SQL of a column whose values change their form. It runs under the schema's lock and that of the table's row."""

# How many values there are at all, counted no further than a bound. Index: tables_row_order.
COUNT_VALUES = """
SELECT count(*) FROM (
    SELECT 1 FROM tables_row r WHERE r.table_id = %(table)s AND r.data -> %(key)s <> 'null' LIMIT %(most)s
) AS counted
"""

# Every value with its row, which is held from here on: what a run or a person writes comes before or after. In the
# order of ids, as whoever writes several rows takes them.
HELD_VALUES = """
SELECT r.id, r.data -> %(key)s FROM tables_row r
 WHERE r.table_id = %(table)s AND r.data -> %(key)s <> 'null'
 ORDER BY r.id FOR NO KEY UPDATE
"""

# Different values, to make choices of.
DISTINCT_VALUES = """
SELECT DISTINCT r.data -> %(key)s FROM tables_row r
 WHERE r.table_id = %(table)s AND r.data -> %(key)s <> 'null' LIMIT %(most)s
"""

# Values in their new form; null: emptied, and with it the mark of a person's edit.
WRITE_VALUES = """
UPDATE tables_row r
   SET data = CASE WHEN i.value IS NULL THEN r.data - %(key)s ELSE r.data || jsonb_build_object(%(key)s, i.value) END,
       edited = CASE WHEN i.value IS NULL THEN array_remove(r.edited, %(key)s) ELSE r.edited END,
       updated_at = now()
  FROM unnest(%(ids)s::uuid[], %(values)s::jsonb[]) AS i(id, value)
 WHERE r.id = i.id
"""

# Values that stand in several rows, the commonest first.
REPEATED_VALUES = """
SELECT r.data -> %(key)s, count(*) FROM tables_row r
 WHERE r.table_id = %(table)s AND r.data -> %(key)s <> 'null'
 GROUP BY 1 HAVING count(*) > 1 ORDER BY 2 DESC, 1 LIMIT 5
"""
