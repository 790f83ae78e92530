"""The SQL of cells that wait for a place under the limits of their workflow group (T23). Set-based.

A cell that waits is ``queued``, owned by nobody, and says ``group_limit`` in ``waits_for``; one that was given a place
is ``pending`` with the reason ``admitted`` until somebody claims it. Running and admitted cells are what counts against
``concurrency``. Every statement says what guards it and which index serves it, as in ``tables.models.sql``.
"""

WAITS = """'[{"kind": "group_limit"}]'::jsonb"""

# Whoever gives places away does so alone, per group, until its transaction ends; in the order of ids. A statement of
# its own: what is read after it sees what was committed before it.
LOCK_GROUPS = """
SELECT pg_advisory_xact_lock(hashtextextended('tables.group_limit:' || g.id, 0))
  FROM (SELECT id::text FROM unnest(%s::uuid[]) AS i(id) ORDER BY id) g
"""

# How each group stands: cells that hold a place, how many wait, which of these cells have been given one, and the
# limits as they are now. Index: tables_cell_counts.
LOOK = f"""
SELECT g.id, g.limits,
       (SELECT count(*) FROM tables_rowexecution c
         WHERE c.table_id = g.table_id AND c.group_id = g.id AND c.status = 'running')
     + (SELECT count(*) FROM tables_rowexecution c
         WHERE c.table_id = g.table_id AND c.group_id = g.id AND c.status = 'pending' AND c.reason = 'admitted'),
       (SELECT count(*) FROM tables_rowexecution c
         WHERE c.table_id = g.table_id AND c.group_id = g.id AND c.status = 'queued' AND c.waits_for @> {WAITS}),
       ARRAY(SELECT c.id FROM tables_rowexecution c
              WHERE c.id = ANY(%(cells)s::uuid[]) AND c.group_id = g.id AND c.status = 'pending'
                AND c.reason = 'admitted')
  FROM tables_workflowgroup g WHERE g.id = ANY(%(groups)s::uuid[]) ORDER BY g.id
"""  # noqa: S608 - only a constant is interpolated

# Have cells wait for a place: one that was to go on keeps its run and its execution. Guard: the version judged, or that
# there still is no record. Index: tables_cell_once.
HOLD_CELLS = """
WITH input AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(rows)s::uuid[], %(groups)s::uuid[], %(versions)s::bigint[],
                         %(dispatches)s::uuid[], %(windows)s::uuid[], %(wakes)s::timestamptz[], %(waits)s::text[])
               AS i(id, row_id, group_id, version, dispatch_id, window_id, wake_at, waits_for)
), updated AS (
    UPDATE tables_rowexecution c
       SET execution_id = CASE WHEN c.status = 'pending' THEN c.execution_id END,
           run_id = CASE WHEN c.status = 'pending' THEN c.run_id END, status = 'queued', reason = 'rate_limited',
           dispatch_id = i.dispatch_id, window_id = i.window_id, wake_at = i.wake_at, waits_for = i.waits_for::jsonb,
           counted_paused = c.counted_paused AND c.dispatch_id = i.dispatch_id, instance_id = NULL, error = NULL,
           running_blocks = '[]', block_errors = '{}', finished_at = NULL, cancelled_at = NULL, cost = NULL,
           version = nextval('tables_cell_version')
      FROM input i
     WHERE c.row_id = i.row_id AND c.group_id = i.group_id AND c.version = i.version
    RETURNING c.row_id, c.group_id, c.status, c.version, c.execution_id, c.dispatch_id, c.run_id, c.attempt,
              c.started_at, c.finished_at, c.reason, c.wake_at, c.waits_for
), inserted AS (
    INSERT INTO tables_rowexecution (id, row_id, group_id, table_id, status, dispatch_id, window_id, attempt, crashes,
                                     group_revision, reason, running_blocks, block_errors, cancelled_sequence, wake_at,
                                     waits_for)
    SELECT i.id, i.row_id, i.group_id, %(table)s::uuid, 'queued', i.dispatch_id, i.window_id, 0, 0, 0, 'rate_limited',
           '[]', '{}', 0, i.wake_at, i.waits_for::jsonb
      FROM input i WHERE i.version IS NULL
    ON CONFLICT (row_id, group_id) DO NOTHING
    RETURNING row_id, group_id, status, version, execution_id, dispatch_id, run_id, attempt, started_at, finished_at,
              reason, wake_at, waits_for
)
SELECT * FROM updated UNION ALL SELECT * FROM inserted
"""

# Those that wait, in the table's order, whose row nobody works on just now. Index: tables_cell_counts.
NEXT_WAITING = f"""
SELECT c.id FROM tables_rowexecution c JOIN tables_row r ON r.id = c.row_id
 WHERE c.table_id = %(table)s::uuid AND c.group_id = %(group)s::uuid AND c.status = 'queued' AND c.waits_for @> {WAITS}
   AND NOT EXISTS (SELECT 1 FROM tables_rowexecution held WHERE held.row_id = c.row_id AND held.status = 'running')
 ORDER BY r.position, r.id LIMIT %(most)s::int
   FOR UPDATE OF c SKIP LOCKED
"""  # noqa: S608

# Give waiting cells, which the caller holds, a place.
ADMIT_CELLS = """
UPDATE tables_rowexecution c
   SET status = 'pending', reason = 'admitted', wake_at = NULL, waits_for = NULL,
       version = nextval('tables_cell_version')
 WHERE c.id = ANY(%s::uuid[]) AND c.status = 'queued'
RETURNING c.row_id, c.group_id, c.status, c.version, c.execution_id, c.dispatch_id, c.run_id, c.attempt, c.started_at,
          c.finished_at, c.reason, c.wake_at, c.waits_for, c.window_id
"""

# Groups with cells that wait, in windows in flight. Index: tables_cell_window.
GROUPS_WAITING = f"""
SELECT DISTINCT c.table_id, c.group_id FROM tables_window w JOIN tables_rowexecution c ON c.window_id = w.id
 WHERE c.status = 'queued' AND c.waits_for @> {WAITS}
"""  # noqa: S608
