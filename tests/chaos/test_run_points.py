"""Runs and cells whose process dies at each point that matters, on real processes (W13 to W15, W17, W19, W22, F1).

One install for all of them (`tests.chaos.install`), struck by `tests.bed.crashing`.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
from django.db.models.functions import Now

from tests.bed.crashing import Point
from tests.bed.signals import wait_for
from tests.chaos.install import NAP, PATIENCE_SECONDS, Install, Work, call, database_stays, install, tag
from workflows.models import Instance, PausePoint, Run
from workflows.services.recovery import MESSAGE_PATIENCE_SECONDS

__all__ = ["database_stays", "install", "tag"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.points]


@dataclass(frozen=True)
class Fault:
    """Where the worker dies, how the sink answers step b before that, how often each step may be called."""

    point: Point
    detail: str = ""
    answers: tuple[int, ...] = ()
    b: int = 1
    c: int = 1
    tries_of_b: tuple[tuple[int, bool], ...] = ((1, True),)


FAULTS = (
    Fault(Point.AFTER_CLAIM),
    Fault(Point.AFTER_ATTEMPT_ROW, "b", answers=(503,), b=2, tries_of_b=((1, False), (2, True))),
    Fault(Point.AFTER_EFFECT, "b", b=2),
    Fault(Point.AFTER_COMMIT, "b"),
    Fault(Point.BEFORE_END_COMMIT, c=2),
)


@pytest.mark.rule("F1", "W13", "W14", "W15")
@pytest.mark.parametrize("of_cell", [False, True], ids=["run", "cell"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault.point))
def test_work_outlives_its_worker(install: Install, tag: str, fault: Fault, of_cell: bool) -> None:
    install.sink.will_answer(tag, "b", *fault.answers)
    install.crashes.arm(fault.point, fault.detail)
    work = Work(install, tag, of_cell=of_cell)
    struck = install.struck(fault.point)
    run = install.until(work.run_id, "completed")
    install.check_recovered(struck)
    install.check_finished(run.pk, tag, {"a": 1, "b": fault.b, "c": fault.c})
    assert install.tries(run.pk, "b") == list(fault.tries_of_b)
    assert run.recovery_count == 1
    work.check_filled()
    install.check_quiet()


@pytest.mark.rule("W15")
@pytest.mark.parametrize("of_cell", [False, True], ids=["run", "cell"])
def test_an_unsafe_step_under_way_is_sent_once_and_a_person_decides(
    install: Install, tag: str, of_cell: bool
) -> None:
    install.crashes.arm(Point.AFTER_EFFECT, "b")
    work = Work(install, tag, of_cell=of_cell, b={"method": "POST"})
    struck = install.struck(Point.AFTER_EFFECT)
    run = install.until(work.run_id, "needs_decision")
    install.check_recovered(struck)
    assert (run.lease_token, run.instance_id) == (None, None)
    assert install.steps(work.run_id)["b"] == "unknown"
    assert dict(install.sink.counts(tag)) == {"a": 1, "b": 1}
    body = {"step_key": "b", "decision": "done", "output": {"status": 200}}
    assert install.http.post(f"/runs/{work.run_id}/decide/", json=body).status_code == 200
    install.until(work.run_id, "completed")
    assert dict(install.sink.counts(tag)) == {"a": 1, "b": 1, "c": 1}
    assert install.tries(work.run_id, "b") == [(1, False)]
    work.check_filled()
    install.check_quiet()


@pytest.mark.rule("W14", "W19", "W21", "T23")
@pytest.mark.parametrize("of_cell", [False, True], ids=["run", "cell"])
@pytest.mark.parametrize(
    ("point", "calls_of_a"), [(Point.IN_PAUSE_COMMIT, 2), (Point.AFTER_PAUSE_COMMIT, 1)], ids=str
)
def test_work_is_parked_once_however_its_worker_dies(
    install: Install, tag: str, point: Point, calls_of_a: int, of_cell: bool
) -> None:
    install.crashes.arm(point)
    work = Work(install, tag, of_cell=of_cell, sleeps=NAP)
    struck = install.struck(point)
    run = install.until(work.run_id, "waiting")
    install.check_recovered(struck)
    assert (run.lease_token, run.instance_id) == (None, None)
    assert list(PausePoint.objects.filter(run=run).values_list("status", "round")) == [("open", 0)]
    install.check_quiet()
    dead = Instance.objects.filter(pid=install.crashes.taken(point) or 0, stopped_at__isnull=False)
    wait_for(
        dead.exists, "the dead worker to be buried", PATIENCE_SECONDS
    )  # nobody recovers anything from here on
    install.falls_due(run.pk)
    due = time.monotonic()
    install.until(run.pk, "completed")
    install.check_recovered(due)
    install.check_finished(run.pk, tag, {"a": calls_of_a, "b": 1, "c": 1})
    work.check_filled()


@pytest.mark.rule("W19", "W21")
def test_a_worker_that_dies_waking_a_run_leaves_it_to_the_next(install: Install, tag: str) -> None:
    run_id = Work(install, tag, sleeps=NAP).run_id
    install.until(run_id, "waiting")
    install.crashes.arm(Point.AFTER_CLAIM)
    install.falls_due(run_id)
    struck = install.struck(Point.AFTER_CLAIM)
    install.until(run_id, "completed")
    install.check_recovered(struck)
    install.check_finished(run_id, tag, {"a": 1, "b": 1, "c": 1})


@pytest.mark.rule("F3", "W17")
def test_a_worker_told_to_stop_hands_its_run_on_at_the_next_step(install: Install, tag: str) -> None:
    sink, stack = install.sink, install.stack
    with sink.holding(tag, "b"):
        run_id = Work(install, tag).run_id
        wait_for(lambda: sink.counts(tag)["b"], "step b to be under way", PATIENCE_SECONDS)
        process = install.process_of(run_id)
        leaving = threading.Thread(target=stack.stop, args=(process, PATIENCE_SECONDS))
        leaving.start()
        wait_for(lambda: "Warm shutdown" in stack.log(process).read_text(), "the worker to be told", 30)
    told = time.monotonic()
    leaving.join()
    try:
        run = install.until(run_id, "completed")
        install.check_recovered(told)
    finally:
        stack.start(process)
    assert run.recovery_count == 0
    install.check_finished(run_id, tag, {"a": 1, "b": 1, "c": 1})


@pytest.mark.rule("W18", "F14")
def test_web_dies_after_storing_a_run_and_before_sending_it(install: Install, tag: str) -> None:
    flow = install.workflow(call(install.sink, "a"))
    install.crashes.arm(Point.BEFORE_SEND)
    with pytest.raises(httpx.TransportError):
        install.start(flow, tag)
    install.struck(Point.BEFORE_SEND)
    run_id = Run.objects.values_list("pk", flat=True).get(workflow=flow)
    assert install.run(run_id).status == "queued"
    Run.objects.filter(pk=run_id).update(created_at=Now() - timedelta(seconds=MESSAGE_PATIENCE_SECONDS))
    late = time.monotonic()
    install.until(run_id, "completed")
    install.check_recovered(late)
    install.check_finished(run_id, tag, {"a": 1})
    install.stack.wait_until_ready()


@pytest.mark.rule("W22", "F32")
def test_web_dies_in_a_resume_and_the_next_one_counts(install: Install, tag: str) -> None:
    install.sink.will_answer(tag, "b", 400)
    run_id = Work(install, tag).run_id
    install.until(run_id, "failed")
    install.crashes.arm(Point.IN_RESUME_UPDATE)
    with pytest.raises(httpx.TransportError):
        install.http.post(f"/runs/{run_id}/resume/", json={})
    install.struck(Point.IN_RESUME_UPDATE)
    run = install.run(run_id)
    assert (run.status, run.epoch, run.history) == ("failed", 0, None)
    assert install.steps(run_id)["b"] == "failed"
    install.stack.wait_until_ready()
    assert install.http.post(f"/runs/{run_id}/resume/", json={}).status_code == 202
    run = install.until(run_id, "completed")
    assert (run.epoch, len(run.history or [])) == (1, 1)
    install.check_finished(run_id, tag, {"a": 1, "b": 2, "c": 1})
    install.check_quiet()


@pytest.mark.rule("W13", "F37")
def test_a_worker_frozen_in_its_last_transaction_holds_nobody_up(install: Install, tag: str) -> None:
    """Its connection is cut after 15 s, and the locks of its transaction go with it."""
    install.crashes.arm(Point.BEFORE_END_COMMIT, stop=True)
    work = Work(install, tag, of_cell=False)
    install.struck(Point.BEFORE_END_COMMIT)
    frozen = install.crashes.taken(Point.BEFORE_END_COMMIT)
    assert frozen is not None
    try:
        run = install.until(work.run_id, "completed")
    finally:
        os.kill(frozen, signal.SIGCONT)
    assert run.recovery_count == 1
    install.check_quiet()
