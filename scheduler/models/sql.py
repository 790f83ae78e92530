"""The scheduler's hot statements, set-based: one carries a whole batch (`scheduler.md` section 3).

Each says what it is for, what guards it and which index serves it. ``now()`` is the start of the transaction, by the
database's clock, which alone says what is due.
"""

from __future__ import annotations

from typing import Final

IN_FLIGHT: Final = "('pending', 'queued', 'running')"
"""As the partial indexes spell it."""

_DUE: Final = "t.enabled AND t.next_run_at <= now() AND (t.held_until IS NULL OR t.held_until <= now())"

# What an idle tick asks, and all it asks: the epoch, whether a trigger is due, whether an invocation waits to be
# published. It looks at the first entry of each index, scheduler_trigger_due and scheduler_invocation_in_flight; asked
# "is there any that is due?", PostgreSQL would read the whole table whenever its statistics are of a busier time.
PROBE: Final = """
SELECT coalesce((SELECT s.epoch FROM scheduler_schedulerstate s WHERE s.id = 1), 0),
       coalesce((SELECT t.next_run_at <= now() FROM scheduler_trigger t
                  WHERE t.enabled AND t.next_run_at IS NOT NULL AND (t.held_until IS NULL OR t.held_until <= now())
                  ORDER BY t.next_run_at, t.id LIMIT 1), false),
       coalesce((SELECT i.available_at <= now() FROM scheduler_invocation i
                  WHERE i.status = 'pending' ORDER BY i.available_at LIMIT 1), false),
       now()
"""

# The transaction of a claim waits for nobody for long.
LIMITS: Final = "SELECT set_config('lock_timeout', '2s', true), set_config('statement_timeout', '10s', true)"

_CLAIMED: Final = """t.id, t.schedule_revision, t.next_run_at, t.cron_expression, t.cron_timezone, t.run_at,
       t.start_at, t.end_at, t.jitter_seconds, t.overlap_policy, t.catchup_policy, t.catchup_window_seconds,
       t.catchup_limit, now()"""

# Claim due triggers, the longest overdue first. Guard: the row's lock, after which PostgreSQL looks at the conditions
# again; what another scheduler holds is stepped over. The lock leaves foreign keys alone, so that a run by hand that is
# being inserted does not keep its trigger from being claimed. Index: scheduler_trigger_due, in its order.
CLAIM: Final = f"""
SELECT {_CLAIMED}
  FROM scheduler_trigger t
 WHERE {_DUE}
 ORDER BY t.next_run_at, t.id
 LIMIT %s::int
   FOR NO KEY UPDATE SKIP LOCKED
"""  # noqa: S608 - only the constants of this module are interpolated, here and below

# The same for one trigger, after the batch that held it has failed. Index: the primary key.
CLAIM_ONE: Final = f"""
SELECT {_CLAIMED}
  FROM scheduler_trigger t
 WHERE t.id = %s::uuid AND {_DUE}
   FOR NO KEY UPDATE SKIP LOCKED
"""  # noqa: S608

# What is under way of triggers just claimed, for their overlap policies: how many, how many of those wait for an
# earlier one, and which. Guard: the trigger's lock, which whoever adds an invocation takes first. Index:
# scheduler_invocation_overlap.
STANDING: Final = f"""
SELECT i.trigger_id, count(*), count(*) FILTER (WHERE i.waits AND i.status = 'pending'), array_agg(i.id::text)
  FROM scheduler_invocation i
 WHERE i.trigger_id = ANY(%s::uuid[]) AND i.status IN {IN_FLIGHT}
 GROUP BY i.trigger_id
"""  # noqa: S608

# Store the invocations of claimed slots, what they need of their trigger copied as it is now. Guard: the unique key of
# a slot: one that is there already, whoever made it, is left as it is.
INSERT: Final = """
INSERT INTO scheduler_invocation (
       id, workspace_id, trigger_id, source, status, scheduled_for, available_at, completed_at, idempotency_key,
       request_hash, attempt, max_retries, timeout_seconds, waits, ref, run_as_user_id, claimed_by, epoch, celery_id,
       children, reason, details, error_code, error_message)
SELECT i.id, t.workspace_id, t.id, i.source, i.status, i.scheduled_for, i.available_at,
       CASE WHEN i.status <> 'pending' THEN now() END, i.key, '', 0, t.max_retries, t.timeout_seconds, i.waits, t.ref,
       t.run_as_user_id, %(claimed_by)s::text, %(epoch)s::bigint, '', '[]', i.reason, i.details::jsonb, '', ''
  FROM unnest(%(ids)s::uuid[], %(triggers)s::uuid[], %(sources)s::text[], %(statuses)s::text[],
              %(slots)s::timestamptz[], %(available)s::timestamptz[], %(keys)s::text[], %(waits)s::bool[],
              %(reasons)s::text[], %(details)s::text[])
            AS i(id, trigger_id, source, status, scheduled_for, available_at, key, waits, reason, details)
  JOIN scheduler_trigger t ON t.id = i.trigger_id
    ON CONFLICT (idempotency_key) DO NOTHING
RETURNING id
"""

# Move claimed triggers on: to their next slot, or off with a reason. Guard: the lock of the claim.
ADVANCE: Final = """
UPDATE scheduler_trigger t
   SET next_run_at = i.next_run_at, enabled = i.reason = '', disabled_reason = i.reason,
       schedule_error = coalesce(i.error, ''),
       last_scheduled_for = greatest(t.last_scheduled_for, i.last_slot),
       last_status = CASE WHEN i.status = '' THEN t.last_status ELSE i.status END,
       skipped_count = t.skipped_count + i.skipped, missed_count = t.missed_count + i.missed,
       held_until = NULL, hold_count = 0
  FROM unnest(%(ids)s::uuid[], %(nexts)s::timestamptz[], %(reasons)s::text[], %(errors)s::text[],
              %(last_slots)s::timestamptz[], %(statuses)s::text[], %(skipped)s::int[], %(missed)s::int[])
            AS i(id, next_run_at, reason, error, last_slot, status, skipped, missed)
 WHERE t.id = i.id
"""

# Set a trigger aside on which the tick failed, so that it keeps nobody behind it waiting: for a minute, doubling to an
# hour. Its slot stays due. Guard: it is due still; what somebody else holds is left to them.
HOLD: Final = f"""
UPDATE scheduler_trigger t
   SET held_until = now() + least(3600, 60 * power(2, least(t.hold_count, 10))) * interval '1 second',
       hold_count = t.hold_count + 1
 WHERE t.id = (SELECT t.id FROM scheduler_trigger t WHERE t.id = %s::uuid AND {_DUE} FOR NO KEY UPDATE SKIP LOCKED)
"""  # noqa: S608

# Triggers that are due still after a tick, counted no further than tells anything. Index: scheduler_trigger_due.
BACKLOG: Final = f"""
SELECT count(*)
  FROM (SELECT 1 FROM scheduler_trigger t WHERE {_DUE} ORDER BY t.next_run_at, t.id LIMIT 10000) due
"""  # noqa: S608

# ---- publishing ---------------------------------------------------------------------------------------------------

# Publishers take turns at choosing (not at sending), so that the limits on what is in flight are kept exactly. Released
# by the commit.
CHOOSE: Final = "SELECT pg_advisory_xact_lock(hashtext('runsheet.scheduler.publish'))"

# An invocation that somebody is about to send is pending with an ``enqueued_at`` of its own attempt; a publisher that
# died in between is not waited for.
_TAKEN: Final = "i.enqueued_at >= i.available_at AND i.enqueued_at > now() - interval '15 seconds'"

_IN_HAND: Final = (
    f"i.status IN {IN_FLIGHT} AND (i.status <> 'pending' OR i.available_at <= now() AND {_TAKEN})"
)

# How many invocations workers have or are about to get. Index: scheduler_invocation_in_flight.
IN_HAND: Final = f"SELECT count(*) FROM scheduler_invocation i WHERE {_IN_HAND}"  # noqa: S608

# The same by workflow; tables are not counted. Index: the same.
SHARES: Final = f"""
SELECT t.workflow_id, count(*)
  FROM scheduler_invocation i JOIN scheduler_trigger t ON t.id = i.trigger_id
 WHERE {_IN_HAND} AND t.workflow_id IS NOT NULL
 GROUP BY t.workflow_id
"""  # noqa: S608

# The next invocations to be handed to workers, oldest first, but for those of workflows that have their share. One that
# waits (``waits``) comes when nothing else of its trigger is in flight but later ones that wait too. Guard: the row's
# lock; one that a runner or a cancel has meanwhile is stepped over. Index: scheduler_invocation_in_flight.
PUBLISHABLE: Final = f"""
SELECT i.id, t.workflow_id
  FROM scheduler_invocation i JOIN scheduler_trigger t ON t.id = i.trigger_id
 WHERE i.status = 'pending' AND i.available_at <= now() AND ({_TAKEN}) IS NOT TRUE
   AND (t.workflow_id IS NULL OR t.workflow_id <> ALL(%s::uuid[]))
   AND (NOT i.waits OR NOT EXISTS (
           SELECT 1 FROM scheduler_invocation o
            WHERE o.trigger_id = i.trigger_id AND o.id <> i.id AND o.status IN {IN_FLIGHT}
              AND (NOT o.waits OR (o.available_at, o.id) < (i.available_at, i.id))))
 ORDER BY i.available_at, i.id
 LIMIT %s::int
   FOR NO KEY UPDATE OF i SKIP LOCKED
"""  # noqa: S608

# The same of one that somebody asked for by hand, which goes ahead of the others. Index: the primary key.
PUBLISHABLE_ONE: Final = f"""
SELECT i.id, t.workflow_id
  FROM scheduler_invocation i JOIN scheduler_trigger t ON t.id = i.trigger_id
 WHERE i.id = %s::uuid AND i.status = 'pending' AND NOT i.waits AND ({_TAKEN}) IS NOT TRUE
   AND (t.workflow_id IS NULL OR t.workflow_id <> ALL(%s::uuid[]))
   FOR NO KEY UPDATE OF i SKIP LOCKED
"""  # noqa: S608

# About to be sent. One that waited does not any more: what comes after it waits for it.
MARK_TAKEN: Final = """
UPDATE scheduler_invocation SET enqueued_at = now(), waits = false
 WHERE id = ANY(%s::uuid[]) AND status = 'pending'
"""

# Sent. Guard: pending still; who was started by its message in between stays running. What somebody holds at this
# moment is left alone, so that nobody waits in another order than theirs: its mark wears off, or it is over.
MARK_QUEUED: Final = """
UPDATE scheduler_invocation i SET status = 'queued', enqueued_at = clock_timestamp()
 WHERE i.status = 'pending' AND i.id = ANY(ARRAY(
           SELECT id FROM scheduler_invocation WHERE id = ANY(%s::uuid[]) FOR NO KEY UPDATE SKIP LOCKED))
"""

# Not sent after all: the next publisher may try at once. Guard: the same.
MARK_FREE: Final = """
UPDATE scheduler_invocation i SET enqueued_at = NULL
 WHERE i.status = 'pending' AND i.id = ANY(ARRAY(
           SELECT id FROM scheduler_invocation WHERE id = ANY(%s::uuid[]) FOR NO KEY UPDATE SKIP LOCKED))
"""

# Messages that nobody has begun for a minute, though workers are there: send them once more, then after twice as long,
# up to ten minutes, so that a queue that is merely long does not fill with repetitions. A runner that gets both starts
# one. Guard: the row's lock, and ``enqueued_at`` moving on. Index: scheduler_invocation_in_flight.
OVERDUE_QUEUED: Final = """
SELECT i.id FROM scheduler_invocation i
 WHERE i.status = 'queued'
   AND i.enqueued_at < now() - greatest(%s::float * interval '1 second',
                                        least(i.enqueued_at - i.available_at, interval '10 minutes'))
 ORDER BY i.available_at
 LIMIT %s::int
   FOR NO KEY UPDATE SKIP LOCKED
"""

MARK_SENT_AGAIN: Final = """
UPDATE scheduler_invocation SET enqueued_at = clock_timestamp()
 WHERE id = ANY(%s::uuid[]) AND status = 'queued'
"""

# ---- the sweep ----------------------------------------------------------------------------------------------------

# Invocations under way that one which waits was to replace. Index: scheduler_invocation_in_flight, the primary key.
REPLACED_STILL: Final = f"""
SELECT o.id
  FROM scheduler_invocation i
 CROSS JOIN LATERAL jsonb_array_elements_text(i.details -> 'replaces') AS named(id)
  JOIN scheduler_invocation o ON o.id = named.id::uuid AND o.status IN {IN_FLIGHT}
 WHERE i.status = 'pending' AND i.waits AND i.details ? 'replaces'
 ORDER BY o.id
 LIMIT %s::int
"""  # noqa: S608

# Running, but what was started is over, or gone, or nothing was started for so many seconds: somebody died before he
# could tell. A hint only: whoever looks after one judges it anew, under its locks. Index:
# scheduler_invocation_in_flight, primary keys.
STRAGGLERS: Final = """
SELECT i.id
  FROM scheduler_invocation i
  LEFT JOIN workflows_run r
    ON r.id = (i.children ->> -1)::uuid AND r.idempotency_key = 'inv:' || i.id || ':' || i.attempt
  LEFT JOIN tables_dispatch d
    ON d.id = (i.children ->> -1)::uuid AND d.idempotency_key = 'inv:' || i.id || ':' || i.attempt
 WHERE i.status = 'running'
   AND (r.status = ANY(%(run_over)s::text[]) OR d.status = ANY(%(dispatch_over)s::text[])
        OR r.id IS NULL AND d.id IS NULL
           AND i.attempt_started_at < now() - %(seconds)s::float * interval '1 second')
 ORDER BY i.attempt_started_at
 LIMIT %(limit)s::int
"""

# Whether what an attempt started, or a run below it, waits for a person to say what became of an unsafe effect. Index:
# primary keys, tables_cell_counts, workflows_run_owner.
ASKS: Final = """
WITH RECURSIVE below AS (
    SELECT r.id, r.status FROM workflows_run r WHERE r.id = %(child)s::uuid
    UNION
    SELECT r.id, r.status
      FROM tables_dispatch d
      JOIN tables_rowexecution c
        ON c.table_id = d.table_id AND c.group_id = ANY(d.groups) AND c.status = 'paused' AND c.dispatch_id = d.id
      JOIN workflows_run r ON r.id = c.run_id
     WHERE d.id = %(child)s::uuid
    UNION
    SELECT r.id, r.status FROM workflows_run r JOIN below b ON r.owner_id = b.id AND r.owner_kind = 'run'
)
SELECT EXISTS (SELECT 1 FROM below WHERE status = 'needs_decision')
"""

# Running past the end of the attempt's time. Index: the same.
PAST_DEADLINE: Final = """
SELECT i.id FROM scheduler_invocation i
 WHERE i.status = 'running' AND i.deadline_at <= now()
 ORDER BY i.deadline_at
 LIMIT %s::int
"""

# ---- retention ----------------------------------------------------------------------------------------------------

# Triggers with more invocations than are kept. Index: scheduler_invocation_trigger, read without the table.
OVERFULL: Final = """
SELECT i.trigger_id FROM scheduler_invocation i GROUP BY i.trigger_id HAVING count(*) > %s::bigint
"""

# Of one trigger, those that are over, older than so, and not among its newest. Index: scheduler_invocation_trigger.
SURPLUS: Final = f"""
SELECT i.id
  FROM scheduler_invocation i,
       (SELECT k.scheduled_for, k.id FROM scheduler_invocation k WHERE k.trigger_id = %(trigger)s::uuid
         ORDER BY k.scheduled_for DESC, k.id DESC OFFSET %(keep)s::bigint LIMIT 1) newest
 WHERE i.trigger_id = %(trigger)s::uuid AND (i.scheduled_for, i.id) <= (newest.scheduled_for, newest.id)
   AND i.created_at < %(before)s::timestamptz AND i.status NOT IN {IN_FLIGHT}
 LIMIT %(limit)s::int
   FOR UPDATE OF i SKIP LOCKED
"""  # noqa: S608

# Those of all triggers that are over and too old. Index: scheduler_invocation_created.
OUTDATED: Final = f"""
SELECT i.id FROM scheduler_invocation i
 WHERE i.created_at < %(before)s::timestamptz AND i.status NOT IN {IN_FLIGHT}
 ORDER BY i.created_at
 LIMIT %(limit)s::int
   FOR UPDATE SKIP LOCKED
"""  # noqa: S608

# Reruns outlive what they repeat. Index: scheduler_invocation_reruns.
FORGET_RERUNS: Final = """
UPDATE scheduler_invocation SET rerun_of_id = NULL WHERE rerun_of_id = ANY(%s::uuid[])
"""

DELETE: Final = "DELETE FROM scheduler_invocation WHERE id = ANY(%s::uuid[])"
