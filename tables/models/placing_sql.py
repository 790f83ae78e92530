"""SQL about rows' places (T4). All of it runs under the lock of the table's row: positions are given out one by one.

Index of every statement here: tables_row_order (table, position, id).
"""

# Where a table ends.
LAST_POSITION = """
SELECT position FROM tables_row WHERE table_id = %s AND id <> ALL(%s::uuid[])
 ORDER BY position DESC, id DESC LIMIT 1
"""

# The positions around a row: of the one before it, its own, of the one after it. Rows about to move away are no
# neighbours.
NEIGHBOURS = """
SELECT (SELECT n.position FROM tables_row n
         WHERE n.table_id = r.table_id AND (n.position, n.id) < (r.position, r.id) AND n.id <> ALL(%(but)s::uuid[])
         ORDER BY n.position DESC, n.id DESC LIMIT 1),
       r.position,
       (SELECT n.position FROM tables_row n
         WHERE n.table_id = r.table_id AND (n.position, n.id) > (r.position, r.id) AND n.id <> ALL(%(but)s::uuid[])
         ORDER BY n.position, n.id LIMIT 1)
  FROM tables_row r WHERE r.table_id = %(table)s AND r.id = %(row)s
"""

# A stretch of rows around one: those before it, outwards, then itself and those after it.
STRETCH = """
WITH middle AS (SELECT position, id FROM tables_row WHERE table_id = %(table)s AND id = %(row)s)
(SELECT r.id, r.position, true FROM tables_row r, middle m
  WHERE r.table_id = %(table)s AND (r.position, r.id) < (m.position, m.id)
  ORDER BY r.position DESC, r.id DESC LIMIT %(reach)s)
UNION ALL
(SELECT r.id, r.position, false FROM tables_row r, middle m
  WHERE r.table_id = %(table)s AND (r.position, r.id) >= (m.position, m.id)
  ORDER BY r.position, r.id LIMIT %(reach)s)
"""

# Rows take new positions: those that move, and those that make room without changing their order. Locked in the order
# of ids first, as whoever writes several rows does; `moved_at` lets a dispatch look for what slipped past its cursor.
PLACE_ROWS = """
WITH input AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(positions)s::text[]) AS i(id, position)
), held AS MATERIALIZED (
    SELECT r.id FROM tables_row r JOIN input i ON i.id = r.id ORDER BY r.id FOR NO KEY UPDATE OF r
)
UPDATE tables_row r SET position = i.position, moved_at = clock_timestamp()
  FROM input i JOIN held h ON h.id = i.id
 WHERE r.id = i.id
"""
