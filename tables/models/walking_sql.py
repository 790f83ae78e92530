"""The dispatcher's SQL over many rows at once: rows without work are passed without being read one by one (T10, T13).

``{place}``, ``{test}`` and ``{beyond}`` are conditions over ``r`` that the caller puts in, their values as parameters.
"""

# What the records alone say of a row's cells, as `classify_cell` does and in its order: how many of the groups asked
# for have nothing left to do, by reason. ``here``: this dispatch has handed the row over before. ``open`` counts
# records that may run. Index: tables_cell_once.
SETTLED = """
SELECT count(*) FILTER (WHERE x.reason = 'here') AS here,
       count(*) FILTER (WHERE x.reason = 'tombstoned') AS tombstoned,
       count(*) FILTER (WHERE x.reason = 'in_flight') AS in_flight,
       count(*) FILTER (WHERE x.reason = 'by_mode') AS by_mode,
       count(*) FILTER (WHERE x.reason IS NULL) AS open
  FROM (SELECT CASE WHEN c.dispatch_id = %s::uuid THEN 'here'
                    WHEN c.cancelled_sequence > %s::bigint THEN 'tombstoned'
                    WHEN c.status = 'pending' AND c.execution_id IS NULL THEN NULL
                    WHEN c.status IN ('pending', 'queued', 'running', 'paused') THEN 'in_flight'
                    WHEN %s::text = 'new' OR c.status = 'completed' THEN 'by_mode' END AS reason
          FROM tables_rowexecution c WHERE c.row_id = r.id AND c.group_id = ANY(%s::uuid[])) x
"""

# The same where every row in scope may have work.
UNSETTLED = "SELECT 0 AS here, 0 AS tombstoned, 0 AS in_flight, 0 AS by_mode, 1 AS open"

# Skim over the next rows of the table (a bounded span of the index tables_row_order, whatever the scope finds there):
# one answer per row that may have work, with what lies before it, and one for what is left at the end. Nothing is
# locked or written; what is found is judged again, from its cells, before it is stamped.
SKIM_ROWS = """
WITH span AS MATERIALIZED (
    SELECT r.id, r.position, r.in_scope, k.*, r.in_scope AND k.here = 0 AND {has_work} AS may_run
      FROM (SELECT r.id, r.position, coalesce(r.seq <= %s::bigint AND {test}, FALSE) AS in_scope
              FROM (SELECT r.* FROM tables_row r
                     WHERE r.table_id = %s::uuid AND {place} AND {beyond}
                     ORDER BY r.position, r.id LIMIT %s::int) r) r
      LEFT JOIN LATERAL ({settled}) k ON r.in_scope
), marked AS (
    SELECT s.*, s.in_scope AND s.here = 0 AND NOT s.may_run AS passed,
           count(*) FILTER (WHERE s.may_run) OVER (ORDER BY s.position, s.id ROWS UNBOUNDED PRECEDING)
           - s.may_run::int AS gap
      FROM span s
)
SELECT (array_agg(m.id) FILTER (WHERE m.may_run))[1],
       count(*) FILTER (WHERE m.passed),
       coalesce(sum(m.tombstoned) FILTER (WHERE m.passed), 0)::bigint,
       coalesce(sum(m.in_flight) FILTER (WHERE m.passed), 0)::bigint,
       coalesce(sum({by_mode}) FILTER (WHERE m.passed), 0)::bigint,
       (array_agg(m.position ORDER BY m.position DESC, m.id DESC))[1],
       (array_agg(m.id ORDER BY m.position DESC, m.id DESC))[1],
       count(*)
  FROM marked m GROUP BY m.gap ORDER BY m.gap LIMIT %s::int
"""

# Rows that changed their place since the dispatch began and that it has not handed over (T10). Index:
# tables_row_moved for the rows, tables_cell_once for what was handed over.
MOVED = """
r.moved_at >= %s::timestamptz
AND NOT EXISTS (SELECT 1 FROM tables_rowexecution c
                 WHERE c.row_id = r.id AND c.group_id = ANY(%s::uuid[]) AND c.dispatch_id = %s::uuid)
"""

# Rows on which a cell that a dispatch was asked for failed, and nobody has run it since. Index: tables_cell_once where
# rows are walked, tables_cell_counts where they are counted.
FAILED_OF = """
EXISTS (SELECT 1 FROM tables_rowexecution f
         WHERE f.row_id = r.id AND f.table_id = %s::uuid AND f.status = 'failed' AND f.dispatch_id = %s::uuid
           AND f.group_id = ANY(ARRAY(SELECT unnest(d.groups) FROM tables_dispatch d WHERE d.id = %s::uuid)))
"""

# A dispatch that cannot go on says why, and opens no window any more: it ends as `failed` once those in flight are
# closed. Guard: still active, so that a Stop is never overwritten.
# A dispatch that opens no more windows until a person lets it go on; its cursor stays (`services.storms`).
HOLD_DISPATCH = """
UPDATE tables_dispatch SET error = %s::jsonb WHERE id = %s::uuid AND status = 'dispatching'
"""

FAIL_DISPATCH = """
UPDATE tables_dispatch
   SET error = %s::jsonb, exhausted = true, status = 'dispatching',
       started_at = coalesce(started_at, clock_timestamp())
 WHERE id = %s::uuid AND status IN ('pending', 'dispatching')
"""
