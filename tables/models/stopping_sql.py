"""The SQL of stops (T24, T25), set-based: a statement carries a selection of any size.

Every statement says what it is for, what guards it and which index serves it, as in ``tables.models.sql``. A selection
comes as a condition over ``tables_row r`` (``scope_rows_sql``), put in by the caller, its values as parameters.
"""

# Stop cells (T24): written without asking who owns them. Served by tables_cell_counts for a table, by
# tables_cell_once for rows, by tables_cell_window for a dispatch; the caller puts the condition in. The runs they
# name are told in the same transaction; what they have cost so far was spent (T13).
STOP_CELLS = """
WITH doomed AS (
    SELECT c.id FROM tables_rowexecution c
     WHERE c.status IN ('pending', 'queued', 'running', 'paused') AND {condition}
     ORDER BY c.id FOR UPDATE OF c
)
UPDATE tables_rowexecution c
   SET status = 'cancelled', cancelled_at = clock_timestamp(), finished_at = clock_timestamp(),
       cancelled_sequence = greatest(c.cancelled_sequence, %(sequence)s::bigint), instance_id = NULL,
       running_blocks = '[]', reason = '', wake_at = NULL, waits_for = NULL,
       cost = coalesce((SELECT r.cost FROM workflows_run r WHERE r.id = c.run_id), c.cost),
       version = nextval('tables_cell_version')
  FROM doomed WHERE c.id = doomed.id
RETURNING c.row_id, c.group_id, c.status, c.version, c.execution_id, c.dispatch_id, c.run_id, c.attempt,
          c.started_at, c.finished_at, c.counted_paused, c.cancelled_sequence
"""

# Cells in flight on the rows of a selection, whoever's they are. Starts from the cells, of which few are in flight, and
# looks each row up: a filter is never evaluated over the table. Index: tables_cell_counts, then the rows' primary key.
CELLS_IN_SELECTION = """
SELECT c.id
  FROM tables_rowexecution c
  JOIN LATERAL (SELECT 1 FROM tables_row r
                 WHERE r.id = c.row_id AND r.table_id = c.table_id {rows} LIMIT 1) AS found ON true
 WHERE c.table_id = %s::uuid AND c.group_id = ANY(%s::uuid[]) AND c.status = ANY(%s::text[])
"""

# Parked cells of other groups on those rows: what reads from them would follow when they go on (T32).
PARKED_IN_SELECTION = """
SELECT c.dispatch_id, array_agg(DISTINCT c.row_id)
  FROM tables_rowexecution c
  JOIN LATERAL (SELECT 1 FROM tables_row r
                 WHERE r.id = c.row_id AND r.table_id = c.table_id {rows} LIMIT 1) AS found ON true
 WHERE c.table_id = %s::uuid AND c.group_id <> ALL(%s::uuid[]) AND c.status = 'paused' AND c.dispatch_id IS NOT NULL
 GROUP BY c.dispatch_id
"""

# Open windows that hold rows of a selection, or belong to dispatches that end, with those rows. Held alone until the
# stop is committed: a pack claims and finishes only under its window. Index: tables_window (dispatch).
LOCK_WINDOWS_OF_SELECTION = """
SELECT w.id, w.dispatch_id, w.token, w.body_fired, found.rows
  FROM tables_window w JOIN tables_dispatch d ON d.id = w.dispatch_id
  CROSS JOIN LATERAL (SELECT array_agg(r.id) AS rows FROM unnest(w.row_ids) AS held(id)
                        JOIN tables_row r ON r.id = held.id WHERE r.table_id = d.table_id {rows}) AS found
 WHERE d.table_id = %s::uuid AND (w.dispatch_id = ANY(%s::uuid[]) OR found.rows IS NOT NULL)
 ORDER BY w.id FOR UPDATE OF w
"""

# Rows of a selection that a walk has yet to come by: after its cursor, or moved since it began. Looks at so many rows
# in the order of the walk and no more, and says how many it looked at. Index: tables_row_order, tables_row_moved.
ROWS_AHEAD = """
WITH r AS MATERIALIZED (
    (SELECT r.* FROM tables_row r
      WHERE r.table_id = %s::uuid AND r.seq <= %s::bigint AND (r.position, r.id) > (%s::text, %s::uuid) {near}
      ORDER BY r.position, r.id LIMIT %s)
    UNION ALL
    (SELECT r.* FROM tables_row r
      WHERE r.table_id = %s::uuid AND r.seq <= %s::bigint AND (r.position, r.id) <= (%s::text, %s::uuid)
        AND r.moved_at IS NOT NULL {near} LIMIT %s)
)
SELECT (SELECT count(*) FROM r), ARRAY(SELECT r.id FROM r WHERE true {far})
"""

# Tombstones for rows that a dispatch has not reached (T25): any dispatch requested before the stop skips the cell. A
# record that is finished keeps what it says and only learns the number; one in flight meanwhile is stopped. In the
# order of rows and groups, which every stop keeps. Index: tables_cell_once.
WRITE_TOMBSTONES = """
INSERT INTO tables_rowexecution (id, row_id, group_id, table_id, status, attempt, crashes, group_revision, reason,
                                 running_blocks, block_errors, cancelled_sequence, cancelled_at, finished_at)
SELECT i.id, i.row_id, i.group_id, %(table)s::uuid, 'cancelled', 0, 0, 0, '', '[]', '{}', %(sequence)s::bigint,
       clock_timestamp(), clock_timestamp()
  FROM unnest(%(ids)s::uuid[], %(rows)s::uuid[], %(groups)s::uuid[]) AS i(id, row_id, group_id)
  JOIN tables_row r ON r.id = i.row_id AND r.table_id = %(table)s::uuid
 ORDER BY i.row_id, i.group_id
ON CONFLICT (row_id, group_id) DO UPDATE
   SET cancelled_sequence = EXCLUDED.cancelled_sequence,
       status = CASE WHEN tables_rowexecution.status IN ('pending', 'queued', 'running', 'paused')
                     THEN 'cancelled' ELSE tables_rowexecution.status END,
       cancelled_at = CASE WHEN tables_rowexecution.status IN ('pending', 'queued', 'running', 'paused', 'cancelled')
                           THEN clock_timestamp() END,
       finished_at = coalesce(tables_rowexecution.finished_at, clock_timestamp()), instance_id = NULL,
       running_blocks = '[]', wake_at = NULL, waits_for = NULL, version = nextval('tables_cell_version')
 WHERE tables_rowexecution.cancelled_sequence < EXCLUDED.cancelled_sequence
RETURNING row_id, group_id, status, version, execution_id, dispatch_id, run_id, attempt, started_at, finished_at,
          counted_paused, cancelled_sequence
"""

# The same where a walk meets a selection that was stopped a while ago: what was asked for since, and is in flight or
# done by now, is not stopped by it, and only learns the number. Index: tables_cell_once.
LEAVE_TOMBSTONES = """
INSERT INTO tables_rowexecution (id, row_id, group_id, table_id, status, attempt, crashes, group_revision, reason,
                                 running_blocks, block_errors, cancelled_sequence, cancelled_at, finished_at)
SELECT i.id, i.row_id, i.group_id, %(table)s::uuid, 'cancelled', 0, 0, 0, '', '[]', '{}', %(sequence)s::bigint,
       clock_timestamp(), clock_timestamp()
  FROM unnest(%(ids)s::uuid[], %(rows)s::uuid[], %(groups)s::uuid[]) AS i(id, row_id, group_id)
  JOIN tables_row r ON r.id = i.row_id AND r.table_id = %(table)s::uuid
 ORDER BY i.row_id, i.group_id
ON CONFLICT (row_id, group_id) DO UPDATE
   SET cancelled_sequence = EXCLUDED.cancelled_sequence, version = nextval('tables_cell_version')
 WHERE tables_rowexecution.cancelled_sequence < EXCLUDED.cancelled_sequence
RETURNING row_id, group_id, status, version, execution_id, dispatch_id, run_id, attempt, started_at, finished_at,
          counted_paused, cancelled_sequence
"""

# The rows of a page that one stopped selection names. Index: primary key.
ROWS_STOPPED = """
SELECT r.id FROM tables_row r WHERE r.id = ANY(%s::uuid[]) {rows}
"""
