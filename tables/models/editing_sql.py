"""The SQL of edits and of what follows from them (T3, T28). Set-based.

Every statement says what guards it and which index serves it, as in ``tables.models.sql``.
"""

# Write some cells of rows (T3): what others write there meanwhile is kept, as each row is locked, in the order of ids,
# before it is read. A row that would be the same is not written. Tells, per row there is: its size if it was written,
# the keys whose value differs, and the edited columns before and after (T30). Index: primary key.
UPDATE_ROWS = """
WITH input AS (
    SELECT i.id, i.patch, ARRAY(SELECT jsonb_array_elements_text(i.emptied)) AS emptied,
           ARRAY(SELECT jsonb_array_elements_text(i.typed)) AS typed
      FROM unnest(%(ids)s::uuid[], %(patches)s::jsonb[], %(emptied)s::jsonb[], %(typed)s::jsonb[])
               AS i(id, patch, emptied, typed)
), before AS (
    SELECT r.id, r.data, r.edited, i.patch, i.emptied, i.typed
      FROM input i JOIN tables_row r ON r.id = i.id
     WHERE r.table_id = %(table)s::uuid
     ORDER BY r.id FOR NO KEY UPDATE OF r
), wanted AS (
    SELECT b.*, (b.data || b.patch) - b.emptied AS new_data,
           ARRAY(SELECT e FROM unnest(b.edited) AS e WHERE e <> ALL(b.emptied))
           || ARRAY(SELECT e FROM unnest(b.typed) AS e WHERE e <> ALL(b.edited)) AS new_edited
      FROM before b
), written AS (
    UPDATE tables_row r SET data = w.new_data, edited = w.new_edited, updated_at = now()
      FROM wanted w
     WHERE r.id = w.id AND (w.new_data IS DISTINCT FROM w.data OR w.new_edited IS DISTINCT FROM w.edited)
    RETURNING r.id, octet_length(r.data::text) AS size
)
SELECT w.id, d.size,
       ARRAY(SELECT k.key FROM (SELECT jsonb_object_keys(w.patch) AS key UNION SELECT unnest(w.emptied)) AS k
              WHERE w.data -> k.key IS DISTINCT FROM w.new_data -> k.key),
       w.edited, w.new_edited
  FROM wanted w LEFT JOIN written d ON d.id = w.id
"""

# Rows that are about to be written, where what they hold decides whether they are; in the order of ids, as ever.
HOLD_ROWS = """
SELECT r.id FROM tables_row r
 WHERE r.table_id = %s::uuid AND r.id = ANY(%s::uuid[]) ORDER BY r.id FOR NO KEY UPDATE
"""

# Those of them that no longer hold what somebody expects: neither the value as it was sent nor as it is stored. What is
# not there is null. Index: primary key.
UNEXPECTED = """
SELECT r.id
  FROM unnest(%(ids)s::uuid[], %(sent)s::jsonb[], %(stored)s::jsonb[]) AS e(id, sent, stored)
  JOIN tables_row r ON r.id = e.id AND r.table_id = %(table)s::uuid
 WHERE EXISTS (SELECT 1 FROM jsonb_object_keys(e.sent) AS k
                WHERE coalesce(r.data -> k, 'null') <> e.sent -> k
                  AND coalesce(r.data -> k, 'null') <> e.stored -> k)
"""

# The table's active dispatches, and those that the cells in flight on these rows belong to, held: no step of theirs
# hands a row over on a reading older than the edit, and windows may be opened for them. Indexes:
# tables_dispatch_active, tables_cell_once.
FIND_DISPATCHES = """
SELECT d.id, d.requested_sequence, d.status IN ('pending', 'dispatching')
  FROM tables_dispatch d
 WHERE d.id IN (SELECT a.id FROM tables_dispatch a
                 WHERE a.table_id = %(table)s::uuid AND a.status IN ('pending', 'dispatching')
                 UNION
                SELECT c.dispatch_id FROM tables_rowexecution c
                 WHERE c.row_id = ANY(%(rows)s::uuid[]) AND c.status IN ('pending', 'queued', 'running', 'paused'))
 ORDER BY d.id
"""

HOLD_DISPATCHES = FIND_DISPATCHES + " FOR NO KEY UPDATE"

# The open windows of these rows, alone: nobody claims or finishes there. Those of their cells, and those that were
# handed over with a row whose cell is gone since, as who holds the row still claims in its name. A run that writes rows
# holds its own window already, shared with other packs, and never asks for more. Indexes: tables_cell_once, the
# window's dispatch.
HOLD_WINDOWS = """
SELECT w.id, w.dispatch_id, w.token, w.body_fired FROM tables_window w
 WHERE w.id IN (SELECT c.window_id FROM tables_rowexecution c
                 WHERE c.row_id = ANY(%(rows)s::uuid[]) AND c.status IN ('pending', 'queued', 'running', 'paused')
                 UNION
                SELECT o.id FROM tables_window o
                 WHERE o.dispatch_id = ANY(%(dispatches)s::uuid[]) AND o.row_ids && %(rows)s::uuid[])
   AND w.id <> ALL(%(mine)s::uuid[])
 ORDER BY w.id FOR UPDATE
"""

# All cells of these rows, after their windows and before the rows (lock order). Index: tables_cell_once.
HOLD_CELLS = """
SELECT c.id, c.counted_paused FROM tables_rowexecution c WHERE c.row_id = ANY(%s::uuid[]) ORDER BY c.id FOR UPDATE
"""

# Cells in flight begin anew (T28): ownerless pre-stamps of the dispatch they had, in the window given. Their runs are
# told in the same transaction, and find every write refused. Guard: the version judged. Index: primary key.
RESTART_CELLS = """
UPDATE tables_rowexecution c
   SET status = 'pending', execution_id = NULL, run_id = NULL, instance_id = NULL, window_id = i.window_id, crashes = 0,
       retries = 0, cost = NULL, error = NULL, reason = '', running_blocks = '[]', block_errors = '{}', wake_at = NULL,
       waits_for = NULL, started_at = NULL, finished_at = NULL, cancelled_at = NULL,
       version = nextval('tables_cell_version')
  FROM unnest(%(ids)s::uuid[], %(versions)s::bigint[], %(windows)s::uuid[]) AS i(id, version, window_id)
 WHERE c.id = i.id AND c.version = i.version
RETURNING c.row_id, c.group_id, c.status, c.version, c.execution_id, c.dispatch_id, c.run_id, c.attempt, c.started_at,
          c.finished_at
"""

# Records set aside that an earlier dispatch has to skip still (T25): cancelled, with the number of their stop. A run
# that had completed is no longer theirs (I3). Guard: the version judged. Index: primary key.
SET_ASIDE_CELLS = """
UPDATE tables_rowexecution c
   SET status = 'cancelled', cancelled_at = clock_timestamp(), instance_id = NULL, error = NULL, reason = '',
       run_id = CASE WHEN c.status = 'completed' THEN NULL ELSE c.run_id END,
       finished_at = coalesce(c.finished_at, clock_timestamp()), running_blocks = '[]', wake_at = NULL,
       waits_for = NULL, version = nextval('tables_cell_version')
  FROM unnest(%(ids)s::uuid[], %(versions)s::bigint[]) AS i(id, version)
 WHERE c.id = i.id AND c.version = i.version
RETURNING c.row_id, c.group_id, c.status, c.version, c.execution_id, c.dispatch_id, c.run_id, c.attempt, c.started_at,
          c.finished_at
"""
