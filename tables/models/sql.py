"""The hot path's SQL, set-based: one statement carries a pack of rows (`performance.md`).

Every statement says what it is for, what guards it and which index serves it. Cells are addressed by
``(row_id, group_id)`` and compared by ``version``: a cell written since it was read matches nothing.
"""

CELL_FIELDS = """c.id::text, c.group_id::text, c.status, c.version, c.execution_id::text, c.dispatch_id::text,
       c.window_id::text, c.run_id::text, c.attempt, c.crashes, c.cancelled_sequence,
       (SELECT d.requested_sequence FROM tables_dispatch d WHERE d.id = c.dispatch_id)"""

# A row's first read is one query (T21): rows with their cells, in the table's order. Index: primary keys,
# tables_cell_once (row, group).
LOAD_ROWS = f"""
SELECT r.id, r.data, r.edited,
       (SELECT jsonb_agg(jsonb_build_array({CELL_FIELDS})) FROM tables_rowexecution c WHERE c.row_id = r.id),
       t.schema_version
  FROM tables_row r JOIN tables_table t ON t.id = r.table_id
 WHERE r.table_id = %(table)s::uuid AND r.id = ANY(%(rows)s::uuid[]) AND t.archived_at IS NULL
 ORDER BY r.position, r.id
"""  # noqa: S608 - only the constant field list is interpolated

# The next rows of a dispatch by keyset, with their cells (T9, T10). Index: tables_row_order. The scope's own
# condition ({scope}) is put in by the caller, its values as parameters.
SCAN_ROWS = f"""
SELECT r.id, r.data, r.edited,
       (SELECT jsonb_agg(jsonb_build_array({CELL_FIELDS})) FROM tables_rowexecution c WHERE c.row_id = r.id),
       r.position
  FROM tables_row r
 WHERE r.table_id = %s::uuid AND r.seq <= %s::bigint {{scope}}
 ORDER BY r.position, r.id
 LIMIT %s::int
"""  # noqa: S608

# Clear finished records (a targeted record of mode `all`). Guard: the version that was judged. The version drawn
# here is the one clients are told, so that a later cell made anew is newer (T35).
CLEAR_CELLS = """
DELETE FROM tables_rowexecution c
 USING unnest(%s::uuid[], %s::bigint[]) AS i(id, version)
 WHERE c.id = i.id AND c.version = i.version
RETURNING c.row_id, c.group_id, nextval('tables_cell_version')
"""

# Pre-stamp cells as they are handed over: pending, owned by nobody. Guard: the version that was judged, or that
# there still is no record. Cells that changed meanwhile are simply not stamped.
STAMP_CELLS = """
WITH input AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(rows)s::uuid[], %(groups)s::uuid[], %(versions)s::bigint[])
               AS i(id, row_id, group_id, version)
), updated AS (
    UPDATE tables_rowexecution c
       SET status = 'pending', execution_id = NULL, dispatch_id = %(dispatch)s::uuid, window_id = %(window)s::uuid,
           run_id = NULL, instance_id = NULL, crashes = 0, error = NULL, reason = '', running_blocks = '[]',
           block_errors = '{}', wake_at = NULL, waits_for = NULL, counted_paused = false, started_at = NULL,
           finished_at = NULL, cancelled_at = NULL, retries = 0, cost = NULL,
           version = nextval('tables_cell_version')
      FROM input i
     WHERE c.row_id = i.row_id AND c.group_id = i.group_id AND c.version = i.version
    RETURNING c.row_id, c.group_id, c.version
), inserted AS (
    INSERT INTO tables_rowexecution (id, row_id, group_id, table_id, status, dispatch_id, window_id, attempt, crashes,
                                     group_revision, reason, running_blocks, block_errors, cancelled_sequence)
    SELECT i.id, i.row_id, i.group_id, %(table)s::uuid, 'pending', %(dispatch)s::uuid, %(window)s::uuid, 0, 0,
           0, '', '[]', '{}', 0
      FROM input i WHERE i.version IS NULL
    ON CONFLICT (row_id, group_id) DO NOTHING
    RETURNING row_id, group_id, version
)
SELECT row_id, group_id, version FROM updated UNION ALL SELECT row_id, group_id, version FROM inserted
"""

# The fence of every start: a Stop deletes the windows of what it stops, so a claim that finds its window gone
# starts nothing. Shared, so that the packs of one window do not wait for each other.
LOCK_WINDOWS = """
SELECT w.body_fired, w.token FROM tables_window w WHERE w.id = ANY(%s::uuid[]) ORDER BY w.id FOR SHARE
"""

# The same windows, alone: a Stop of rows takes them before their cells, as whoever works on the rows does, and so
# never waits for a cell that its holder needs another one for.
LOCK_WINDOWS_OF_ROWS = """
SELECT w.id FROM tables_window w
 WHERE w.id IN (SELECT c.window_id FROM tables_rowexecution c
                 WHERE c.row_id = ANY(%s::uuid[]) AND c.status IN ('pending', 'queued', 'running'))
 ORDER BY w.id FOR UPDATE
"""

# Claim cells (T15, T18): one worker becomes the owner, under a new execution id; a parked cell that is taken up again
# goes on under the one it has, as the same attempt (T32). It began when its run did: that is what the run has read of
# the row (I4). Guard: the version judged.
CLAIM_CELLS = """
WITH input AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(rows)s::uuid[], %(groups)s::uuid[], %(versions)s::bigint[],
                         %(executions)s::uuid[], %(dispatches)s::uuid[], %(windows)s::uuid[], %(runs)s::uuid[],
                         %(revisions)s::int[])
               AS i(id, row_id, group_id, version, execution_id, dispatch_id, window_id, run_id, revision)
), updated AS (
    UPDATE tables_rowexecution c
       SET status = 'running', execution_id = i.execution_id, dispatch_id = i.dispatch_id, window_id = i.window_id,
           run_id = i.run_id, instance_id = %(instance)s::uuid,
           attempt = CASE WHEN c.execution_id = i.execution_id THEN c.attempt ELSE c.attempt + 1 END,
           group_revision = CASE WHEN c.execution_id = i.execution_id THEN c.group_revision ELSE i.revision END,
           started_at = coalesce(CASE WHEN c.run_id = i.run_id THEN c.started_at END, clock_timestamp()),
           counted_paused = c.counted_paused AND c.dispatch_id = i.dispatch_id, error = NULL, reason = '',
           running_blocks = '[]', block_errors = '{}', wake_at = NULL, waits_for = NULL, finished_at = NULL,
           cancelled_at = NULL, retries = CASE WHEN c.run_id = i.run_id THEN c.retries ELSE 0 END, cost = NULL,
           version = nextval('tables_cell_version')
      FROM input i
     WHERE c.row_id = i.row_id AND c.group_id = i.group_id AND c.version = i.version
    RETURNING c.id, c.execution_id, c.attempt, c.version, c.started_at, c.retries
), inserted AS (
    INSERT INTO tables_rowexecution (id, row_id, group_id, table_id, status, execution_id, dispatch_id, window_id,
                                     run_id, instance_id, attempt, crashes, group_revision, reason, running_blocks,
                                     block_errors, cancelled_sequence, started_at)
    SELECT i.id, i.row_id, i.group_id, %(table)s::uuid, 'running', i.execution_id, i.dispatch_id, i.window_id, i.run_id,
           %(instance)s::uuid, 1, 0, i.revision, '', '[]', '{}', 0, clock_timestamp()
      FROM input i WHERE i.version IS NULL
    ON CONFLICT (row_id, group_id) DO NOTHING
    RETURNING id, execution_id, attempt, version, started_at, retries
)
SELECT id, execution_id, attempt, version, started_at, retries FROM updated
UNION ALL SELECT id, execution_id, attempt, version, started_at, retries FROM inserted
"""

# The cells a commit of the executor is about, held until it ends (T18). Guard: mine and running, in this process too:
# a parked cell may go on elsewhere under the same execution. Always before the runs, in the order of ids: the same
# order a Stop takes. The schema's version comes along: what a run writes must fit the columns as they are now.
LOCK_CELLS = """
SELECT c.id, t.schema_version
  FROM tables_rowexecution c JOIN unnest(%s::uuid[], %s::uuid[]) AS i(id, execution_id)
    ON c.id = i.id AND c.execution_id = i.execution_id
  JOIN tables_table t ON t.id = c.table_id
 WHERE c.status = 'running' AND c.instance_id = %s::uuid
 ORDER BY c.id FOR UPDATE OF c
"""

# Finish cells and write their outputs, in one statement (T18). A person's edit survives except in mode `all`, whose
# run overwrites it and takes the mark away (T30). Rows are held in the order of ids. What was really written is told,
# and which rows have no room for it (F21): the caller takes all of it back, and lets those cells fail.
FINISH_CELLS = """
WITH input AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(executions)s::uuid[], %(statuses)s::text[], %(errors)s::text[],
                         %(reasons)s::text[], %(rows)s::uuid[], %(patches)s::text[], %(overwrites)s::bool[])
               AS i(id, execution_id, status, error, reason, row_id, patch, overwrite)
), held AS (
    SELECT r.id, r.data, r.edited FROM tables_row r
     WHERE r.id IN (SELECT i.row_id FROM input i WHERE i.patch IS NOT NULL)
     ORDER BY r.id FOR NO KEY UPDATE OF r
), fitted AS (
    SELECT w.*, coalesce(octet_length((w.data || w.written)::text) > %(row_bytes)s::bigint
                         AND octet_length((w.data || w.written)::text) > octet_length(w.data::text), false) AS too_large
      FROM (SELECT i.*, h.data, CASE WHEN i.overwrite THEN i.patch::jsonb ELSE i.patch::jsonb - h.edited END AS written
              FROM input i LEFT JOIN held h ON h.id = i.row_id) w
), finished AS (
    UPDATE tables_rowexecution c
       SET status = f.status, error = f.error::jsonb, reason = f.reason, running_blocks = '[]', instance_id = NULL,
           cost = (SELECT r.cost FROM workflows_run r WHERE r.id = c.run_id), finished_at = clock_timestamp(),
           version = nextval('tables_cell_version')
      FROM fitted f
     WHERE c.id = f.id AND c.execution_id = f.execution_id AND c.status = 'running'
    RETURNING c.id, c.version, c.started_at, c.finished_at, c.row_id, f.overwrite, f.written, f.too_large
), patched AS (
    UPDATE tables_row r
       SET data = r.data || f.written,
           edited = CASE WHEN f.overwrite
                         THEN ARRAY(SELECT e FROM unnest(r.edited) e WHERE NOT f.written ? e) ELSE r.edited END,
           updated_at = clock_timestamp()
      FROM finished f
     WHERE r.id = f.row_id AND f.written IS NOT NULL
)
SELECT id, version, started_at, finished_at, written::text, too_large FROM finished
"""

# Give cells back unfinished (a deploy, a dead owner): ownerless again, their run kept, so that whoever holds the
# row next continues at the first unfinished step (W14). Guard: still this execution's.
HAND_BACK_CELLS = """
UPDATE tables_rowexecution c
   SET status = 'pending', execution_id = NULL, instance_id = NULL, running_blocks = '[]',
       run_id = (SELECT r.id FROM workflows_run r WHERE r.id = c.run_id),  -- a run without a record starts anew
       crashes = c.crashes + %(crashes)s::int, version = nextval('tables_cell_version')
 WHERE c.id = ANY(%(ids)s::uuid[]) AND c.execution_id = ANY(%(executions)s::uuid[]) AND c.status = 'running'
RETURNING c.id, c.row_id, c.group_id, c.window_id, c.version
"""

# Close a window (T11): only its token may, and only when none of its cells is in flight. Index: tables_cell_window.
CLOSE_WINDOW = """
DELETE FROM tables_window w
 WHERE w.id = %(window)s::uuid AND w.token = %(token)s::uuid
   AND NOT EXISTS (SELECT 1 FROM tables_rowexecution c
                    WHERE c.window_id = w.id AND c.status IN ('pending', 'queued', 'running'))
RETURNING w.row_ids, w.resumes
"""

# The body came too early (T11): from now on whoever finishes a row of the window tries to close it. Waits for the
# commits of rows that are just finishing, as they hold the window shared.
NOTE_BODY = """
UPDATE tables_window SET body_fired = true WHERE id = %(window)s::uuid AND token = %(token)s::uuid
"""

# Cells handed over on rows that were just released, by window (T17). Index: tables_cell_once.
HANDED_OVER = """
SELECT c.window_id, array_agg(DISTINCT c.row_id) FROM tables_rowexecution c
 WHERE c.row_id = ANY(%s::uuid[]) AND c.status = 'pending' AND c.window_id IS NOT NULL
 GROUP BY c.window_id
"""

# What a window's cells came to and cost, per status, for the groups the dispatch named; those it has counted as
# paused before stand in another account. Index: tables_cell_window.
COUNT_WINDOW = """
SELECT c.status, c.group_id, count(*), sum(c.cost) FROM tables_rowexecution c
 WHERE c.window_id = %s::uuid AND c.group_id = ANY(%s::uuid[]) AND NOT c.counted_paused GROUP BY c.status, c.group_id
"""

# Cells whose owner is dead, held until the caller has given them back; other reapers step over them. A running
# cell's window is open, and open windows are few.
CELLS_OF_THE_DEAD = """
SELECT c.id, c.execution_id, c.row_id, c.group_id, c.window_id, c.run_id, c.crashes, c.table_id
  FROM tables_window w JOIN tables_rowexecution c ON c.window_id = w.id
  JOIN workflows_instance i ON i.id = c.instance_id
 WHERE c.status = 'running' AND i.stopped_at IS NOT NULL
 ORDER BY c.id LIMIT 500
   FOR UPDATE OF c SKIP LOCKED
"""

# Windows whose deadline has passed, with the rows that wait for a worker and whether any has one. A row that
# somebody works on waits for nobody: whoever holds it goes on to its next cell (T17). A cell that waits out a back-off
# is woken by its run's time, not from here (T23). Other reapers step over these windows.
STALE_WINDOWS = """
SELECT w.id, w.dispatch_id, w.lane, w.redrives, w.interactive, w.send_failures_since,
       ARRAY(SELECT DISTINCT c.row_id FROM tables_rowexecution c
              WHERE c.window_id = w.id AND c.status = 'pending'
                AND NOT EXISTS (SELECT 1 FROM tables_rowexecution held
                                 WHERE held.row_id = c.row_id AND held.status = 'running')),
       EXISTS (SELECT 1 FROM tables_rowexecution c
                WHERE c.window_id = w.id AND c.status IN ('running', 'queued'))
  FROM tables_window w
 WHERE w.deadline_at < now()
 ORDER BY w.deadline_at LIMIT 200
   FOR UPDATE OF w SKIP LOCKED
"""

# What a dispatcher step has to know beside its own dispatch: lanes in flight, slots for bulk rows, who else is active,
# how long a row takes (T9).
LOOK_AROUND = """
WITH mine AS (
    SELECT t.workspace_id, t.schema_version, t.archived_at IS NOT NULL AS is_archived
      FROM tables_dispatch d JOIN tables_table t ON t.id = d.table_id WHERE d.id = %(dispatch)s::uuid
)
SELECT (SELECT schema_version FROM mine), (SELECT is_archived FROM mine),
       ARRAY(SELECT w.lane FROM tables_window w WHERE w.dispatch_id = %(dispatch)s::uuid),
       (SELECT coalesce(sum(i.slots), 0)::int FROM workflows_instance i
         WHERE i.stopped_at IS NULL AND i.queues ? 'rows'),
       count(DISTINCT t.workspace_id), count(*) FILTER (WHERE t.workspace_id = (SELECT workspace_id FROM mine)),
       (SELECT CASE WHEN count(g.mean_cell_ms) = count(*) THEN sum(g.mean_cell_ms) END
          FROM tables_workflowgroup g WHERE g.id = ANY(%(groups)s::uuid[]))
  FROM tables_dispatch d JOIN tables_table t ON t.id = d.table_id
 WHERE d.status IN ('pending', 'dispatching')
"""

# Measured milliseconds of a whole row; NULL while any of its groups is unmeasured.
ROW_MILLISECONDS = """
SELECT CASE WHEN count(mean_cell_ms) = count(*) THEN sum(mean_cell_ms) END
  FROM tables_workflowgroup WHERE id = ANY(%(groups)s::uuid[])
"""

INSERT_WINDOW = """
INSERT INTO tables_window (id, dispatch_id, lane, token, row_ids, stamped, interactive, body_fired, resumes, redrives,
                           opened_at, deadline_at)
VALUES (%(window)s::uuid, %(dispatch)s::uuid, %(lane)s::int, %(token)s::uuid, %(rows)s::uuid[], %(stamped)s::int,
        %(interactive)s::bool, false, %(resumes)s::bool, 0, now(),
        clock_timestamp() + make_interval(secs => %(seconds)s::float8))
"""

# The dispatch under its row lock.
LOCK_DISPATCH = """
SELECT * FROM tables_dispatch WHERE id = %s FOR UPDATE
"""

# What a dispatcher step changes, under the dispatch's row lock.
SAVE_DISPATCH = """
UPDATE tables_dispatch
   SET cursor_position = %(position)s::text, cursor_id = %(row)s::uuid, exhausted = %(exhausted)s::bool,
       rows_seen = %(seen)s::bigint, rows_handed_over = %(handed_over)s::bigint, completed = %(completed)s::bigint,
       failed = %(failed)s::bigint, cancelled = %(cancelled)s::bigint, paused = %(paused)s::bigint,
       skipped = %(skipped)s::jsonb, failing = %(failing)s::jsonb, cost = %(cost)s::numeric
 WHERE id = %(id)s::uuid
"""
