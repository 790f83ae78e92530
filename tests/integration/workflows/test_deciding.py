"""Steps whose outcome nobody knows: a crash under an unsafe block is a person's decision (W15)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bed.engine import Engine, counting, engine, worker
from tests.bed.running import Probe, probe
from tests.integration.workflows.people import ACTOR
from workflows.errors import DecisionNotAsked
from workflows.models import Run
from workflows.services.decisions import Decision, run_decide
from workflows.services.resuming import run_resume
from workspaces.errors import Invalid

__all__ = ["engine", "probe", "worker"]


def interrupted(engine: Engine, *, on_unknown: str | None = None, edges: Any = ()) -> Run:
    """A run whose worker died after `mail` was sent and before it was recorded."""
    retry = {"max_attempts": 1} if on_unknown is None else {"max_attempts": 1, "on_unknown": on_unknown}
    flow = engine.workflow(
        [counting("a"), counting("mail", effect="unsafe", retry=retry), counting("b")],
        [("a", "mail"), ("mail", "b"), *edges],
    )
    run = engine.start(flow)
    engine.dies_at_commit(3)
    engine.work()
    engine.recover()
    engine.work()
    return engine.fresh(run)


@pytest.mark.rule("W15")
def test_an_unsafe_block_under_way_at_a_crash_waits_for_a_decision(engine: Engine, probe: Probe) -> None:
    run = interrupted(engine)
    assert (run.status, run.lease_token) == ("needs_decision", None)
    assert engine.steps(run)["mail"].status == "unknown"
    assert [(wait["step_key"], wait["kind"]) for wait in run.waits_for] == [("mail", "decision")]
    assert probe.counts() == {"a": 1, "mail": 1}


@pytest.mark.rule("W15", "W12")
def test_done_takes_the_output_and_goes_on(engine: Engine, probe: Probe) -> None:
    run = interrupted(engine)
    run_decide(run_id=run.pk, step_key="mail", decision=Decision.DONE, output={"id": 7}, actor=ACTOR)
    engine.work()
    assert engine.fresh(run).status == "completed"
    assert engine.outputs(run)["mail"] == {"id": 7}
    assert probe.counts() == {"a": 1, "mail": 1, "b": 1}


@pytest.mark.rule("W15")
def test_retry_sends_it_again(engine: Engine, probe: Probe) -> None:
    run = interrupted(engine)
    run_decide(run_id=run.pk, step_key="mail", decision=Decision.RETRY, actor=ACTOR)
    engine.work()
    assert engine.fresh(run).status == "completed"
    assert probe.counts() == {"a": 1, "mail": 2, "b": 1}


@pytest.mark.rule("W15")
def test_fail_goes_by_the_error_edge(engine: Engine, probe: Probe) -> None:
    run = interrupted(engine, edges=[("mail", "error", "b")])
    run_decide(run_id=run.pk, step_key="mail", decision=Decision.FAIL, actor=ACTOR)
    engine.work()
    assert engine.fresh(run).status == "completed"
    assert probe.counts() == {"a": 1, "mail": 1, "b": 1}


@pytest.mark.rule("W15")
@pytest.mark.parametrize(("policy", "status", "mails"), [("retry", "completed", 2), ("fail", "failed", 1)])
def test_a_policy_may_answer_beforehand(
    engine: Engine, probe: Probe, policy: str, status: str, mails: int
) -> None:
    run = interrupted(engine, on_unknown=policy)
    assert (run.status, probe.counts()["mail"]) == (status, mails)


@pytest.mark.rule("W15", "W22")
def test_resuming_tries_it_again(engine: Engine, probe: Probe) -> None:
    run = interrupted(engine)
    run_resume(run_id=run.pk, actor=ACTOR)
    engine.work()
    assert (engine.fresh(run).status, probe.counts()["mail"]) == ("completed", 2)


@pytest.mark.rule("W15")
def test_the_first_decision_counts(engine: Engine, probe: Probe) -> None:
    run = interrupted(engine)
    run_decide(run_id=run.pk, step_key="mail", decision=Decision.FAIL, actor=ACTOR)
    with pytest.raises(DecisionNotAsked):
        run_decide(run_id=run.pk, step_key="mail", decision=Decision.DONE, actor=ACTOR)


@pytest.mark.rule("W15", "F23")
def test_an_output_that_cannot_be_stored_is_refused(engine: Engine, probe: Probe) -> None:
    run = interrupted(engine)
    with pytest.raises(Invalid):
        run_decide(run_id=run.pk, step_key="mail", decision=Decision.DONE, output=float("nan"), actor=ACTOR)
    assert engine.fresh(run).status == "needs_decision"


@pytest.mark.rule("W15")
def test_a_repeatable_block_under_way_at_a_crash_is_simply_sent_again(engine: Engine, probe: Probe) -> None:
    run = engine.start(engine.workflow([counting("call"), counting("next")], [("call", "next")]))
    engine.dies_at_commit(1)
    engine.work()
    engine.recover()
    engine.work()
    assert engine.fresh(run).status == "completed"
    assert probe.counts() == {"call": 2, "next": 1}
    assert len({call.idempotency_key for call in probe.calls if call.tag == "call"}) == 1
