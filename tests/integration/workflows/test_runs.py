"""Starting runs once, and stopping them for good (W17, W18)."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db.models.functions import Now
from pytest_django import DjangoCaptureOnCommitCallbacks

from tests.bed.races import Race
from tests.integration.workflows.people import ACTOR, greeting, started, workspace_of
from workflows.enqueue import EXECUTE_RUN
from workflows.errors import RunFinished, RunInputInvalid, WorkflowNotFound
from workflows.models import Instance, Run, Workflow
from workflows.services import owners
from workflows.services.definitions import workflow_archive
from workflows.services.runs import Owner, run_cancel, run_start, runs_cancel, runs_resend
from workflows.services.versions import version_for_ref
from workflows.states import RunStatus
from workspaces.actors import Actor
from workspaces.errors import IdempotencyMismatch
from workspaces.models import AuditEvent

Sent = list[tuple[str, list[Any]]]


def start(workflow: Workflow, **options: Any) -> tuple[Run, bool]:
    given = {"input": {"name": "Ada"}, **options}
    return run_start(workflow=workflow, version=version_for_ref(workflow, "live"), actor=ACTOR, **given)


@pytest.mark.rule("W18")
def test_a_started_run_is_queued_and_announced_at_commit(
    workflow: Workflow, sent: Sent, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        run, created = start(workflow)
        assert sent == []
    assert (run.status, created) == (RunStatus.QUEUED, True)
    assert sent == [(EXECUTE_RUN, [str(run.pk)])]


@pytest.mark.rule("W18")
def test_the_same_key_and_input_is_the_same_run(workflow: Workflow) -> None:
    first, _ = start(workflow, idempotency_key="k")
    assert start(workflow, idempotency_key="k") == (first, False)


@pytest.mark.rule("W18")
def test_the_same_key_with_another_input_is_refused(workflow: Workflow) -> None:
    start(workflow, idempotency_key="k")
    with pytest.raises(IdempotencyMismatch):
        start(workflow, idempotency_key="k", input={"name": "Grace"})


@pytest.mark.rule("W18")
@pytest.mark.django_db(transaction=True)
def test_two_who_start_at_once_with_one_key_get_one_run(two_connections: Race, sent: Sent) -> None:
    workflow = greeting(workspace_of("ada"))
    outcomes = two_connections(*[lambda: start(workflow, idempotency_key="k")] * 4)
    assert [outcome.error for outcome in outcomes] == [None] * 4
    assert len({outcome.value[0].pk for outcome in outcomes}) == 1
    assert sorted(outcome.value[1] for outcome in outcomes) == [False, False, False, True]
    assert len(sent) == 1


@pytest.mark.rule("W3")
@pytest.mark.parametrize("given", [{}, {"name": 5}, {"name": "Ada", "nmae": "x"}])
def test_input_that_does_not_fit_starts_nothing(workflow: Workflow, given: dict[str, Any]) -> None:
    with pytest.raises(RunInputInvalid) as refusal:
        start(workflow, input=given)
    assert all(place.startswith("input.") for place in refusal.value.errors or {})
    assert not Run.objects.exists()


def test_an_archived_workflow_starts_nothing(workflow: Workflow) -> None:
    version = version_for_ref(workflow, "live")
    workflow_archive(workflow=workflow, actor=ACTOR)
    workflow.refresh_from_db()
    with pytest.raises(WorkflowNotFound):
        run_start(workflow=workflow, version=version, input={"name": "Ada"}, actor=ACTOR)


@pytest.mark.rule("W13", "W17")
def test_cancelling_takes_the_lease_at_once(workflow: Workflow) -> None:
    run = started(workflow)
    instance = Instance.objects.create(host="h", pid=1, heartbeat_at=Now())
    Run.objects.filter(pk=run.pk).update(status=RunStatus.RUNNING, lease_token=uuid4(), instance=instance)
    stopped = run_cancel(run=run, actor=ACTOR)
    assert (stopped.status, stopped.lease_token, stopped.instance_id) == (RunStatus.CANCELLED, None, None)
    assert stopped.error is not None
    assert stopped.error["code"] == "cancelled"
    assert stopped.cancel_requested_at is not None


@pytest.mark.rule("W12")
def test_cancelling_twice_is_one_cancel(workflow: Workflow) -> None:
    run = run_cancel(run=started(workflow), actor=ACTOR)
    first = run.finished_at
    assert run_cancel(run=run, actor=ACTOR).finished_at == first
    assert AuditEvent.objects.filter(action="run.cancelled").count() == 1


@pytest.mark.rule("W12")
@pytest.mark.parametrize("status", [RunStatus.COMPLETED, RunStatus.FAILED])
def test_a_run_that_ended_cannot_be_cancelled(workflow: Workflow, status: RunStatus) -> None:
    run = started(workflow)
    Run.objects.filter(pk=run.pk).update(status=RunStatus.RUNNING)
    Run.objects.filter(pk=run.pk).update(status=status)
    with pytest.raises(RunFinished, match=str(status)):
        run_cancel(run=run, actor=ACTOR)


@pytest.mark.rule("W13a")
def test_a_run_that_somebody_owns_is_stopped_by_its_owner(
    workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owners, "_stops", {})
    stopped: list[Run] = []

    def stop(run: Run, actor: Actor) -> None:
        stopped.append(run)
        runs_cancel([run.pk])

    owners.on_owner_stop("invocation", stop)
    run, _ = start(workflow, owner=Owner("invocation", uuid4()))
    assert run_cancel(run=run, actor=ACTOR).status == RunStatus.CANCELLED
    assert stopped == [run]


@pytest.mark.rule("W12")
@pytest.mark.django_db(transaction=True)
def test_cancel_and_claim_at_once_end_in_cancelled(two_connections: Race, sent: Sent) -> None:
    run = started(greeting(workspace_of("ada")))

    def claim() -> int:
        queued = Run.objects.filter(pk=run.pk, status=RunStatus.QUEUED)
        return queued.update(status=RunStatus.RUNNING, lease_token=uuid4())

    outcomes = two_connections(claim, lambda: run_cancel(run=run, actor=ACTOR))
    assert [outcome.error for outcome in outcomes] == [None, None]
    run.refresh_from_db()
    assert (run.status, run.lease_token) == (RunStatus.CANCELLED, None)


@pytest.mark.rule("T12")
def test_a_queued_run_nobody_took_is_sent_again_but_not_at_every_look(workflow: Workflow, sent: Sent) -> None:
    run = started(workflow)
    sent.clear()
    assert runs_resend() == 0
    Run.objects.filter(pk=run.pk).update(created_at=Now() - timedelta(minutes=1))
    assert [runs_resend(), runs_resend()] == [1, 0]
    Run.objects.filter(pk=run.pk).update(wake_at=Now() - timedelta(seconds=1))
    assert runs_resend() == 1
    assert sent == [(EXECUTE_RUN, [str(run.pk)])] * 2
