"""The ledger's writes: guarded by the lease, once and for all (W12, W13, W14)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from tests.bed.factories import chain, probing, setting, workflow_make, workspace_make
from tests.bed.races import Race
from tests.bed.running import Probe, Worker, probe, worker
from workflows.models import Attempt, Run, Step, Workflow
from workflows.services.executor import execute
from workflows.services.instances import current_instance, drain
from workflows.services.jsonb import to_json
from workflows.services.ledger import (
    AttemptWrite,
    LedgerSink,
    RunEnd,
    RunWrite,
    StepWrite,
    ledger_write,
    run_claim,
    runs_lock,
    runs_stop,
)
from workflows.services.loading import live_runs_load
from workflows.services.recovery import runs_recover
from workflows.services.running import run_claim_and_execute
from workflows.services.runs import run_cancel, run_start
from workflows.states import RunStatus, StepStatus
from workspaces.actors import Actor

__all__ = ["probe", "worker"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "sent")]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACTOR = Actor.system("test")


def queued(definition: dict[str, Any]) -> Run:
    """A queued run of a new workflow."""
    workflow: Workflow = workflow_make(workspace_make(), definition)
    run, _ = run_start(workflow=workflow, version=workflow.versions.get(), input={}, actor=ACTOR)
    return run


TWO = chain(probing("first", "first"), probing("second", "second"))


@pytest.fixture
def run() -> Run:
    return queued(TWO)


@pytest.fixture
def token(run: Run) -> Iterator[UUID]:
    """The run, claimed by this process under this token."""
    mine = uuid4()
    with transaction.atomic(), connection.cursor() as cursor:
        assert run_claim(cursor, run.pk, mine, current_instance())
    yield mine


def write(run: Run, token: UUID, *steps: StepWrite, end: RunEnd | None = None) -> bool:
    """One commit; whether it was accepted."""
    said = RunWrite(run.pk, token, steps=list(steps), end=end)
    return not LedgerSink(current_instance()).commit([said]).refused


def step(status: StepStatus, output: Any = None) -> StepWrite:
    return StepWrite("first", status, NOW, NOW, output=output)


@pytest.mark.rule("W13")
def test_a_run_is_claimed_once(run: Run, two_connections: Race) -> None:
    def claim() -> bool:
        with transaction.atomic(), connection.cursor() as cursor:
            return run_claim(cursor, run.pk, uuid4(), instance)

    instance = current_instance()
    assert sorted(outcome.value for outcome in two_connections(claim, claim)) == [False, True]


@pytest.mark.rule("W13")
def test_only_the_holder_of_the_lease_writes(run: Run, token: UUID) -> None:
    assert not write(run, uuid4(), step(StepStatus.COMPLETED), end=RunEnd(RunStatus.COMPLETED))
    assert not Step.objects.exists()
    assert write(run, token, step(StepStatus.COMPLETED))


@pytest.mark.rule("W13", "W12")
def test_a_stop_takes_the_lease_and_is_final(run: Run, token: UUID) -> None:
    run_cancel(run=run, actor=ACTOR)
    assert not write(run, token, end=RunEnd(RunStatus.COMPLETED))
    with transaction.atomic(), connection.cursor() as cursor:
        assert not run_claim(cursor, run.pk, uuid4(), current_instance())
        runs_stop(cursor, [run.pk])
    run.refresh_from_db()
    assert run.status == RunStatus.CANCELLED


@pytest.mark.rule("W14")
@pytest.mark.parametrize(
    ("held", "kept"),
    [
        (StepStatus.COMPLETED, True),
        (StepStatus.SKIPPED, True),
        (StepStatus.FAILED, False),
        (StepStatus.RUNNING, False),
    ],
)
def test_a_finished_step_is_never_written_again(held: StepStatus, kept: bool, run: Run, token: UUID) -> None:
    write(run, token, step(held, "old"))
    write(run, token, step(StepStatus.COMPLETED, "new"))
    assert Step.objects.get().output == ("old" if kept else "new")


@pytest.mark.rule("W13a")
def test_one_refused_run_does_not_hold_up_the_others(run: Run, token: UUID) -> None:
    other = queued(TWO)
    writes = [
        RunWrite(other.pk, uuid4(), steps=[step(StepStatus.COMPLETED)]),
        RunWrite(run.pk, token, steps=[step(StepStatus.COMPLETED)]),
    ]
    assert LedgerSink(current_instance()).commit(writes).refused == {other.pk}
    assert Step.objects.get().run_id == run.pk


@pytest.mark.rule("W14")
def test_attempts_are_appended_and_costs_added(run: Run, token: UUID) -> None:
    for n in (1, 2):
        said = RunWrite(run.pk, token, attempts=[AttemptWrite("first", n, NOW, NOW, input={"n": n})], cost=1)
        LedgerSink(current_instance()).commit([said])
    write(run, token, end=RunEnd(RunStatus.COMPLETED, result=7))
    assert list(Attempt.objects.order_by("n").values_list("n", "input")) == [(1, {"n": 1}), (2, {"n": 2})]
    run.refresh_from_db()
    assert (run.status, run.result, run.lease_token, run.instance_id) == ("completed", 7, None, None)
    assert run.cost == 2


@pytest.mark.rule("W13")
def test_locking_names_exactly_the_runs_that_are_mine(run: Run, token: UUID) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        assert runs_lock(cursor, [(run.pk, token), (uuid4(), token)]) == {run.pk}
        ledger_write(cursor, [], current_instance())


@pytest.mark.rule("F23")
@pytest.mark.parametrize(
    "value", ["\0", "\ud800", float("nan"), {"a": [float("inf")]}, {"\0": "\\u0000"}, "“ß”", 1, None]
)
def test_whatever_is_written_is_json_that_postgresql_takes(value: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::jsonb", [to_json(value)])


@pytest.mark.rule("F23")
def test_what_is_clean_is_written_as_it_is() -> None:
    assert to_json({"a": "“\\u0000”", "b": [1, None]}) == '{"a":"“\\\\u0000”","b":[1,null]}'


# ---- single runs -------------------------------------------------------------------------------------------------


@pytest.mark.rule("W13", "W14", "F13")
def test_a_doubled_message_runs_nothing_twice(run: Run, probe: Probe) -> None:
    for _ in range(2):
        run_claim_and_execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.result) == (RunStatus.COMPLETED, "second")
    assert probe.counts() == {"first": 1, "second": 1}


@pytest.mark.rule("W13")
def test_a_doubled_message_costs_one_query(run: Run, django_assert_num_queries: Any) -> None:
    run_claim_and_execute(run.pk)
    with django_assert_num_queries(3):  # BEGIN and COMMIT around it
        run_claim_and_execute(run.pk)


@pytest.mark.rule("W14", "F1")
def test_a_run_that_lost_its_worker_goes_on_at_the_first_unfinished_step(
    run: Run, probe: Probe, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, calls = LedgerSink.commit, iter(range(10))

    def second_dies(self: LedgerSink, writes: Any) -> Any:
        if next(calls) == 1:
            raise KeyboardInterrupt
        return commit(self, writes)

    with monkeypatch.context() as patched:
        patched.setattr(LedgerSink, "commit", second_dies)
        with pytest.raises(KeyboardInterrupt):
            run_claim_and_execute(run.pk)
    worker.die()
    runs_recover()
    run_claim_and_execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.recovery_count) == (RunStatus.COMPLETED, 1)
    assert probe.counts() == {"first": 1, "second": 2}


@pytest.mark.rule("W14", "F2")
def test_a_run_that_lost_three_workers_fails_and_says_so(run: Run, worker: Worker) -> None:
    for _ in range(3):
        with transaction.atomic(), connection.cursor() as cursor:
            assert run_claim(cursor, run.pk, uuid4(), current_instance())
        worker.die()
        runs_recover()
    run.refresh_from_db()
    assert run.status == RunStatus.FAILED
    assert (run.error or {})["code"] == "worker_lost"


@pytest.mark.rule("W17", "F3")
def test_a_run_handed_back_by_a_draining_process_is_claimable_again(run: Run, probe: Probe) -> None:
    from workflows.services import instances

    probe.does = lambda tag, _context: drain() or tag
    run_claim_and_execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.lease_token) == (RunStatus.QUEUED, None)
    instances._draining.clear()
    probe.does = lambda tag, _context: tag
    run_claim_and_execute(run.pk)
    run.refresh_from_db()
    assert run.status == RunStatus.COMPLETED
    assert probe.counts() == {"first": 1, "second": 1}


@pytest.mark.rule("W17")
def test_a_cancelled_run_is_refused_in_the_middle_of_a_block(run: Run, probe: Probe) -> None:
    probe.does = lambda tag, _context: run_cancel(run=Run.objects.get(), actor=ACTOR) and tag
    run_claim_and_execute(run.pk)
    run.refresh_from_db()
    assert (run.status, Step.objects.count()) == (RunStatus.CANCELLED, 0)
    assert probe.counts() == {"first": 1}


@pytest.mark.rule("W9", "W14")
def test_a_restored_run_knows_what_its_steps_gave(run: Run, token: UUID, probe: Probe) -> None:
    write(run, token, step(StepStatus.COMPLETED, "kept"))
    (restored,) = live_runs_load([run.pk])
    assert restored.outputs["first"] == "kept"
    assert list(restored.ready) == ["second"]
    execute([restored], LedgerSink(current_instance()))
    run.refresh_from_db()
    assert (run.status, probe.counts()) == (RunStatus.COMPLETED, {"second": 1})


@pytest.mark.rule("W15")
def test_a_run_of_pure_blocks_costs_two_transactions(django_assert_max_num_queries: Any) -> None:
    pure = queued(chain(setting("a", "1"), setting("b", "2"), setting("c", "3")))
    with django_assert_max_num_queries(12):
        run_claim_and_execute(pure.pk)
    pure.refresh_from_db()
    assert pure.status == RunStatus.COMPLETED
