"""The statements of leadership and health: one row, changed by single guarded statements (`scheduler.md` section 4).

Clocks are the database's. Every statement is served by the primary key; ``SIGNS`` by the partial indexes of due
triggers and of invocations in flight.
"""

# Take or keep the lease: one upsert. Guard: it is ours, nobody's, or has run out. The epoch rises when the holder
# changes. No row back: somebody else leads.
RENEW = """
INSERT INTO scheduler_schedulerstate AS s
       (id, holder, epoch, lease_until, previous_holder, started_at, last_tick_error, consecutive_failures,
        total_ticks, last_claimed, backlog_due, max_lateness_ms, version)
VALUES (1, %(holder)s, 1, statement_timestamp() + make_interval(secs => %(seconds)s), '', statement_timestamp(),
        '', 0, 0, 0, 0, 0, %(version)s)
ON CONFLICT (id) DO UPDATE
   SET epoch = s.epoch + CASE WHEN s.holder = excluded.holder THEN 0 ELSE 1 END,
       previous_holder = CASE WHEN s.holder IN ('', excluded.holder) THEN s.previous_holder ELSE s.holder END,
       started_at = CASE WHEN s.holder = excluded.holder THEN s.started_at ELSE statement_timestamp() END,
       holder = excluded.holder, lease_until = excluded.lease_until, version = excluded.version
 WHERE s.holder IN ('', excluded.holder) OR s.lease_until IS NULL OR s.lease_until < statement_timestamp()
RETURNING s.epoch
"""

# Give the lease up, or take it from somebody. Guard: the holder named still holds it.
RELEASE = """
UPDATE scheduler_schedulerstate SET holder = '', previous_holder = holder, lease_until = NULL
 WHERE id = 1 AND holder = %(holder)s AND holder <> ''
"""

# A tick has ended; answers the failures in a row and who led. It commits without waiting for the disk: what a crash
# loses of it, the next tick says again.
RECORD_TICK = """
INSERT INTO scheduler_schedulerstate AS s
       (id, holder, epoch, previous_holder, last_tick_started_at, last_tick_finished_at, last_tick_error,
        consecutive_failures, total_ticks, last_claimed, backlog_due, max_lateness_ms, version)
VALUES (1, '', 0, '', coalesce(%(started_at)s::timestamptz, clock_timestamp()), clock_timestamp(), %(error)s,
        CASE WHEN %(error)s = '' THEN 0 ELSE 1 END, 1, %(claimed)s, %(backlog_due)s, %(max_lateness_ms)s, '')
ON CONFLICT (id) DO UPDATE
   SET last_tick_started_at = excluded.last_tick_started_at,
       last_tick_finished_at = excluded.last_tick_finished_at,
       last_tick_error = excluded.last_tick_error,
       consecutive_failures = CASE WHEN excluded.last_tick_error = '' THEN 0 ELSE s.consecutive_failures + 1 END,
       total_ticks = s.total_ticks + 1,
       last_claimed = excluded.last_claimed,
       backlog_due = excluded.backlog_due,
       max_lateness_ms = excluded.max_lateness_ms
RETURNING s.consecutive_failures, s.holder
"""

# Everything health is judged by, in one look; one row always, its state's columns null before the first beat.
# What is due is counted no further than it matters. `interval` is null when the tick's entry is missing or disabled.
SIGNS = """
WITH due AS (
    SELECT next_run_at FROM scheduler_trigger
     WHERE enabled AND next_run_at <= statement_timestamp()
       AND (held_until IS NULL OR held_until <= statement_timestamp())
     ORDER BY next_run_at LIMIT %(most)s)
SELECT statement_timestamp() AS now, s.*,
       (SELECT count(*) FROM due) AS due,
       (SELECT min(next_run_at) FROM due) AS due_since,
       (SELECT min(available_at) FROM scheduler_invocation
         WHERE status = 'pending' AND available_at <= statement_timestamp() AND NOT waits) AS pending_since,
       (SELECT min(available_at) FROM scheduler_invocation
         WHERE status = 'queued' AND available_at <= statement_timestamp()) AS queued_since,
       (SELECT count(*) FROM scheduler_invocation WHERE status IN ('queued', 'running')) AS in_flight,
       (SELECT extract(epoch FROM make_interval(
                 days  => CASE WHEN i.period = 'days' THEN i.every ELSE 0 END,
                 hours => CASE WHEN i.period = 'hours' THEN i.every ELSE 0 END,
                 mins  => CASE WHEN i.period = 'minutes' THEN i.every ELSE 0 END,
                 secs  => CASE WHEN i.period = 'seconds' THEN i.every
                               WHEN i.period = 'microseconds' THEN i.every / 1e6 ELSE 0 END))::float
          FROM django_celery_beat_periodictask p JOIN django_celery_beat_intervalschedule i ON i.id = p.interval_id
         WHERE p.name = %(entry)s AND p.enabled) AS interval_seconds
  FROM (SELECT 1) one LEFT JOIN scheduler_schedulerstate s ON s.id = 1
"""
