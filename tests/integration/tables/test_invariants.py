"""`manage.py verify_invariants`: every seeded violation is found, and a table at work breaks nothing (I1 to I10)."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import psycopg
import pytest
import redis
from django.core.management import CommandError, call_command
from django.db import connection

from tables.lease import client as locks
from tables.lease import key_for
from tables.models import Dispatch, RowExecution, Window
from tables.models.invariants_sql import CHECKS
from tables.services.dispatcher import dispatch_advance
from tables.services.dispatches import dispatch_start
from tables.services.verifying import Finding, invariants_verify
from tables.states import Mode
from tests.bed.factories import Sheet, probing_chain, probing_table
from workspaces.ids import uuid7

pytestmark = [pytest.mark.django_db(transaction=True)]

OLD = "now() - interval '10 minutes'"

Seed = tuple[str, str]
"""A check's name, and the SQL that breaks it in a table of three rows that has run."""

CELL = "(SELECT id FROM tables_rowexecution ORDER BY id LIMIT 1)"
DISPATCH = "UPDATE tables_dispatch SET"
CELL_SET = "UPDATE tables_rowexecution SET"
WINDOW = (
    "INSERT INTO tables_window (id, dispatch_id, lane, token, row_ids, stamped, interactive, redrives, opened_at,"
    " body_fired, deadline_at) SELECT gen_random_uuid(), id, 0, gen_random_uuid(), '{}', 0, false, 0, now(), false,"
)

ATTEMPTS = """
INSERT INTO workflows_attempt (run_id, step_key, epoch, n, started_at)
SELECT id, 'call', 0, 7, now() FROM workflows_run, generate_series(1, 2)
"""
STOPPED_CELLS = """
UPDATE tables_rowexecution SET status = 'pending', cancelled_sequence = 99, window_id = (SELECT id FROM tables_window)
"""
MANY_ROWS = """
UPDATE tables_window SET row_ids = (SELECT array_agg(gen_random_uuid()) FROM generate_series(1, 5000))
"""

SEEDS: list[Seed] = [
    ("account", f"{DISPATCH} completed = completed + 1"),
    ("counters", f"{DISPATCH} skipped = '{{\"stopped\": -1}}', completed = completed + 1"),
    ("window_of_ended", f"{WINDOW} now() FROM tables_dispatch"),
    ("cell_without_window", f"{CELL_SET} status = 'queued', instance_id = NULL WHERE id = {CELL}"),
    ("window_overdue", f"{DISPATCH} status = 'dispatching'; {WINDOW} {OLD} FROM tables_dispatch"),
    ("owner_dead", f"{CELL_SET} status = 'running', instance_id = gen_random_uuid() WHERE id = {CELL}"),
    ("dispatch_forgotten", f"{DISPATCH} status = 'pending', started_at = NULL, requested_at = {OLD}"),
    ("execution_twice", f"{CELL_SET} execution_id = '00000000-0000-0000-0000-000000000001'"),
    ("run_twice", f"{CELL_SET} run_id = (SELECT min(run_id::text)::uuid FROM tables_rowexecution)"),
    ("two_owners", f"{CELL_SET} status = 'running'; UPDATE workflows_run SET status = 'running'"),
    ("attempt_twice", ATTEMPTS),
    ("cell_misshapen", f"{CELL_SET} instance_id = gen_random_uuid() WHERE id = {CELL}"),
    ("runs_after_stop", f"{WINDOW} now() FROM tables_dispatch; {STOPPED_CELLS}"),
    ("run_under_cancelled", f"{CELL_SET} status = 'cancelled' WHERE id = {CELL}"),
    (
        "run_left_behind",
        f"UPDATE workflows_run SET status = 'paused', created_at = {OLD}; DELETE FROM tables_rowexecution",
    ),
    ("inputs_as_read", 'UPDATE tables_row SET data = data || \'{"name": "another"}\''),
    ("outputs_as_written", 'UPDATE tables_row SET data = data || \'{"a": "nobody wrote this"}\''),
    ("cell_and_run", f"UPDATE workflows_run SET status = 'failed' WHERE owner_id = {CELL}"),
    ("cell_of_nothing", f"{CELL_SET} group_id = gen_random_uuid() WHERE id = {CELL}"),
    ("row_count", "UPDATE tables_table SET row_count = row_count + 1"),
    ("fences", "ALTER TABLE tables_rowexecution DROP CONSTRAINT tables_cell_once"),
    (
        "rows_in_flight",
        f"{DISPATCH} status = 'dispatching'; {WINDOW} now() FROM tables_dispatch; {MANY_ROWS}",
    ),
]


def finished(inbox: Any) -> Sheet:
    """A table whose groups A and B have run over three rows."""
    sheet = probing_chain(rows=3)
    dispatch_start(table=sheet.table, mode=Mode.ALL)
    inbox.run_all()
    return sheet


def verify(**more: Any) -> dict[str, Finding]:
    """Each check's finding."""
    return {found.name: found for found in invariants_verify(look_again_seconds=0, **more)}


def violated(found: dict[str, Finding]) -> set[str]:
    """Names of what does not hold."""
    return {name for name, finding in found.items() if finding.verdict != "holds"}


@pytest.fixture
def seeded(transactional_db: None) -> Any:
    """``seeded(sql)``: break something past the database's own triggers; a dropped index is made again."""
    with connection.cursor() as cursor:
        yield lambda sql: cursor.execute(
            f"SET session_replication_role = replica; {sql}; RESET session_replication_role"
        )
        cursor.execute("TRUNCATE tables_rowexecution")
        cursor.execute(
            "CREATE UNIQUE INDEX IF NOT EXISTS tables_cell_once ON tables_rowexecution (row_id, group_id);"
            "DO $$ BEGIN ALTER TABLE tables_rowexecution ADD CONSTRAINT tables_cell_once UNIQUE USING INDEX"
            " tables_cell_once; EXCEPTION WHEN OTHERS THEN NULL; END $$"
        )


@pytest.mark.parametrize(("check", "sql"), SEEDS, ids=[check for check, _ in SEEDS])
def test_a_seeded_violation_is_found(
    inbox: Any, worker: Any, probe: Any, seeded: Any, check: str, sql: str
) -> None:
    finished(inbox)
    assert violated(verify()) == set()
    seeded(sql)
    found = verify()[check]
    assert found.verdict == "violated"
    assert found.violations >= len(found.ids) > 0


def test_each_check_has_its_seed() -> None:
    """A transaction left open has a test of its own."""
    assert {check.name for check in CHECKS} - {check for check, _ in SEEDS} == {"transactions"}


def test_a_transaction_left_open_is_found(worker: Any) -> None:
    wanted = connection.get_connection_params()
    keys = ("dbname", "user", "password", "host", "port")
    place = {key: wanted[key] for key in keys if key in wanted}
    with psycopg.connect(application_name="runsheet worker", **place) as other:
        other.execute("SELECT 1")
        found = verify(grace_seconds=0)["transactions"]
        assert found.ids == (f"runsheet worker {other.info.backend_pid}",)
        assert violated(verify()) == set()
        other.rollback()
    assert violated(verify(grace_seconds=0)) == set()


def test_a_table_at_work_breaks_nothing(inbox: Any, worker: Any, probe: Any) -> None:
    """Asked at every message of a run, and inside every block."""
    seen: list[set[str]] = []

    def look(tag: Any, _context: Any) -> Any:
        seen.append(violated(verify()))
        return tag

    probe.does = look
    sheet = probing_chain(rows=3)
    dispatch_start(table=sheet.table, mode=Mode.ALL)
    while inbox.waiting:
        inbox.deliver(inbox.take())
        seen.append(violated(verify()))
    assert len(seen) >= 8
    assert set().union(*seen) == set()


def test_what_waits_for_its_worker_is_in_flight_and_no_violation(inbox: Any, worker: Any) -> None:
    sheet = probing_table(rows=3)
    dispatch = dispatch_start(table=sheet.table, mode=Mode.ALL).dispatch
    assert dispatch is not None
    dispatch_advance(dispatch.id)
    assert Window.objects.count() == 1
    assert RowExecution.objects.filter(status="pending").count() == 3
    assert violated(verify()) == set()


def test_one_table_is_looked_at_by_itself(inbox: Any, worker: Any, probe: Any) -> None:
    broken, whole = finished(inbox), finished(inbox)
    Dispatch.objects.filter(table=broken.table).update(failed=7)
    assert violated(verify(table_id=whole.table.pk)) == set()
    assert violated(verify(table_id=broken.table.pk)) == {"account"}
    assert "locks" not in verify(table_id=whole.table.pk)


@pytest.mark.rule("T15", "T16")
def test_a_lock_whose_owner_is_gone_or_that_has_no_end_is_found(inbox: Any, worker: Any, probe: Any) -> None:
    sheet = finished(inbox)
    client: redis.Redis = locks()
    mine = f"{worker.start()}:{uuid7()}"
    client.set(key_for(sheet.rows[0]), mine, px=20_000)
    assert verify()["locks"].verdict == "holds"
    client.set(key_for(sheet.rows[1]), mine)
    client.set(key_for(sheet.rows[2]), f"{uuid7()}:{uuid7()}", px=20_000)
    assert verify()["locks"].ids == tuple(sorted(map(str, sheet.rows[1:])))
    client.delete(*map(key_for, sheet.rows))


def test_a_queue_that_grows_without_bound_is_found(inbox: Any, worker: Any) -> None:
    client: redis.Redis = locks()
    client.rpush("rows", *["{}"] * 5_000)
    assert verify()["queues"].verdict == "violated"
    client.delete("rows")
    assert verify()["queues"].verdict == "holds"


def test_a_redis_that_is_away_leaves_its_checks_open(worker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise redis.ConnectionError("away")

    monkeypatch.setattr("redis.connection.ConnectionPool.get_connection", away)
    assert violated(verify()) == {"locks", "queues"}
    assert {verify()[name].verdict for name in ("locks", "queues")} == {"unknown"}


def test_a_check_that_takes_too_long_is_left_open(worker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = CHECKS[0].__class__("I1", "slow", "Sleeps.", "SELECT pg_sleep(30)::text AS id")
    monkeypatch.setattr("tables.services.verifying.CHECKS", (slow, *CHECKS[1:]))
    found = verify(timeout_seconds=0.2)
    assert found["slow"].verdict == "unknown"
    assert violated(found) == {"slow"}


def test_what_is_gone_at_the_second_look_is_no_violation(
    inbox: Any, worker: Any, probe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(inbox)
    Dispatch.objects.update(failed=7)

    def healed(_seconds: float) -> None:
        Dispatch.objects.update(failed=0)

    monkeypatch.setattr("tables.services.verifying.time.sleep", healed)
    assert violated(verify()) == set()


class TestCommand:
    """What people and programs see."""

    def asked(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as left:
            call_command("verify_invariants", *arguments)
        return int(left.value.code or 0), capsys.readouterr().out

    def test_all_is_well(
        self, inbox: Any, worker: Any, probe: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        finished(inbox)
        code, told = self.asked(capsys)
        assert (code, "violated" in told) == (0, False)
        assert "row_count" in told

    def test_a_violation_is_shown_with_its_ids(
        self, inbox: Any, worker: Any, probe: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        finished(inbox)
        Dispatch.objects.update(failed=7)
        broken = str(Dispatch.objects.values_list("id", flat=True).get())
        code, told = self.asked(capsys)
        assert code == 1
        assert broken in told
        code, told = self.asked(capsys, "--json")
        answer = json.loads(told)
        assert (code, answer["holds"]) == (1, False)
        assert [(c["name"], c["ids"]) for c in answer["checks"] if c["violations"]] == [("account", [broken])]

    @pytest.mark.parametrize(
        "arguments",
        [["--table", "x"], ["--table", str(UUID(int=1))], ["--timeout", "0"]],
        ids=["x", "unknown", "no time"],
    )
    def test_a_wrong_argument_is_named(self, arguments: list[str], transactional_db: None) -> None:
        with pytest.raises(CommandError, match=arguments[0]):
            call_command("verify_invariants", *arguments)
