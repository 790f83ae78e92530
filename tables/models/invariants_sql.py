"""The invariants of `trust.md` as questions to PostgreSQL: each answers the ids of what breaks it, none when it holds.

They only read, take no lock that anybody waits for, and look at one moment. ``%(table)s`` narrows them to one table
(null: all). What is merely under way is no violation: ``%(grace)s`` seconds belong to whoever repairs it, a process is
dead after ``%(dead)s`` seconds of silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Check:
    """One question: the invariant it is about, its name, what its ids break in words, and the query for them.

    The query answers one column ``id`` (text). ``of_install`` ones are about no single table.
    """

    invariant: str
    name: str
    says: str
    sql: str
    of_install: bool = False


# ---- I1 Conservation --------------------------------------------------------------------------------------------

# Rows that were moved meanwhile are met twice, and groups that were stopped leave from then on: both are left out.
ACCOUNT = """
SELECT d.id::text AS id
  FROM tables_dispatch d
 WHERE (%(table)s::uuid IS NULL OR d.table_id = %(table)s::uuid)
   AND d.status IN ('complete', 'cancelled') AND d.stopped_groups = '{}'
   AND d.completed + d.failed + d.cancelled + d.paused
       + (SELECT coalesce(sum(s.value::bigint), 0) FROM jsonb_each_text(d.skipped) s)
       <> d.rows_seen * cardinality(d.groups)
   AND NOT EXISTS (SELECT 1 FROM tables_row m
                    WHERE m.table_id = d.table_id AND m.moved_at >= d.requested_at - interval '1 minute')
"""

NEGATIVE = """
SELECT d.id::text AS id
  FROM tables_dispatch d
 WHERE (%(table)s::uuid IS NULL OR d.table_id = %(table)s::uuid)
   AND (least(d.completed, d.failed, d.cancelled, d.paused, d.rows_seen, d.rows_handed_over) < 0
        OR EXISTS (SELECT 1 FROM jsonb_each_text(d.skipped) s WHERE s.value::bigint < 0))
"""

WINDOW_OF_ENDED = """
SELECT w.id::text AS id FROM tables_window w JOIN tables_dispatch d ON d.id = w.dispatch_id
 WHERE (%(table)s::uuid IS NULL OR d.table_id = %(table)s::uuid)
   AND NOT w.resumes AND d.status NOT IN ('pending', 'dispatching')
"""

# A cell that an edit handed over waits for its new dispatch's window without one (T28).
CELL_WITHOUT_WINDOW = """
SELECT c.id::text AS id
  FROM tables_rowexecution c
 WHERE (%(table)s::uuid IS NULL OR c.table_id = %(table)s::uuid)
   AND c.status IN ('pending', 'queued', 'running')
   AND NOT EXISTS (SELECT 1 FROM tables_window w WHERE w.id = c.window_id)
   AND (c.status <> 'pending'
        OR NOT EXISTS (SELECT 1 FROM tables_dispatch d
                        WHERE d.id = c.dispatch_id AND d.status IN ('pending', 'dispatching')))
"""

WINDOW_OVERDUE = """
SELECT w.id::text AS id FROM tables_window w JOIN tables_dispatch d ON d.id = w.dispatch_id
 WHERE (%(table)s::uuid IS NULL OR d.table_id = %(table)s::uuid)
   AND w.deadline_at < now() - %(grace)s * interval '1 second'
"""

OWNER_DEAD = """
SELECT c.id::text AS id
  FROM tables_rowexecution c
 WHERE (%(table)s::uuid IS NULL OR c.table_id = %(table)s::uuid)
   AND c.status = 'running'
   AND NOT EXISTS (SELECT 1 FROM workflows_instance i
                    WHERE i.id = c.instance_id
                      AND (i.stopped_at IS NULL OR i.stopped_at > now() - %(grace)s * interval '1 second')
                      AND i.heartbeat_at > now() - (%(grace)s + %(dead)s) * interval '1 second')
"""

DISPATCH_FORGOTTEN = """
SELECT d.id::text AS id
  FROM tables_dispatch d
 WHERE (%(table)s::uuid IS NULL OR d.table_id = %(table)s::uuid)
   AND d.status IN ('pending', 'dispatching') AND (d.started_at IS NULL OR d.exhausted)
   AND d.requested_at < now() - %(grace)s * interval '1 second'
   AND NOT EXISTS (SELECT 1 FROM tables_window w WHERE w.dispatch_id = d.id)
"""

# ---- I2 Single writer -------------------------------------------------------------------------------------------

FENCES_MISSING = """
SELECT wanted.name AS id
  FROM unnest(ARRAY['tables_cell_once', 'tables_dispatch_idempotency_once', 'tables_job_one_writer',
                    'workflows_run_idempotency_once', 'workflows_pause_once']) AS wanted(name)
 WHERE NOT EXISTS (SELECT 1 FROM pg_index x JOIN pg_class k ON k.oid = x.indexrelid
                    WHERE k.relname = wanted.name AND x.indisunique AND x.indisvalid)
"""

EXECUTION_TWICE = """
SELECT c.execution_id::text AS id
  FROM tables_rowexecution c
 WHERE (%(table)s::uuid IS NULL OR c.table_id = %(table)s::uuid)
   AND c.execution_id IS NOT NULL
 GROUP BY c.execution_id HAVING count(*) > 1
"""

RUN_TWICE = """
SELECT c.run_id::text AS id
  FROM tables_rowexecution c
 WHERE (%(table)s::uuid IS NULL OR c.table_id = %(table)s::uuid)
   AND c.run_id IS NOT NULL
 GROUP BY c.run_id HAVING count(*) > 1
"""

TWO_OWNERS = """
SELECT c.id::text AS id
  FROM tables_rowexecution c JOIN workflows_run r ON r.id = c.run_id
 WHERE (%(table)s::uuid IS NULL OR c.table_id = %(table)s::uuid)
   AND c.status = 'running' AND r.status = 'running' AND r.lease_token IS DISTINCT FROM c.execution_id
"""

ATTEMPT_TWICE = """
SELECT a.run_id || ' ' || a.step_key AS id FROM workflows_attempt a
 WHERE (%(table)s::uuid IS NULL
        OR a.run_id IN (SELECT c.run_id FROM tables_rowexecution c WHERE c.table_id = %(table)s::uuid))
 GROUP BY a.run_id, a.step_key, a.epoch, a.n HAVING count(*) > 1
"""

CELL_MISSHAPEN = """
SELECT c.id::text AS id
  FROM tables_rowexecution c
 WHERE (%(table)s::uuid IS NULL OR c.table_id = %(table)s::uuid)
   AND CASE WHEN c.status = 'running'
            THEN c.execution_id IS NULL OR c.instance_id IS NULL OR c.started_at IS NULL OR c.attempt < 1
            WHEN c.status IN ('completed', 'failed', 'cancelled')
            THEN c.instance_id IS NOT NULL OR c.finished_at IS NULL AND c.cancelled_at IS NULL
            ELSE c.instance_id IS NOT NULL END
"""

# ---- I3 Cancel wins ---------------------------------------------------------------------------------------------

# By action numbers, never by clocks; what a request replaces is stopped in its own name. A failed cell that was resumed
# since (its window ``resumes``) is not meant.
RUNS_AFTER_STOP = """
SELECT c.id::text AS id
  FROM tables_window w JOIN tables_dispatch d ON d.id = w.dispatch_id
  JOIN tables_rowexecution c ON c.window_id = w.id AND c.dispatch_id = d.id
 WHERE (%(table)s::uuid IS NULL OR d.table_id = %(table)s::uuid)
   AND NOT w.resumes AND c.status IN ('pending', 'queued', 'running')
   AND c.cancelled_sequence > d.requested_sequence
"""

RUN_UNDER_CANCELLED = """
SELECT c.id::text AS id
  FROM tables_rowexecution c JOIN workflows_run r ON r.id = c.run_id
 WHERE (%(table)s::uuid IS NULL OR c.table_id = %(table)s::uuid)
   AND c.status = 'cancelled' AND r.status IN ('queued', 'running', 'waiting', 'paused', 'needs_decision', 'completed')
"""

# Whoever executes the run of a cell that was cleared or deleted notices at its next commit; nobody waits for it.
RUN_LEFT_BEHIND = """
SELECT r.id::text AS id FROM workflows_run r
 WHERE %(table)s::uuid IS NULL AND r.owner_kind = 'cell'
   AND r.status IN ('queued', 'running', 'waiting', 'paused', 'needs_decision')
   AND r.created_at < now() - %(grace)s * interval '1 second'
   AND NOT EXISTS (SELECT 1 FROM tables_rowexecution c WHERE c.id = r.owner_id AND c.run_id = r.id)
"""

# ---- I4 Dependencies, I5 Data and executions agree -----------------------------------------------------------------

# What a completed cell's run read of its dependencies is what stands there, unless the group that fills a dependency
# finished once more since: then the cell may be of an older value, and a rerun brings it up to date. An edit would
# have cleared the record (T28). Only what the run's snapshot holds can be compared.
INPUTS_AS_READ = """
SELECT c.id::text AS id
  FROM tables_rowexecution c
  JOIN workflows_run r ON r.id = c.run_id
  JOIN tables_workflowgroup g ON g.id = c.group_id AND g.revision = c.group_revision
  JOIN tables_row w ON w.id = c.row_id
 WHERE (%(table)s::uuid IS NULL OR c.table_id = %(table)s::uuid)
   AND c.status = 'completed' AND jsonb_typeof(r."row") = 'object'
   AND EXISTS (
       SELECT 1 FROM tables_column k
         LEFT JOIN tables_rowexecution source ON source.row_id = c.row_id AND source.group_id = k.group_id
        WHERE k.table_id = c.table_id AND g.depends_on ? k.id::text AND r."row" ? k.key
          AND coalesce(w.data -> k.key, 'null') <> r."row" -> k.key
          AND (k.group_id IS NULL OR source.status = 'completed' AND source.finished_at <= c.started_at
                                     AND NOT k.key = ANY(w.edited)))
"""

# Text arrives in a text column as it left the run; other types are cast on the way.
OUTPUTS_AS_WRITTEN = """
SELECT c.id::text AS id
  FROM tables_rowexecution c
  JOIN workflows_run r ON r.id = c.run_id
  JOIN tables_workflowgroup g ON g.id = c.group_id AND g.revision = c.group_revision
  JOIN tables_row w ON w.id = c.row_id
 WHERE (%(table)s::uuid IS NULL OR c.table_id = %(table)s::uuid)
   AND c.status = 'completed' AND r.status = 'completed'
   AND EXISTS (
       SELECT 1 FROM tables_column k
        CROSS JOIN LATERAL (SELECT r.result #> (string_to_array(k.output_path, '.'))[2:] AS given) v
        WHERE k.group_id = g.id AND k.type = 'text' AND split_part(k.output_path, '.', 1) = 'result'
          AND jsonb_typeof(v.given) = 'string' AND NOT k.key = ANY(w.edited)
          AND w.data ->> k.key IS DISTINCT FROM nullif(v.given #>> '{}', ''))
"""

CELL_AND_RUN_DISAGREE = """
SELECT c.id::text AS id
  FROM tables_rowexecution c JOIN workflows_run r ON r.id = c.run_id
 WHERE (%(table)s::uuid IS NULL OR c.table_id = %(table)s::uuid)
   AND (c.status = 'completed' AND r.status <> 'completed'
        OR c.status = 'running' AND r.status IN ('completed', 'failed', 'cancelled'))
"""

CELL_OF_NOTHING = """
SELECT c.id::text AS id
  FROM tables_rowexecution c
 WHERE (%(table)s::uuid IS NULL OR c.table_id = %(table)s::uuid)
   AND NOT EXISTS (SELECT 1 FROM tables_workflowgroup g JOIN tables_row w ON w.table_id = g.table_id
                    WHERE g.id = c.group_id AND w.id = c.row_id AND w.table_id = c.table_id)
"""

ROW_COUNT = """
SELECT t.id::text AS id FROM tables_table t
 WHERE (%(table)s::uuid IS NULL OR t.id = %(table)s::uuid)
   AND t.row_count <> (SELECT count(*) FROM tables_row w WHERE w.table_id = t.id)
"""

# ---- I10 Bounded ------------------------------------------------------------------------------------------------

# Six rows per slot – of those alive lately, as windows outlive their workers – and a window for every dispatch (T9).
ROWS_BOUND = """
SELECT 6 * coalesce((SELECT sum(i.slots) FROM workflows_instance i
                      WHERE i.queues ? 'rows' AND i.heartbeat_at > clock_timestamp() - interval '10 minutes'), 0)
       + %(window_rows)s::int * (1 + (SELECT count(DISTINCT w.dispatch_id) FROM tables_window w))
"""

ROWS_IN_FLIGHT = f"""
SELECT found.rows || ' rows handed over, ' || bound.most || ' is the bound' AS id
  FROM (SELECT coalesce(sum(cardinality(w.row_ids)), 0) AS rows FROM tables_window w WHERE NOT w.resumes) found,
       ({ROWS_BOUND}) AS bound(most)
 WHERE found.rows > bound.most
"""  # noqa: S608 - only the constant above is interpolated

# A transaction of ours that rests between two statements holds locks and a connection; PostgreSQL ends it in seconds.
TRANSACTIONS = """
SELECT a.application_name || ' ' || a.pid AS id FROM pg_stat_activity a
 WHERE a.datname = current_database() AND a.application_name LIKE 'runsheet %%' AND a.state LIKE 'idle in transaction%%'
   AND a.state_change < now() - %(grace)s * interval '1 second'
"""

CHECKS: Final = (
    Check("I1", "account", "Ended dispatches that account for more or fewer cells than they saw.", ACCOUNT),
    Check("I1", "counters", "Dispatches with a counter below zero.", NEGATIVE),
    Check("I1", "window_of_ended", "Windows still open under an ended dispatch.", WINDOW_OF_ENDED),
    Check("I1", "cell_without_window", "Cells in flight whose window is gone.", CELL_WITHOUT_WINDOW),
    Check("I1", "window_overdue", "Windows past their deadline that nobody drives on.", WINDOW_OVERDUE),
    Check("I1", "owner_dead", "Running cells whose process is gone, not given back.", OWNER_DEAD),
    Check("I1", "dispatch_forgotten", "Active dispatches that nobody goes on with.", DISPATCH_FORGOTTEN),
    Check("I2", "fences", "Unique indexes that are missing or invalid.", FENCES_MISSING, of_install=True),
    Check("I2", "execution_twice", "Executions that two cells claim.", EXECUTION_TWICE),
    Check("I2", "run_twice", "Runs that two cells claim.", RUN_TWICE),
    Check("I2", "two_owners", "Running cells whose run has another owner.", TWO_OWNERS),
    Check("I2", "attempt_twice", "Steps with two attempts of one number.", ATTEMPT_TWICE),
    Check("I2", "cell_misshapen", "Cells whose owner and times contradict their status.", CELL_MISSHAPEN),
    Check("I3", "runs_after_stop", "Cells in flight for a request older than their Stop.", RUNS_AFTER_STOP),
    Check("I3", "run_under_cancelled", "Cancelled cells whose run went on.", RUN_UNDER_CANCELLED),
    Check("I3", "run_left_behind", "Unfinished runs whose cell is gone or has another.", RUN_LEFT_BEHIND),
    Check("I4", "inputs_as_read", "Completed cells whose dependencies changed since.", INPUTS_AS_READ),
    Check(
        "I5", "outputs_as_written", "Completed cells whose values are not their run's.", OUTPUTS_AS_WRITTEN
    ),
    Check("I5", "cell_and_run", "Cells that contradict the status of their run.", CELL_AND_RUN_DISAGREE),
    Check("I5", "cell_of_nothing", "Cells of a group that is not of their table.", CELL_OF_NOTHING),
    Check("I5", "row_count", "Tables whose row count is wrong.", ROW_COUNT),
    Check(
        "I10",
        "rows_in_flight",
        "More rows handed over than workers keep busy.",
        ROWS_IN_FLIGHT,
        of_install=True,
    ),
    Check("I10", "transactions", "Processes that rest inside a transaction.", TRANSACTIONS, of_install=True),
)
