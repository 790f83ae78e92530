"""P11: the scheduler. A herd that is due in one second, claims beside a million triggers, an idle tick, lateness.

Triggers are put in by SQL. Claims are measured in processes of the install, through the services that the tick calls;
what they are compared with is the same claim done one trigger per transaction, in the same run.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from statistics import quantiles
from typing import Any, Final
from uuid import uuid4

import psycopg

from bench.client import Client
from bench.install import install
from bench.report import Figure
from config.runtime import BASE_DIR
from config.supervisor import Stack

CODE: Final = "P11"
HERD: Final = 10_000
ONE_BY_ONE: Final = 1_000
CLAIMERS: Final = 3
SPREAD: Final = 40
"""Triggers whose lateness is measured, spread over so many half seconds."""
CLICKS: Final = 30

WIDE: Final = {
    "RUNSHEET_SCHEDULER_MAX_INFLIGHT": "20000",
    "RUNSHEET_SCHEDULER_MAX_INFLIGHT_PER_WORKFLOW": "20000",
}

_FILL = """
INSERT INTO scheduler_trigger (
       id, workspace_id, name, description, target_kind, workflow_id, target_options, ref, enabled, cron_expression,
       cron_timezone, run_at, jitter_seconds, payload, overlap_policy, catchup_policy, catchup_window_seconds,
       catchup_limit, max_retries, retry_delay_seconds, run_as_user_id, schedule_revision, next_run_at, last_status,
       consecutive_failures, skipped_count, missed_count, disabled_reason, schedule_error, hold_count, updated_at)
SELECT gen_random_uuid(), w.workspace_id, %(name)s || n, '', 'workflow', w.id, '{}', 'live', true,
       CASE WHEN %(once)s THEN NULL
            ELSE (ARRAY['30 2 1 */3 *', '0 9 2 * *', '15 10 L 6 *', '0 0 1 1,7 *', '45 5 3 2 1'])[1 + n %% 5] END,
       (ARRAY['UTC', 'America/New_York', 'Europe/London', 'Asia/Kathmandu'])[1 + n %% 4],
       CASE WHEN %(once)s THEN now() + (2 + n * 0.5) * interval '1 second' END,
       0, '{}', 'skip', 'latest', 3600, 100, 1, 60, m.user_id, 1,
       CASE WHEN %(once)s THEN now() + (2 + n * 0.5) * interval '1 second' ELSE now() + interval '30 days' END,
       '', 0, 0, 0, '', '', 0, now()
  FROM generate_series(1, %(count)s) n, workflows_workflow w
  JOIN workspaces_membership m ON m.workspace_id = w.workspace_id
 WHERE w.id = %(workflow)s
"""

# The same ones are due again and again.
_DUE = """
UPDATE scheduler_trigger SET next_run_at = date_trunc('second', now()), enabled = true, disabled_reason = ''
 WHERE id IN (SELECT id FROM scheduler_trigger WHERE cron_expression IS NOT NULL ORDER BY id LIMIT %s)
"""

_TWICE = """
SELECT count(*) - count(DISTINCT (trigger_id, scheduled_for)), count(*) FROM scheduler_invocation
"""

_LATENESS = """
SELECT extract(epoch FROM i.started_at - i.scheduled_for)
  FROM scheduler_invocation i JOIN scheduler_trigger t ON t.id = i.trigger_id
 WHERE t.name LIKE 'late %%' AND i.started_at IS NOT NULL
"""

_CLICKED = """
SELECT extract(epoch FROM started_at - created_at) FROM scheduler_invocation
 WHERE source = 'manual' AND started_at IS NOT NULL
"""

Database = psycopg.Connection[tuple[Any, ...]]


def figures(triggers: int) -> list[Figure]:
    """Everything, with that many triggers in the table."""
    with install(workers=1, env=WIDE) as (stack, client):
        workflow = client.workflow(
            "noop", {"blocks": [{"key": "a", "type": "set", "config": {"fields": {}}}]}
        )
        with psycopg.connect(stack.env["DATABASE_URL"], autocommit=True) as database:
            found = [*_lateness(database, workflow), *_clicks(client, database, workflow)]
            for name in ("beat", "control", "worker@1", "reserve"):
                stack.stop(name)
            _fill(database, workflow, HERD, "herd ")
            found += _herd(stack, database)
            _fill(database, workflow, triggers - HERD, "later ")
            found += _claims(stack, database, triggers)
            return found + _idle(stack, triggers)


# ---- with everything running --------------------------------------------------------------------------------------


def _lateness(database: Database, workflow: str) -> list[Figure]:
    """Start minus slot of one-time triggers, on an idle install."""
    _fill(database, workflow, SPREAD, "late ", once=True)
    took = _until(database, _LATENESS, SPREAD, seconds=SPREAD / 2 + 30)
    return [
        Figure(CODE, f"lateness of {SPREAD} slots, idle: median", _part(took, 50), "s", None, "< 0.8 s"),
        Figure(CODE, "the same, p99", _part(took, 99), "s", None, "< 2 s"),
    ]


def _clicks(client: Client, database: Database, workflow: str) -> list[Figure]:
    """From a stored Run now to its start."""
    made = client.call(
        "POST",
        "/triggers/",
        name="by hand",
        workflow=workflow,
        cron_expression="0 0 1 1 *",
        overlap_policy="allow",
    )
    for _ in range(CLICKS):
        answer = client.http.post(
            f"/api/v1/triggers/{made['id']}/run/", json={}, headers={"Idempotency-Key": uuid4().hex}
        )
        answer.raise_for_status()
    took = _until(database, _CLICKED, CLICKS, seconds=30)
    return [Figure(CODE, "Run now until it runs: p95", _part(took, 95) * 1_000, "ms", None, "< 1,000 ms")]


def _until(database: Database, question: str, count: int, seconds: float) -> list[float]:
    until = time.monotonic() + seconds
    while True:
        found = [float(row[0]) for row in database.execute(question)]
        if len(found) >= count:
            return found
        if time.monotonic() > until:
            raise RuntimeError(f"only {len(found)} of {count} have started")
        time.sleep(0.1)


def _part(took: Sequence[float], percent: int) -> float:
    return quantiles(took, n=100, method="inclusive")[percent - 1]


# ---- with nothing running but what is measured --------------------------------------------------------------------


def _herd(stack: Stack, database: Database) -> list[Figure]:
    """Ten thousand due in one second, one scheduler."""
    _due(database, HERD)
    told = _measured(stack, "herd")
    if told["fired"] != HERD or told["sent"] != HERD:
        raise RuntimeError(f"not all fired: {told}")
    return [
        Figure(CODE, f"{HERD:,} due in one second: committed", told["committed"], "s", None, "< 5 s"),
        Figure(CODE, "the same, all with the broker", told["enqueued"], "s", None, "< 10 s"),
    ]


def _claims(stack: Stack, database: Database, triggers: int) -> list[Figure]:
    """Claims per second beside all the others: in batches, one by one, by several at once."""
    _due(database, ONE_BY_ONE)
    slow = _measured(stack, "drain", "1")
    floor = slow["claimed"] / slow["seconds"]
    _due(database, HERD)
    told = _measured(stack, "drain", "500")
    rate = told["claimed"] / told["seconds"]
    _due(database, HERD)
    began = time.monotonic()
    shares = [
        json.loads(_finished(process)) for process in [_begun(stack, "drain", "500") for _ in range(CLAIMERS)]
    ]
    took = max(share["seconds"] for share in shares)
    twice, stored = database.execute(_TWICE).fetchone() or (-1, -1)
    if sum(share["claimed"] for share in shares) != HERD or stored != HERD:
        raise RuntimeError(
            f"lost or doubled after {time.monotonic() - began:.1f} s: {shares}, {stored} stored"
        )
    among = f"beside {triggers:,} triggers"
    return [
        Figure(CODE, f"claims {among}, 1 scheduler", rate, "per s", floor, "> 3,000 per s"),
        Figure(CODE, "longest of its transactions", told["slowest"] * 1_000, "ms", None, "reported"),
        Figure(CODE, f"the same, {CLAIMERS} schedulers", HERD / took, "per s", floor, "reported"),
        Figure(CODE, "slots that fired twice, or not at all", float(twice), "", None, "0"),
    ]


def _idle(stack: Stack, triggers: int) -> list[Figure]:
    told = _measured(stack, "idle", "300")
    computed = _measured(stack, "compute", "10000")
    return [
        Figure(CODE, f"idle tick beside {triggers:,} triggers: the look", told["look"], "ms", None, "< 2 ms"),
        Figure(CODE, "the same, with its record", told["tick"], "ms", None, "< 10 ms"),
        Figure(CODE, "one next slot, mean", computed["mean"], "µs", None, "< 50 µs"),
    ]


def _fill(database: Database, workflow: str, count: int, name: str, *, once: bool = False) -> None:
    database.execute(_FILL, {"workflow": workflow, "count": count, "name": name, "once": once})
    database.execute("VACUUM ANALYZE scheduler_trigger")


def _due(database: Database, count: int) -> None:
    """So many are due now, and nothing has fired yet."""
    database.execute("TRUNCATE scheduler_invocation")
    database.execute(_DUE, [count])
    database.execute("VACUUM ANALYZE scheduler_trigger")


def _measured(stack: Stack, what: str, number: str = "0") -> dict[str, float]:
    told: dict[str, float] = json.loads(_finished(_begun(stack, what, number)))
    return told


def _begun(stack: Stack, what: str, number: str) -> subprocess.Popen[str]:
    env = {**stack.env, "RUNSHEET_PROCESS": "control", "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-W", "ignore", "-m", "bench.ticks", what, number]
    return subprocess.Popen(command, cwd=BASE_DIR, env=env, stdout=subprocess.PIPE, text=True)


def _finished(process: subprocess.Popen[str]) -> str:
    told, _ = process.communicate(timeout=600)
    if process.returncode:
        raise RuntimeError(f"the measurement ended with {process.returncode}")
    return told.strip().splitlines()[-1]
