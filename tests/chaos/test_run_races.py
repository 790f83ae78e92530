"""Late writers, races for one decision, and a restart of everything, on real processes (W19 to W23, F32, F37, F38)."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import redis
from django.conf import settings
from django.db import connection

from tables.lease import owners
from tables.models import Row, RowExecution
from tests.bed.services import TestServices
from tests.bed.signals import wait_for
from tests.chaos.install import NAP, PATIENCE_SECONDS, Install, Work, call, database_stays, install, tag
from workflows.models import Attempt, Instance, PausePoint, Run, Step

__all__ = ["database_stays", "install", "tag"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.points]


def written(run_ids: list[UUID]) -> list[Any]:
    """Everything that a late write could change."""
    by_run = {"run_id__in": run_ids}
    return [
        list(Run.objects.filter(pk__in=run_ids).order_by("pk").values()),
        list(Step.objects.filter(**by_run).order_by("run_id", "step_key").values()),
        list(Attempt.objects.filter(**by_run).order_by("pk").values()),
        list(RowExecution.objects.filter(**by_run).order_by("pk").values()),
        list(Row.objects.filter(cells__run_id__in=run_ids).order_by("pk").values()),
    ]


@pytest.mark.rule("W13", "W23", "T15", "T18", "F37")
def test_a_worker_that_wakes_after_its_lease_moved_changes_nothing(install: Install, tag: str) -> None:
    sink = install.sink
    with ExitStack() as gates:

        def begun(name: str, *, of_cell: bool = False) -> Work:
            gates.enter_context(sink.holding(name, "b"))
            work = Work(install, name, of_cell=of_cell)
            wait_for(lambda: sink.counts(name)["b"], "step b to be under way", PATIENCE_SECONDS)
            return work

        works = {tag: begun(tag, of_cell=True)}
        process = install.process_of(works[tag].run_id)
        while len(works) == 1:  # the process is to hold a cell and a plain run
            name = f"{tag}-{len(sink.gates)}"
            work = begun(name)
            if install.process_of(work.run_id) == process:
                works[name] = work
        runs = [work.run_id for work in works.values()]
        owner = Run.objects.values_list("instance_id", flat=True).get(pk=runs[0])
        zombie = gates.enter_context(install.stopped(process))
        buried = Instance.objects.filter(pk=owner, stopped_at__isnull=False)
        wait_for(buried.exists, "the silent one to be buried", PATIENCE_SECONDS)
        for gate in sink.gates.values():
            gate.set()
        for run_id in runs:
            install.until(run_id, "completed")
        works[tag].check_filled()
        before = written(runs)
    reborn = Instance.objects.filter(pid=zombie, stopped_at=None).exclude(pk=owner)
    wait_for(reborn.exists, "the zombie to take a new identity", PATIENCE_SECONDS)
    works_again(install, tag, zombie)
    assert written(runs) == before
    for name, work in works.items():
        install.check_finished(work.run_id, name, {"a": 1, "b": 2, "c": 1})
    install.check_quiet()


def works_again(install: Install, tag: str, pid: int) -> None:
    """Start runs until that process has executed one, under an identity that lives."""
    for n in range(30):
        run_id = Work(install, f"{tag}-again-{n}").run_id
        install.until(run_id, "completed")
        by = Attempt.objects.filter(run_id=run_id).values_list("instance_id", flat=True)
        if Instance.objects.filter(pk__in=list(by), pid=pid, stopped_at=None).exists():
            return
    pytest.fail(f"process {pid} took none of thirty runs")


@pytest.mark.rule("W23", "F32")
@pytest.mark.parametrize("of_cell", [False, True], ids=["run", "cell"])
def test_of_twenty_resumes_at_once_one_wins(install: Install, tag: str, of_cell: bool) -> None:
    install.sink.will_answer(tag, "c", 400)
    work = Work(install, tag, of_cell=of_cell)
    run_id = work.run_id
    install.until(run_id, "failed")
    together = threading.Barrier(20)

    def resume(_n: int) -> int:
        with httpx.Client(timeout=PATIENCE_SECONDS) as client:
            client.get(f"{install.stack.url}/healthz")  # connected before the start
            together.wait()
            return client.post(
                f"{install.stack.url}/api/v1/runs/{run_id}/resume/", json={}, headers=install.http.headers
            ).status_code

    with ThreadPoolExecutor(20) as pool:
        codes = Counter(pool.map(resume, range(20)))
    assert codes == {202: 1, 409: 19}
    run = install.until(run_id, "completed")
    assert (run.epoch, len(run.history or [])) == (1, 1)
    install.check_finished(run_id, tag, {"a": 1, "b": 1, "c": 2})
    work.check_filled()


ASK: dict[str, Any] = {
    "key": "ask",
    "type": "approval",
    "config": {"message": "Go on?", "notify": False, "expires_after_seconds": 3600, "on_expiry": "error"},
}
BRANCHES = [("ask", "approved", "approve"), ("ask", "rejected", "reject"), ("ask", "error", "late")]


@pytest.mark.rule("F38", "W20", "W21")
def test_approve_reject_and_expiry_at_once_decide_once(install: Install, tag: str) -> None:
    flow = install.workflow(ASK, *(call(install.sink, key) for _, _, key in BRANCHES), edges=BRANCHES)
    runs = {f"{tag}-{n}": install.start(flow, f"{tag}-{n}") for n in range(8)}
    for run_id in runs.values():
        install.until(run_id, "paused")
    expiry = datetime.now(UTC) + timedelta(seconds=2 * install.slowness)
    PausePoint.objects.filter(run_id__in=runs.values()).update(wake_at=expiry)
    Run.objects.filter(pk__in=runs.values()).update(wake_at=expiry)
    pauses = dict(PausePoint.objects.filter(run_id__in=runs.values()).values_list("run_id", "pk"))

    def decide(run_id: UUID, decision: str, moment: datetime) -> tuple[UUID, str, int]:
        wait_for(lambda: datetime.now(UTC) >= moment, "the moment to come", PATIENCE_SECONDS)
        path = f"/runs/{run_id}/pauses/{pauses[run_id]}/answer/"
        return run_id, decision, install.http.post(path, json={"decision": decision}).status_code

    with ThreadPoolExecutor(16) as pool:
        asked = [
            pool.submit(decide, run_id, decision, expiry + timedelta(milliseconds=20 * (n - 6)))
            for n, run_id in enumerate(runs.values())
            for decision in ("approve", "reject")
        ]
        answers = [future.result() for future in asked]
    assert {code for _, _, code in answers} <= {200, 409, 410}
    for name, run_id in runs.items():
        accepted = [decision for run, decision, code in answers if run == run_id and code == 200]
        assert len(accepted) <= 1
        install.until(run_id, "completed")
        assert dict(install.sink.counts(name)) == {accepted[0] if accepted else "late": 1}
        status = PausePoint.objects.values_list("status", flat=True).get(run_id=run_id)
        assert status == ("answered" if accepted else "expired")
    install.check_quiet()


def remembered(run_id: UUID) -> list[str]:
    """Keys of Redis that name this run, or hold its name: messages, timers, locks."""
    with redis.Redis.from_url(settings.RUNSHEET_REDIS_URL) as client:
        read = {
            b"string": client.get,
            b"list": lambda key: client.lrange(key, 0, -1),
            b"set": client.smembers,
            b"zset": lambda key: client.zrange(key, 0, -1),
            b"hash": client.hgetall,
            b"stream": client.xrange,
        }
        held = {key: read[client.type(key)](key) for key in client.scan_iter("*")}
    return [repr(key) for key, value in held.items() if str(run_id) in repr((key, value))]


@pytest.mark.rule("W19", "W21")
def test_what_waits_a_day_holds_nothing_and_outlives_everything(
    install: Install, tag: str, services: TestServices
) -> None:
    if services.postgres is None or services.valkey is None:
        pytest.skip("the services are somebody else's, and cannot be stopped")
    day = {**NAP, "config": {"seconds": 86_400}}
    name = f"{tag}-cell"
    run, cell = Work(install, tag, sleeps=day), Work(install, name, of_cell=True, sleeps=day)
    for waiting in (run.run_id, cell.run_id):
        found = install.until(waiting, "waiting")
        assert (found.lease_token, found.instance_id) == (None, None)
    workers = install.http.get("/workers/").json()["results"]
    assert workers
    assert sum(worker["cells"] for worker in workers) == 0
    install.check_quiet()
    assert remembered(run.run_id) == []
    wait_for(
        lambda: cell.sheet and not owners(cell.sheet.rows), "the row's lock to be free", PATIENCE_SECONDS
    )
    install.bring_down()
    connection.close()
    services.valkey.stop()
    services.postgres.stop()
    services.valkey.wipe()
    services.postgres.start()
    services.valkey.start()
    install.bring_up()
    for work, known_as in ((run, tag), (cell, name)):
        assert install.run(work.run_id).status == "waiting"
        install.falls_due(work.run_id)
        due = time.monotonic()
        install.until(work.run_id, "completed")
        install.check_recovered(due)
        install.check_finished(work.run_id, known_as, {"a": 1, "b": 1, "c": 1})
        work.check_filled()
