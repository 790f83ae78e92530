"""The invariants of triggers as questions to PostgreSQL (I7 of `trust.md`), beside those of `tables`.

Each answers the ids of what breaks it; ``%(grace)s`` seconds belong to whoever repairs it.
"""

from __future__ import annotations

from typing import Final

from scheduler.models.sql import IN_FLIGHT
from tables.models.invariants_sql import Check

FENCE: Final = """
SELECT 'scheduler_invocation.idempotency_key' AS id
 WHERE NOT EXISTS (SELECT 1 FROM pg_index x JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[0]
                    WHERE x.indrelid = 'scheduler_invocation'::regclass AND x.indisunique AND x.indisvalid
                      AND x.indnkeyatts = 1 AND a.attname = 'idempotency_key')
"""

# The revision stands in the key, ``sched:{trigger}:{revision}:{epoch}``.
SLOT_TWICE: Final = """
SELECT i.trigger_id || ' ' || i.scheduled_for AS id
  FROM scheduler_invocation i
 WHERE i.source IN ('schedule', 'catchup')
 GROUP BY i.trigger_id, split_part(i.idempotency_key, ':', 3), i.scheduled_for HAVING count(*) > 1
"""

# A tick comes each second; one that is held back after a fault is due when the hold is over.
TRIGGER_OVERDUE: Final = """
SELECT t.id::text AS id
  FROM scheduler_trigger t
 WHERE t.enabled AND t.next_run_at < now() - (%(grace)s + 15) * interval '1 second'
   AND (t.held_until IS NULL OR t.held_until < now() - (%(grace)s + 15) * interval '1 second')
"""

# What was started is over, and the invocation has not ended with it.
CHILD_OVER: Final = """
SELECT i.id::text AS id
  FROM scheduler_invocation i
  LEFT JOIN workflows_run r
    ON r.id = (i.children ->> -1)::uuid AND r.idempotency_key = 'inv:' || i.id || ':' || i.attempt
  LEFT JOIN tables_dispatch d
    ON d.id = (i.children ->> -1)::uuid AND d.idempotency_key = 'inv:' || i.id || ':' || i.attempt
 WHERE i.status = 'running'
   AND (r.status IN ('completed', 'failed', 'cancelled') OR d.status IN ('complete', 'cancelled', 'failed'))
"""

# What was started goes on, and nobody waits for it: its invocation is over, or has begun another attempt. A run that a
# person has resumed goes on by their will.
CHILD_LEFT: Final = f"""
SELECT r.id::text AS id
  FROM workflows_run r
 WHERE r.owner_kind = 'invocation' AND r.status IN ('queued', 'running', 'waiting', 'paused')
   AND r.resumed_at IS NULL
   AND r.created_at < now() - %(grace)s * interval '1 second'
   AND NOT EXISTS (SELECT 1 FROM scheduler_invocation i
                    WHERE i.id = r.owner_id AND i.status IN {IN_FLIGHT} AND i.children ? r.id::text)
"""  # noqa: S608 - only the constant above is interpolated

# Begun, and nothing started: the sweep gives it to another worker after a minute.
CHILDLESS: Final = """
SELECT i.id::text AS id
  FROM scheduler_invocation i
 WHERE i.status = 'running' AND jsonb_array_length(i.children) = 0
   AND i.attempt_started_at < now() - (%(grace)s + 120) * interval '1 second'
"""

CHECKS: Final = (
    Check("I7", "slot_fence", "The index that keeps slots unique is missing.", FENCE, of_install=True),
    Check("I7", "slot_twice", "Slots that fired twice under one revision.", SLOT_TWICE, of_install=True),
    Check("I7", "trigger_overdue", "Due triggers that nobody fires.", TRIGGER_OVERDUE, of_install=True),
    Check("I7", "child_over", "Running invocations whose child is over.", CHILD_OVER, of_install=True),
    Check("I7", "child_left", "Runs whose invocation is over.", CHILD_LEFT, of_install=True),
    Check("I7", "childless", "Running invocations that started nothing.", CHILDLESS, of_install=True),
)
