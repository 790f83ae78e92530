"""The SQL of cells that park, show something before their end, and are taken up again (T19, T23, T32). Set-based.

Every statement says what guards it and which index serves it, as in ``tables.models.sql``.
"""

# What running cells show before their end, and how they park (T19, T32): blocks under way, outputs of finished blocks,
# status and reason, and of a retry the error it is for. Guard: mine and running (T18). A person's edit survives as it
# does in FINISH_CELLS (T30), and what the row has no room for is left for the end (F21); what was really written is
# told. Index: primary keys.
SHOW_CELLS = """
WITH input AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(executions)s::uuid[], %(statuses)s::text[], %(reasons)s::text[],
                         %(wakes)s::timestamptz[], %(waits)s::text[], %(running)s::text[], %(errors)s::text[],
                         %(retries)s::int[], %(rows)s::uuid[], %(patches)s::text[], %(overwrites)s::bool[])
               AS i(id, execution_id, status, reason, wake_at, waits_for, running, error, retries, row_id, patch,
                    overwrite)
), held AS (
    SELECT r.id, r.data, r.edited FROM tables_row r
     WHERE r.id IN (SELECT i.row_id FROM input i WHERE i.patch IS NOT NULL)
     ORDER BY r.id FOR NO KEY UPDATE OF r
), shown AS (
    UPDATE tables_rowexecution c
       SET status = i.status, reason = i.reason, wake_at = i.wake_at, waits_for = i.waits_for::jsonb,
           running_blocks = i.running::jsonb, error = i.error::jsonb, retries = i.retries,
           instance_id = CASE WHEN i.status = 'running' THEN c.instance_id END,
           version = nextval('tables_cell_version')
      FROM input i
     WHERE c.id = i.id AND c.execution_id = i.execution_id AND c.status = 'running'
    RETURNING c.id, c.version, c.started_at
), fitting AS (
    SELECT w.id, w.row_id, w.overwrite, w.written
      FROM (SELECT i.id, i.row_id, i.overwrite, h.data,
                   CASE WHEN i.overwrite THEN i.patch::jsonb ELSE i.patch::jsonb - h.edited END AS written
              FROM input i JOIN shown s ON s.id = i.id JOIN held h ON h.id = i.row_id
             WHERE i.patch IS NOT NULL) w
     WHERE octet_length((w.data || w.written)::text) <= %(row_bytes)s::bigint
), patched AS (
    UPDATE tables_row r
       SET data = r.data || f.written,
           edited = CASE WHEN f.overwrite
                         THEN ARRAY(SELECT e FROM unnest(r.edited) e WHERE NOT f.written ? e) ELSE r.edited END,
           updated_at = clock_timestamp()
      FROM fitting f WHERE r.id = f.row_id
    RETURNING f.id, f.written
)
SELECT s.id, s.version, s.started_at, p.written::text FROM shown s LEFT JOIN patched p ON p.id = s.id
"""

# Cells at rest that are to go on, with their dispatch and window as they stand now; the caller locks those, in that
# order, before it locks the cells. Guard: still about this run, and not cancelled (T26); what waits for its group's
# limit is woken by that alone. Index: primary key.
FIND_RESTING = """
SELECT c.id, c.dispatch_id, c.window_id
  FROM tables_rowexecution c JOIN unnest(%(cells)s::uuid[], %(runs)s::uuid[]) AS i(id, run_id)
    ON c.id = i.id AND c.run_id = i.run_id
 WHERE c.execution_id IS NOT NULL AND c.status = ANY(%(statuses)s::text[])
   AND NOT coalesce(c.waits_for @> '[{"kind": "group_limit"}]', false)
"""

# Never the other way round: a dispatcher's step holds the dispatch, then its cells.
LOCK_DISPATCHES = """
SELECT d.id, d.table_id, d.groups FROM tables_dispatch d WHERE d.id = ANY(%s::uuid[]) ORDER BY d.id FOR NO KEY UPDATE
"""

LOCK_RESTING = """
SELECT c.id, c.row_id, c.group_id, c.dispatch_id, c.window_id, c.counted_paused, c.status, c.cost
  FROM tables_rowexecution c JOIN unnest(%(cells)s::uuid[], %(runs)s::uuid[]) AS i(id, run_id)
    ON c.id = i.id AND c.run_id = i.run_id
 WHERE c.execution_id IS NOT NULL AND c.status = ANY(%(statuses)s::text[])
   AND NOT coalesce(c.waits_for @> '[{"kind": "group_limit"}]', false)
 ORDER BY c.id FOR UPDATE OF c
"""

# Hand cells over again under the execution they have, in the window given. The caller holds them.
HAND_OVER_CELLS = """
UPDATE tables_rowexecution c
   SET status = 'pending', window_id = i.window_id, counted_paused = i.counted, instance_id = NULL, crashes = 0,
       error = NULL, reason = '', wake_at = NULL, waits_for = NULL, finished_at = NULL, cost = NULL,
       version = nextval('tables_cell_version')
  FROM unnest(%(cells)s::uuid[], %(windows)s::uuid[], %(counted)s::bool[]) AS i(id, window_id, counted)
 WHERE c.id = i.id
RETURNING c.row_id, c.group_id, c.status, c.version, c.execution_id, c.dispatch_id, c.run_id, c.attempt, c.started_at,
          c.finished_at
"""

# From now on the dispatch counts these cells as paused, whatever becomes of them (T13). Index: tables_cell_window.
COUNT_AS_PAUSED = """
UPDATE tables_rowexecution c SET counted_paused = true
 WHERE c.window_id = %(window)s::uuid AND c.group_id = ANY(%(groups)s::uuid[]) AND c.status = 'paused'
   AND NOT c.counted_paused
"""

# Where the cells that a dispatch counts as paused stand by now. Index: tables_cell_paused.
COUNTED_AS_PAUSED = """
SELECT c.status, count(*), sum(c.cost) FROM tables_rowexecution c
 WHERE c.dispatch_id = %s::uuid AND c.counted_paused GROUP BY c.status
"""

# Those that have come to an end, held until their dispatch has put them under the right heading; not while a window of
# theirs is open, as its close does it. Index: tables_cell_paused.
SETTLE_PAUSED = """
WITH ended AS (
    SELECT c.id FROM tables_rowexecution c
     WHERE c.dispatch_id = %s::uuid AND c.counted_paused AND c.status IN ('completed', 'failed', 'cancelled')
       AND NOT EXISTS (SELECT 1 FROM tables_window w WHERE w.id = c.window_id)
     ORDER BY c.id FOR UPDATE OF c
)
UPDATE tables_rowexecution c SET counted_paused = false FROM ended WHERE c.id = ended.id
RETURNING c.status, c.cost
"""

# Back-offs in open windows whose time passed a while ago: whatever was to wake them did not. Index: tables_cell_window.
OVERSLEPT = """
SELECT c.run_id, c.id FROM tables_window w JOIN tables_rowexecution c ON c.window_id = w.id
 WHERE c.status = 'queued' AND c.execution_id IS NOT NULL AND c.wake_at < now() - make_interval(secs => %s::float8)
   AND NOT coalesce(c.waits_for @> '[{"kind": "group_limit"}]', false)
 LIMIT 500
"""
