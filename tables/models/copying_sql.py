"""SQL that copies rows with what is completed on them, in one statement whatever their number.

A copy holds the values of its original, without those under ``dropped`` keys. Completed cells come along as records
without a run, so that their values stay fresh and nothing is run, or paid for, a second time; what failed or never ran
does not, so its values are as stale as they were. Both run under the lock of the target table's row.
"""

# Rows and completed cells of `source`: the columns (old, id, data, position, edited, n).
_COPY = """
, dressed AS MATERIALIZED (
    SELECT s.old, s.id, s.n, s.position, s.data - %(dropped)s::text[] AS data,
           ARRAY(SELECT e FROM unnest(s.edited) AS e WHERE e <> ALL(%(dropped)s::text[])) AS edited
      FROM source s
), copied AS (
    INSERT INTO tables_row (id, table_id, data, position, edited, created_at, updated_at)
    SELECT id, %(target)s::uuid, data, position, edited, now(), now() FROM dressed ORDER BY n
    RETURNING id
), cells AS (
    INSERT INTO tables_rowexecution (id, row_id, group_id, table_id, status, attempt, crashes, group_revision, reason,
                                     running_blocks, block_errors, cancelled_sequence, started_at, finished_at)
    SELECT gen_random_uuid(), d.id, g.new, %(target)s::uuid, 'completed', c.attempt, 0, c.group_revision, c.reason,
           '[]', '{}', 0, c.started_at, c.finished_at
      FROM dressed d JOIN tables_rowexecution c ON c.row_id = d.old AND c.status = 'completed'
      JOIN unnest(%(groups)s::uuid[], %(new_groups)s::uuid[]) AS g(old, new) ON g.old = c.group_id
    RETURNING 1
)
SELECT count(*) FROM copied
"""

# All rows of one table into another, in order, positions kept. The new ids are UUIDs of version 7 whose time and
# counter grow with the rows' order, so that rows of one position keep theirs. Index: tables_row_order.
COPY_TABLE = f"""
WITH source AS (
    SELECT r.id AS old, r.data, r.position, r.edited, r.n,
           (lpad(to_hex(%(milliseconds)s::bigint + (r.n >> 12)), 12, '0') || '7' || lpad(to_hex(r.n & 4095), 3, '0')
            || '8' || right(replace(gen_random_uuid()::text, '-', ''), 15))::uuid AS id
      FROM (SELECT o.*, row_number() OVER (ORDER BY o.position, o.id) AS n
              FROM tables_row o WHERE o.table_id = %(table)s::uuid) AS r
){_COPY}"""  # noqa: S608 - only constants are put together

# Named rows of a table into the same one, at given positions. Index: primary key.
COPY_ROWS = f"""
WITH source AS (
    SELECT r.id AS old, r.data, i.position, r.edited, i.n, i.id
      FROM unnest(%(rows)s::uuid[], %(ids)s::uuid[], %(positions)s::text[]) WITH ORDINALITY AS i(old, id, position, n)
      JOIN tables_row r ON r.id = i.old AND r.table_id = %(table)s::uuid
){_COPY}"""  # noqa: S608 - only constants are put together
"""Both answer how many rows were copied."""
