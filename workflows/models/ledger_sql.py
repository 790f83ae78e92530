"""The ledger's SQL, set-based: one statement carries the records of a whole batch of runs (W13a, W14).

Every statement says what guards it. ``workflows.services.ledger`` calls them, in the caller's transaction.
"""

# The runs that are still mine, held until the transaction ends (W13). Guard: my lease token.
LOCK_RUNS = """
SELECT r.id FROM workflows_run r JOIN unnest(%s::uuid[], %s::uuid[]) AS i(id, token)
    ON r.id = i.id AND r.lease_token = i.token
 WHERE r.status = 'running'
 ORDER BY r.id FOR UPDATE OF r
"""

# A finished step is written once: a record that is already finished is never replaced (W14).
WRITE_STEPS = """
INSERT INTO workflows_step (run_id, step_key, status, output, blob_id, opening, error, input_hash, fingerprint, handle,
                            seq, started_at, finished_at)
SELECT run_id, step_key, status, output::jsonb, blob_id, opening::jsonb, error::jsonb, input_hash, fingerprint, handle,
       seq, started_at, finished_at
  FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
              %s::text[], %s::text[], %s::int[], %s::timestamptz[], %s::timestamptz[])
    AS i(run_id, step_key, status, output, blob_id, opening, error, input_hash, fingerprint, handle, seq, started_at,
         finished_at)
ON CONFLICT (run_id, step_key) DO UPDATE
   SET status = EXCLUDED.status, output = EXCLUDED.output, blob_id = EXCLUDED.blob_id, error = EXCLUDED.error,
       opening = coalesce(EXCLUDED.opening, workflows_step.opening),
       input_hash = EXCLUDED.input_hash, fingerprint = EXCLUDED.fingerprint, handle = EXCLUDED.handle,
       seq = EXCLUDED.seq, started_at = EXCLUDED.started_at, finished_at = EXCLUDED.finished_at
 WHERE workflows_step.status NOT IN ('completed', 'skipped')
"""

WRITE_ATTEMPTS = """
INSERT INTO workflows_attempt (run_id, step_key, epoch, n, input, error, instance_id, started_at, finished_at)
SELECT run_id, step_key, epoch, n, input::jsonb, error::jsonb, %s::uuid, started_at, finished_at
  FROM unnest(%s::uuid[], %s::text[], %s::int[], %s::int[], %s::text[], %s::text[], %s::timestamptz[],
              %s::timestamptz[])
    AS i(run_id, step_key, epoch, n, input, error, started_at, finished_at)
"""

# The points at which steps begin to wait; a repeated commit writes them once (W19).
WRITE_PAUSES = """
INSERT INTO workflows_pausepoint (id, workspace_id, run_id, step_key, round, kind, status, request, wake_at, token_hash,
                                  child_id, created_at)
SELECT id, workspace_id, run_id, step_key, round, kind, 'open', request::jsonb, wake_at, token_hash, child_id,
       clock_timestamp()
  FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::int[], %s::text[], %s::text[], %s::timestamptz[],
              %s::text[], %s::uuid[])
    AS i(id, workspace_id, run_id, step_key, round, kind, request, wake_at, token_hash, child_id)
ON CONFLICT (run_id, step_key, round) DO NOTHING
"""

# The run has gone on from these answers.
CONSUME_PAUSES = """
UPDATE workflows_pausepoint SET consumed_at = clock_timestamp() WHERE id = ANY(%s::uuid[]) AND consumed_at IS NULL
"""

# Whoever still asks on behalf of an ended run, or of a step that was taken back, asks no more (T27).
KILL_PAUSES = """
UPDATE workflows_pausepoint p
   SET status = CASE p.status WHEN 'open' THEN 'dead' ELSE p.status END, consumed_at = clock_timestamp()
  FROM unnest(%s::uuid[], %s::text[]) AS i(run_id, step_key)
 WHERE p.run_id = i.run_id AND p.step_key = i.step_key AND p.consumed_at IS NULL
RETURNING p.child_id
"""

# What steps have cost, of runs that go on (W14): an end brings along what its own commit has cost.
ADD_COSTS = """
UPDATE workflows_run r
   SET cost = coalesce(r.cost, 0) + i.cost
  FROM (SELECT id, sum(cost) AS cost FROM unnest(%s::uuid[], %s::numeric[]) AS u(id, cost) GROUP BY id) i
 WHERE r.id = i.id
"""

END_RUNS = """
UPDATE workflows_run r
   SET status = i.status, result = i.result::jsonb, error = i.error::jsonb, lease_token = NULL, instance_id = NULL,
       wake_at = NULL, waits_for = NULL,
       cost = CASE WHEN i.cost IS NULL THEN r.cost ELSE coalesce(r.cost, 0) + i.cost END,
       finished_at = CASE WHEN i.status = 'queued' THEN NULL ELSE clock_timestamp() END
  FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::numeric[])
    AS i(id, token, status, result, error, cost)
 WHERE r.id = i.id AND r.lease_token = i.token
RETURNING r.id, r.owner_kind, r.owner_id, r.cost
"""

# Park runs that wait (W19). An answer that came while the run was still active is due at once: whoever gave it
# found no parked run to wake, and stood in line for this row's lock before us or will after.
PARK_RUNS = """
UPDATE workflows_run r
   SET status = i.status, lease_token = NULL, instance_id = NULL, waits_for = i.waits::jsonb,
       cost = CASE WHEN i.cost IS NULL THEN r.cost ELSE coalesce(r.cost, 0) + i.cost END,
       wake_at = CASE WHEN EXISTS (SELECT 1 FROM workflows_pausepoint p
                                    WHERE p.run_id = r.id AND p.status IN ('answered', 'expired')
                                      AND p.consumed_at IS NULL)
                      THEN clock_timestamp() ELSE i.wake_at END
  FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::timestamptz[], %s::numeric[])
    AS i(id, token, status, waits, wake_at, cost)
 WHERE r.id = i.id AND r.lease_token = i.token
RETURNING r.owner_kind, r.id, r.owner_id, r.wake_at <= clock_timestamp()
"""

INSERT_RUNS = """
INSERT INTO workflows_run (id, workspace_id, workflow_id, version_id, kind, status, input, "row", trigger_kind,
                           actor_id, owner_kind, owner_id, lease_token, instance_id, epoch, recovery_count, input_hash,
                           result, error, created_at, started_at, finished_at, depth, forked_from_id, plan)
SELECT id, workspace_id, workflow_id, version_id, kind, status, input::jsonb, "row"::jsonb, trigger_kind,
       actor_id, owner_kind, owner_id, lease_token, instance_id, 0, 0, '', result::jsonb, error::jsonb, started_at,
       CASE WHEN status <> 'queued' THEN started_at END,
       CASE WHEN status NOT IN ('running', 'queued') THEN clock_timestamp() END, depth, forked_from, plan::jsonb
  FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[],
              %s::text[], %s::uuid[], %s::text[], %s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::text[],
              %s::timestamptz[], %s::int[], %s::uuid[], %s::text[])
    AS i(id, workspace_id, workflow_id, version_id, kind, status, input, "row", trigger_kind, actor_id, owner_kind,
         owner_id, lease_token, instance_id, result, error, started_at, depth, forked_from, plan)
"""

# Steps that a rerun takes over from its source, as they stand there (W27); containers that are to go on are open.
COPY_STEPS = """
INSERT INTO workflows_step (run_id, step_key, status, output, blob_id, opening, error, input_hash, fingerprint, handle,
                            seq, started_at, finished_at, cached_from)
SELECT %(run)s::uuid, s.step_key, s.status, s.output, s.blob_id, s.opening, s.error, s.input_hash, s.fingerprint,
       s.handle, s.seq, s.started_at, s.finished_at, coalesce(s.cached_from, s.run_id)
  FROM workflows_step s WHERE s.run_id = %(source)s::uuid AND s.step_key = ANY(%(reuse)s::text[])
UNION ALL
SELECT %(run)s::uuid, s.step_key, 'running', NULL, NULL, s.opening, NULL, s.input_hash, s.fingerprint, '', s.seq,
       clock_timestamp(), NULL, NULL
  FROM workflows_step s WHERE s.run_id = %(source)s::uuid AND s.step_key = ANY(%(reopen)s::text[])
ON CONFLICT (run_id, step_key) DO NOTHING
"""

# A duplicate delivery finds the run taken: zero rows, nothing else (W13). A parked run is to be had once its timer,
# or an answer, has given it a time to wake.
CLAIM_RUN = """
UPDATE workflows_run
   SET status = 'running', lease_token = %s, instance_id = %s, wake_at = NULL, waits_for = NULL,
       started_at = coalesce(started_at, clock_timestamp())
 WHERE id = %s AND owner_kind <> 'cell'
   AND (status = 'queued' OR status IN ('waiting', 'paused') AND wake_at IS NOT NULL)
"""

RECLAIM_RUNS = """
UPDATE workflows_run r
   SET status = 'running', lease_token = i.token, instance_id = %s::uuid, wake_at = NULL, waits_for = NULL,
       recovery_count = r.recovery_count + CASE WHEN r.status = 'queued' AND r.started_at IS NOT NULL THEN 1 ELSE 0 END,
       started_at = coalesce(r.started_at, clock_timestamp())
  FROM unnest(%s::uuid[], %s::uuid[]) AS i(id, token)
 WHERE r.id = i.id AND r.status IN ('queued', 'waiting', 'paused')
RETURNING r.id
"""

# A Stop writes first and interrupts second: the lease is gone at once, so the executor finds itself refused (T24).
# What the runs started goes with them, and nobody is asked on their behalf any more (T27).
STOP_RUNS = """
WITH RECURSIVE doomed AS (
    SELECT r.id FROM workflows_run r WHERE r.id = ANY(%s::uuid[])
    UNION
    SELECT c.id FROM workflows_run c JOIN doomed d ON c.owner_id = d.id AND c.owner_kind = 'run'
), held AS (
    SELECT r.id FROM workflows_run r JOIN doomed d ON d.id = r.id ORDER BY r.id FOR UPDATE OF r
), stopped AS (
    UPDATE workflows_run r
       SET status = 'cancelled', lease_token = NULL, instance_id = NULL, wake_at = NULL, waits_for = NULL,
           error = %s::jsonb, cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()),
           finished_at = clock_timestamp()
      FROM held d
     WHERE r.id = d.id AND r.status IN ('queued', 'running', 'waiting', 'paused', 'needs_decision')
    RETURNING r.id, r.owner_kind, r.owner_id
), silenced AS (
    UPDATE workflows_pausepoint p SET status = 'dead' FROM stopped s WHERE p.run_id = s.id AND p.status = 'open'
)
SELECT id, owner_kind, owner_id FROM stopped
"""

# Runs that are given up after too many lost workers.
FAIL_RUNS = """
UPDATE workflows_run
   SET status = 'failed', lease_token = NULL, instance_id = NULL, error = %s::jsonb, finished_at = clock_timestamp()
 WHERE id = ANY(%s::uuid[]) AND status = 'running'
RETURNING id, owner_kind, owner_id
"""

# Runs parked just now by the policy of their owner: the next epoch, and in the history how this one ended (T23).
RETRY_RUNS = """
UPDATE workflows_run r
   SET epoch = r.epoch + 1, recovery_count = 0,
       history = coalesce(r.history, '[]'::jsonb) || jsonb_build_array(jsonb_build_object(
           'epoch', r.epoch, 'status', 'failed', 'error', i.error::jsonb, 'finished_at', clock_timestamp(),
           'resumed_at', r.wake_at, 'resumed_by', %s::text, 'note', ''))
  FROM unnest(%s::uuid[], %s::text[]) AS i(id, error)
 WHERE r.id = i.id AND r.status = 'waiting'
RETURNING r.id, r.version_id
"""

# Steps put back with their runs, which the caller holds; their attempts stay (W22).
RESET_STEPS = """
UPDATE workflows_step s
   SET status = i.status, error = NULL, output = NULL, blob_id = NULL, handle = '', finished_at = NULL
  FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS i(run_id, step_key, status)
 WHERE s.run_id = i.run_id AND s.step_key = i.step_key
"""

RELEASE_DEAD = """
UPDATE workflows_run SET status = 'queued', lease_token = NULL, instance_id = NULL
 WHERE id = ANY(%s::uuid[]) AND status = 'running'
"""

WRITE_BLOBS = """
INSERT INTO workflows_blob (sha256, data, size_bytes, created_at)
SELECT sha256, data, size, clock_timestamp() FROM unnest(%s::text[], %s::bytea[], %s::bigint[]) AS i(sha256, data, size)
ON CONFLICT (sha256) DO UPDATE SET created_at = EXCLUDED.created_at
"""
