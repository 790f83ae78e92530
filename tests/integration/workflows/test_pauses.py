"""Answers and expiries of paused steps: one of them wins, and the run is taken up again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from tests.bed.races import Race
from tests.integration.workflows.asking import APPROVAL, BY, asked, parked, status_of
from tests.integration.workflows.people import greeting, workspace_of
from workflows.errors import PauseAnswered, PauseAnswerInvalid, PauseGone, PauseNotFound
from workflows.models import PausePoint, Run, Workflow
from workflows.services import owners, waking
from workflows.services.pauses import pause_answer, pause_by_token, pauses_decided, pauses_die
from workflows.services.runs import run_cancel
from workflows.services.waking import runs_wake
from workflows.states import PauseKind, PauseStatus, RunStatus
from workspaces.actors import Actor
from workspaces.models import AuditEvent

pytestmark = pytest.mark.django_db

Sent = list[tuple[str, list[Any]]]


@pytest.fixture
def committing(django_capture_on_commit_callbacks: Any) -> Any:
    """Runs what was left for after the commit."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.fixture
def owned() -> Iterator[list[list[tuple[Any, Any]]]]:
    """Runs of the kind ``thing`` are woken by appending to this list."""
    told: list[list[tuple[Any, Any]]] = []
    owners.on_owner_wake("thing", lambda runs: told.append(list(runs)))
    yield told
    owners._wakes.pop("thing")


@pytest.mark.rule("W20")
def test_an_answer_is_stored_once_with_who_and_wakes_the_parked_run(
    workflow: Workflow, sent: Sent, committing: Any
) -> None:
    run = parked(workflow)
    pause = asked(run)
    sent.clear()
    with committing():
        pause_answer(pause_id=pause.pk, data=APPROVAL, by=BY, actor=Actor.system("ada"))
    pause.refresh_from_db()
    assert (pause.status, pause.answer, pause.answered_by) == ("answered", APPROVAL, BY)
    assert pause.answered_at is not None
    assert sent == [("workflows.execute_run", [str(run.pk)])]
    run.refresh_from_db()
    assert run.wake_at is not None
    assert run.wake_at <= timezone.now()
    event = AuditEvent.objects.get(action="pause.answered")
    assert event.target_id == str(pause.pk)
    assert event.after == {"run": str(run.pk), "step_key": "ask", "decision": "approve", "by": BY}


@pytest.mark.rule("W20")
def test_the_second_answer_is_told_the_first(workflow: Workflow) -> None:
    pause = asked(parked(workflow))
    pause_answer(pause_id=pause.pk, data=APPROVAL, by=BY)
    with pytest.raises(PauseAnswered) as refused:
        pause_answer(pause_id=pause.pk, data={"decision": "reject"}, by={"name": "Bob"})
    assert refused.value.extra["answer"] == APPROVAL
    assert refused.value.extra["answered_by"] == BY
    assert refused.value.extra["answered_at"]
    assert PausePoint.objects.get(pk=pause.pk).answer == APPROVAL


@pytest.mark.rule("W20")
@pytest.mark.parametrize("status", [RunStatus.RUNNING, RunStatus.QUEUED, RunStatus.NEEDS_DECISION])
def test_an_answer_to_a_run_that_is_not_parked_waits_for_it(
    workflow: Workflow, sent: Sent, committing: Any, status: RunStatus
) -> None:
    run = parked(workflow, status)
    pause = asked(run)
    sent.clear()
    with committing():
        pause_answer(pause_id=pause.pk, data=APPROVAL, by=BY)
    run.refresh_from_db()
    assert (sent, run.wake_at, status_of(pause)) == ([], None, PauseStatus.ANSWERED)
    assert [decided.pause_id for decided in pauses_decided([run.pk])] == [pause.pk]


@pytest.mark.rule("W20")
@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({"decision": "maybe", "fields": {"amount": 1}}, "decision"),
        ({"decision": "approve", "fields": {}}, "fields.amount"),
        ({"decision": "approve", "fields": {"amount": "many"}}, "fields.amount"),
        ({"decision": "approve", "fields": {"amount": 1, "team": "green"}}, "fields.team"),
        ({"decision": "approve", "fields": {"amount": 1, "colour": "red"}}, "fields.colour"),
        ({"decision": "reject", "comment": 7}, "comment"),
        ({"decision": "reject", "more": 7}, "more"),
        ("approve", "decision"),
    ],
    ids=range(8),
)
def test_an_answer_that_does_not_fit_decides_nothing(workflow: Workflow, data: Any, place: str) -> None:
    pause = asked(parked(workflow))
    with pytest.raises(PauseAnswerInvalid) as refused:
        pause_answer(pause_id=pause.pk, data=data, by=BY)
    assert list(refused.value.errors or {}) == [place]
    assert status_of(pause) == PauseStatus.OPEN


@pytest.mark.rule("W20", "S21")
def test_what_is_over_takes_no_answer(workflow: Workflow) -> None:
    late = asked(parked(workflow), expires_in=-1)
    with pytest.raises(PauseGone, match="expired"):
        pause_answer(pause_id=late.pk, data=APPROVAL, by=BY)
    run = parked(workflow)
    dead = asked(run)
    assert pauses_die([run.pk]) == 1
    with pytest.raises(PauseGone, match="has ended"):
        pause_answer(pause_id=dead.pk, data=APPROVAL, by=BY)
    forgotten = asked(parked(workflow, RunStatus.FAILED))
    with pytest.raises(PauseGone):
        pause_answer(pause_id=forgotten.pk, data=APPROVAL, by=BY)
    with pytest.raises(PauseNotFound):
        pause_answer(pause_id=uuid4(), data=APPROVAL, by=BY)
    assert not PausePoint.objects.filter(status=PauseStatus.ANSWERED).exists()


@pytest.mark.rule("W19")
def test_what_was_decided_is_found_until_it_is_taken_up(workflow: Workflow) -> None:
    run = parked(workflow)
    answered = asked(run, step_key="a")
    pause_answer(pause_id=answered.pk, data=APPROVAL, by=BY)
    timer = asked(run, step_key="b", kind=PauseKind.TIMER, token_hash=None, request={"x": 1}, expires_in=-1)
    asked(run, step_key="c", expires_in=3_600)
    taken = asked(run, step_key="d", status=PauseStatus.EXPIRED, consumed_at=timezone.now())
    elsewhere = asked(parked(workflow), expires_in=-1)
    first, second = pauses_decided([run.pk])
    assert (first.pause_id, first.step_key, first.round, first.kind) == (answered.pk, "a", 0, "approval")
    assert (first.answer.expired, first.answer.data, first.answer.by) == (False, APPROVAL, BY)
    assert (second.pause_id, second.kind, second.answer.expired) == (timer.pk, "timer", True)
    assert (second.answer.data, second.answer.asked) == (None, {"x": 1})
    assert status_of(elsewhere) == PauseStatus.OPEN
    assert status_of(taken) == PauseStatus.EXPIRED
    assert pauses_decided([]) == []


def test_looking_for_decisions_costs_two_statements(
    workflow: Workflow, django_assert_num_queries: Any
) -> None:
    runs = [parked(workflow) for _ in range(3)]
    for run in runs:
        asked(run, expires_in=-1)
    with django_assert_num_queries(2):
        assert len(pauses_decided([run.pk for run in runs])) == 3


@pytest.mark.rule("S21")
def test_a_link_finds_its_question_by_hash_alone(workflow: Workflow) -> None:
    pause = asked(parked(workflow), token="open sesame")
    asked(parked(workflow), token="other")
    assert pause_by_token("open sesame").pk == pause.pk
    for altered in ("open sesamE", "", str(pause.pk), pause.token_hash or "", "\x00", "\ud800"):
        with pytest.raises(PauseNotFound):
            pause_by_token(altered)


@pytest.mark.rule("T27")
def test_a_cancelled_run_asks_no_more(workflow: Workflow) -> None:
    run = parked(workflow)
    pause = asked(run)
    run_cancel(run=run, actor=Actor.system("ada"))
    with pytest.raises(PauseGone):
        pause_answer(pause_id=pause.pk, data=APPROVAL, by=BY)


@pytest.mark.rule("W21")
def test_due_runs_are_woken_and_not_at_every_tick(workflow: Workflow, sent: Sent) -> None:
    past, future = timezone.now() - timedelta(seconds=1), timezone.now() + timedelta(hours=1)
    due = [parked(workflow, status, wake_at=past) for status in (RunStatus.WAITING, RunStatus.PAUSED)]
    parked(workflow, RunStatus.WAITING, wake_at=future)
    parked(workflow, RunStatus.WAITING)
    parked(workflow, RunStatus.NEEDS_DECISION, wake_at=past)
    sent.clear()
    assert runs_wake(limit=1) == 2
    assert {args[0] for _, args in sent} == {str(run.pk) for run in due}
    assert runs_wake() == 0
    Run.objects.filter(pk=due[0].pk).update(wake_at=past)
    assert runs_wake() == 1


@pytest.mark.rule("W21")
def test_owned_runs_are_handed_to_their_owner(
    workflow: Workflow, sent: Sent, owned: Any, committing: Any
) -> None:
    past, owner_id = timezone.now() - timedelta(seconds=1), uuid4()
    run = parked(workflow, wake_at=past, owner_kind="thing", owner_id=owner_id)
    child = parked(workflow, wake_at=past, owner_kind="run", owner_id=uuid4())
    pause = asked(run)
    sent.clear()
    assert runs_wake() == 2
    assert (owned, [args for _, args in sent]) == ([[(run.pk, owner_id)]], [[str(child.pk)]])
    with committing():
        pause_answer(pause_id=pause.pk, data=APPROVAL, by=BY)
    assert owned == [[(run.pk, owner_id)]] * 2


@pytest.mark.rule("W21")
def test_an_owner_that_fails_keeps_no_other_timer_waiting(
    workflow: Workflow, sent: Sent, owned: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(runs: Any) -> None:
        PausePoint.objects.all().delete()
        raise RuntimeError("no")

    past = timezone.now() - timedelta(seconds=1)
    owners.on_owner_wake("thing", refuse)
    kept = asked(parked(workflow, wake_at=past, owner_kind="thing", owner_id=uuid4()))
    parked(workflow, wake_at=past)
    sent.clear()
    assert runs_wake() == 2
    assert len(sent) == 1
    assert "could not wake runs" in caplog.text
    assert status_of(kept) == PauseStatus.OPEN


@pytest.mark.rule("W21")
def test_without_a_broker_what_is_due_stays_stored(
    workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(run_id: Any) -> None:
        raise OperationalError("away")

    run = parked(workflow, wake_at=timezone.now() - timedelta(seconds=1))
    with monkeypatch.context() as away:
        away.setattr(waking, "run_send", refuse)
        assert runs_wake() == 1
    run.refresh_from_db()
    assert run.wake_at is not None
    assert run.wake_at > timezone.now()


@pytest.mark.rule("W21")
def test_an_answer_whose_wake_up_was_lost_is_found(workflow: Workflow, sent: Sent) -> None:
    long_ago = timezone.now() - timedelta(seconds=6)
    taken: dict[str, Any] = {"status": PauseStatus.ANSWERED, "answered_at": long_ago, "token_hash": None}
    lost = parked(workflow, RunStatus.WAITING, wake_at=timezone.now() + timedelta(hours=1))
    asked(lost, kind=PauseKind.RUN, **taken)
    asked(parked(workflow), kind=PauseKind.RUN, consumed_at=timezone.now(), **taken)
    asked(parked(workflow, RunStatus.RUNNING), kind=PauseKind.RUN, **taken)
    asked(parked(workflow), kind=PauseKind.RUN, **{**taken, "answered_at": timezone.now()})
    sent.clear()
    assert runs_wake() == 1
    assert sent == [("workflows.execute_run", [str(lost.pk)])]
    assert runs_wake() == 0


@pytest.fixture
def contested(transactional_db: None, sent: Sent) -> Workflow:
    """A workflow whose runs several connections may see."""
    return greeting(workspace_of("ada"))


@pytest.mark.rule("F38", "W20")
@pytest.mark.parametrize("turn", range(5))
def test_approve_reject_and_expiry_at_once_make_one_decision(
    two_connections: Race, contested: Workflow, turn: int
) -> None:
    run = parked(contested)
    pause = asked(run, expires_in=3_600)

    def expire() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE workflows_pausepoint SET wake_at = clock_timestamp() WHERE id = %s AND status = 'open'",
                [pause.pk],
            )
        pauses_decided([run.pk])

    outcomes = two_connections(
        lambda: pause_answer(pause_id=pause.pk, data=APPROVAL, by={"name": "yes"}),
        lambda: pause_answer(pause_id=pause.pk, data={"decision": "reject"}, by={"name": "no"}),
        expire,
    )
    assert outcomes[2].error is None
    answers = outcomes[:2]
    won = [outcome.value for outcome in answers if outcome.error is None]
    assert all(isinstance(o.error, PauseAnswered | PauseGone) for o in answers if o.error)
    (decided,) = pauses_decided([run.pk])
    pause.refresh_from_db()
    if won:
        assert len(won) == 1
        assert pause.status == PauseStatus.ANSWERED
        assert decided.answer.by == pause.answered_by == won[0].answered_by
    else:
        assert pause.status == PauseStatus.EXPIRED
        assert (pause.answer, pause.answered_by, decided.answer.expired) == (None, None, True)
    assert AuditEvent.objects.filter(action="pause.answered").count() == len(won)


@pytest.mark.rule("F38", "W20")
def test_an_expiry_between_the_look_and_the_answer_wins(two_connections: Race, contested: Workflow) -> None:
    run = parked(contested)
    pause = asked(run, expires_in=3_600)

    def expire_holding_the_run() -> None:
        with transaction.atomic():
            Run.objects.select_for_update().get(pk=run.pk)
            two_connections.meet()
            PausePoint.objects.filter(pk=pause.pk).update(wake_at=timezone.now() - timedelta(seconds=1))
            assert len(pauses_decided([run.pk])) == 1

    def answer() -> None:
        two_connections.meet()
        pause_answer(pause_id=pause.pk, data=APPROVAL, by=BY)

    expired, answered = two_connections(expire_holding_the_run, answer)
    assert expired.error is None
    assert isinstance(answered.error, PauseGone)
    assert status_of(pause) == PauseStatus.EXPIRED


@pytest.mark.rule("W21")
def test_two_tickers_send_a_due_run_once(two_connections: Race, contested: Workflow, sent: Sent) -> None:
    past = timezone.now() - timedelta(seconds=1)
    due = {str(parked(contested, wake_at=past).pk) for _ in range(20)}
    sent.clear()
    outcomes = two_connections(runs_wake, runs_wake)
    assert sum(outcome.value for outcome in outcomes) == 20
    assert sorted(args[0] for _, args in sent) == sorted(due)
