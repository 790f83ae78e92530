"""What is forgotten, and what never is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from pytest_django import Settings

from tables.models import RowExecution
from tests.bed.factories import sheet_make, workflow_make, workspace_make
from workflows.models import Attempt, Blob, Run, Step, Workflow
from workflows.services import retention
from workflows.services.retention import blobs_prune, runs_prune
from workflows.states import RunStatus
from workspaces.models import Workspace

pytestmark = [pytest.mark.django_db, pytest.mark.rule("W31")]

NOW = timezone.now()


@pytest.fixture(autouse=True)
def fresh_places() -> Iterator[None]:
    """Where earlier tests left off is of their data."""
    retention._places.clear()
    yield
    retention._places.clear()


@pytest.fixture
def workspace(db: None) -> Workspace:
    return workspace_make()


@pytest.fixture
def workflow(workspace: Workspace) -> Workflow:
    return workflow_make(workspace, {"blocks": [], "edges": []})


@pytest.fixture
def ended(workflow: Workflow) -> Any:
    """Makes a run that ended so many days ago."""

    def make(days: float, status: str = "completed", **more: Any) -> Run:
        at = NOW - timedelta(days=days)
        run = Run.objects.create(
            id=id_at(at), workspace_id=workflow.workspace_id, workflow=workflow, status=status,
            version=workflow.versions.get(), finished_at=at if status in {"completed", "failed", "cancelled"} else None,
            **more,
        )  # fmt: skip
        Step.objects.create(run=run, step_key="a", status="completed", seq=1)
        Attempt.objects.create(run=run, step_key="a", started_at=at)
        return run

    return make


def id_at(at: datetime) -> UUID:
    """An id as that moment would have made it."""
    return UUID(int=(int(at.timestamp() * 1000) << 80) | uuid4().int >> 48)


def test_old_runs_go_with_their_ledger_and_young_ones_stay(ended: Any) -> None:
    old, young = ended(31), ended(29)
    assert runs_prune(NOW) == 1
    assert list(Run.objects.all()) == [young]
    assert not Step.objects.filter(run_id=old.pk).exists()
    assert not Attempt.objects.filter(run_id=old.pk).exists()


def test_the_number_of_runs_is_bounded_per_workspace(ended: Any, settings: Settings) -> None:
    settings.RUNSHEET_RUN_RETENTION_COUNT = 2
    settings.RUNSHEET_RUN_RETENTION_DAYS = 0
    made = [ended(days) for days in (5, 4, 3, 2, 1)]
    assert runs_prune(NOW) == 3
    assert set(Run.objects.all()) == set(made[3:])


def test_nothing_goes_when_both_limits_are_off(ended: Any, settings: Settings) -> None:
    settings.RUNSHEET_RUN_RETENTION_COUNT = settings.RUNSHEET_RUN_RETENTION_DAYS = 0
    ended(3_000)
    assert runs_prune(NOW) == 0


@pytest.mark.parametrize(
    "status", [str(s) for s in RunStatus if s not in {"completed", "failed", "cancelled"}]
)
def test_a_run_that_is_not_over_is_never_forgotten(ended: Any, status: str) -> None:
    ended(400, status)
    assert runs_prune(NOW) == 0


def test_what_a_cell_shows_stays_and_its_earlier_runs_go(workspace: Workspace, ended: Any) -> None:
    sheet = sheet_make(workspace)
    sheet.column("name")
    group = sheet.group("A", {"blocks": [], "edges": []}, outputs={})
    (row,) = sheet.fill([{"name": "x"}])
    cell = RowExecution.objects.create(row_id=row, group=group, table=sheet.table, status="completed")
    earlier, shown = (ended(days, owner_kind="cell", owner_id=cell.pk) for days in (50, 40))
    RowExecution.objects.filter(pk=cell.pk).update(run_id=shown.pk)
    assert runs_prune(NOW) == 1
    assert list(Run.objects.all()) == [shown]
    assert earlier.pk != shown.pk


def test_a_sub_run_stays_as_long_as_its_parent(ended: Any) -> None:
    parent = ended(40, "failed")
    child = ended(39, owner_kind="run", owner_id=parent.pk)
    orphan = ended(38, owner_kind="run", owner_id=uuid4())
    Run.objects.filter(pk=parent.pk).update(finished_at=NOW - timedelta(days=1))
    assert runs_prune(NOW) == 1
    assert set(Run.objects.values_list("pk", flat=True)) == {parent.pk, child.pk}
    assert orphan.pk


def test_a_fork_outlives_its_source(ended: Any) -> None:
    source = ended(40)
    fork = ended(1, forked_from=source)
    assert runs_prune(NOW) == 1
    fork.refresh_from_db()
    assert fork.forked_from_id is None


def test_a_call_without_time_goes_on_in_the_next(
    ended: Any, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PAGE_RUNS", 1)
    made = [ended(days) for days in (50, 49, 48)]
    assert runs_prune(NOW, budget_seconds=0) == 0
    retention._places[workspace.pk] = made[0].pk
    assert runs_prune(NOW) == 2
    assert runs_prune(NOW) == 1


def test_blobs_go_a_day_after_the_last_step_that_named_them(ended: Any) -> None:
    run = ended(1)
    for name, days in (("named", 3), ("loose", 3), ("young", 0.5)):
        Blob.objects.create(sha256=name, data=b"x", size_bytes=1)
        Blob.objects.filter(pk=name).update(created_at=NOW - timedelta(days=days))
    Step.objects.filter(run=run).update(blob_id="named")
    assert blobs_prune(NOW) == 1
    assert set(Blob.objects.values_list("pk", flat=True)) == {"named", "young"}
