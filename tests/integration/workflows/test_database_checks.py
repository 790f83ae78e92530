"""The database itself refuses what the ledger must never hold."""

from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now

from tests.integration.workflows.people import started
from workflows.models import Attempt, Run, Step, Workflow, WorkflowVersion
from workflows.states import RUN_TRANSITIONS, RunStatus
from workspaces.models import Workspace

PAIRS = [(source, target) for source in RunStatus for target in RunStatus]


def set_status(run: Run, status: str) -> None:
    with transaction.atomic():
        Run.objects.filter(pk=run.pk).update(status=status)


def in_status(workflow: Workflow, status: RunStatus) -> Run:
    run = started(workflow)
    Run.objects.filter(pk=run.pk).delete()
    run.status = status
    run.save(force_insert=True)
    return run


@pytest.mark.rule("W12")
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_the_database_allows_exactly_the_moves_of_the_table(
    workflow: Workflow, source: RunStatus, target: RunStatus
) -> None:
    run = in_status(workflow, source)
    if target == source or target in RUN_TRANSITIONS[source]:
        set_status(run, target)
    else:
        with pytest.raises(IntegrityError, match=f"a run cannot move from {source} to {target}"):
            set_status(run, target)


@pytest.mark.rule("W12")
def test_a_status_nobody_knows_is_refused(workflow: Workflow) -> None:
    with pytest.raises(IntegrityError):
        in_status(workflow, "finished")  # type: ignore[arg-type]


@pytest.mark.rule("W2")
@pytest.mark.parametrize("change", [{"definition": {}}, {"content_hash": "x"}, {"number": 9}])
def test_a_version_never_changes(workflow: Workflow, change: dict[str, object]) -> None:
    with pytest.raises(IntegrityError, match="version 1 is immutable"):
        WorkflowVersion.objects.filter(workflow=workflow).update(**change)


def test_the_note_of_a_version_may_change(workflow: Workflow) -> None:
    assert WorkflowVersion.objects.filter(workflow=workflow).update(note="why") == 1


def test_a_run_takes_its_ledger_with_it(workflow: Workflow) -> None:
    run = started(workflow)
    Step.objects.create(run=run, step_key="a", status="completed")
    Attempt.objects.create(run=run, step_key="a", started_at=Now())
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM workflows_run WHERE id = %s", [run.pk])
    assert not Step.objects.exists()
    assert not Attempt.objects.exists()


def test_a_step_needs_its_run(workflow: Workflow) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Step.objects.create(run_id=uuid4(), step_key="a", status="completed")


def test_a_workspace_can_be_deleted_with_all_it_owns(workspace: Workspace, workflow: Workflow) -> None:
    started(workflow)
    workspace.delete()
    assert not Workflow.objects.exists()
    assert not Run.objects.exists()
