"""A workflow group tried on one row before it is stored, and what a cell has run."""

from __future__ import annotations

from typing import Any

import pytest

from tables.models import RowExecution, WorkflowGroup
from tests.bed.factories import chain, setting, sheet_make, workflow_make
from tests.integration.tables.clients import V1, client_make
from tests.integration.tables.test_runs_of_table import run_of_cell
from workflows.models import Run
from workspaces.ids import uuid7
from workspaces.states import Role, Scope

pytestmark = pytest.mark.django_db


def trial(client: Any, sheet: Any, **body: Any) -> Any:
    return client.post(f"{V1}/tables/{sheet.table.pk}/groups/trial/", body, format="json")


def test_a_group_is_tried_on_a_row_and_nothing_is_stored(client: Any) -> None:
    sheet = sheet_make(client.workspace)
    column = sheet.column("name")
    sheet.fill([{"name": "Ada"}])
    blocks = chain(
        {"key": "start", "type": "start", "config": {"inputs": {"who": {"type": "text"}}}},
        setting("say", "{{ input.who }} {{ row.name }}"),
    )
    workflow = workflow_make(client.workspace, blocks)
    row = str(sheet.rows[0])

    answer = trial(
        client, sheet, row=row, workflow=workflow.pk, inputs={"who": {"expression": "row.name|upper"}}
    )
    assert answer.status_code == 202, answer.json()
    run = Run.objects.get(pk=answer.json()["id"])
    assert (run.input, run.row, run.owner_id) == ({"who": "ADA"}, {"name": "Ada"}, None)
    assert not WorkflowGroup.objects.exists()
    assert not RowExecution.objects.exists()

    given = {"who": {"column": str(column.pk)}}
    assert trial(client, sheet, row=row, workflow=workflow.pk, inputs=given).json()["input"] == {"who": "Ada"}
    faulty = trial(client, sheet, row=row, workflow=workflow.pk, inputs={"whom": {"value": 1}})
    assert "whom" in str(faulty.json()["errors"])
    assert trial(client, sheet, row=str(uuid7()), workflow=workflow.pk).status_code == 404
    assert trial(client, sheet, row=row, workflow=uuid7()).json()["errors"].keys() == {"workflow"}


@pytest.mark.rule("S9")
def test_a_trial_needs_the_right_to_run_and_ones_own_table(client: Any, stranger: Any) -> None:
    sheet = sheet_make(client.workspace)
    sheet.fill([{}])
    workflow = workflow_make(client.workspace, chain(setting("say", "1")))
    body = {"row": str(sheet.rows[0]), "workflow": workflow.pk}
    viewer = client_make("looks", Role.VIEWER, Scope.READ)
    sheet_of_viewer = sheet_make(viewer.workspace)
    assert trial(stranger, sheet, **body).status_code == 404
    assert trial(viewer, sheet_of_viewer, **body).status_code == 403
    assert not Run.objects.exists()


def test_a_cell_tells_its_runs_and_so_does_a_dispatch(client: Any) -> None:
    sheet = sheet_make(client.workspace)
    sheet.column("name")
    group = sheet.group("A", chain(setting("say", "1")), outputs={"a": "result.value"})
    sheet.fill([{"name": "Ada"}])
    path = f"{V1}/tables/{sheet.table.pk}/rows/{sheet.rows[0]}/cells/{group.pk}/runs/"
    assert client.get(path).json()["results"] == []

    run, dispatch = run_of_cell(sheet), uuid7()
    assert [one["id"] for one in client.get(path).json()["results"]] == [run]
    RowExecution.objects.update(dispatch_id=dispatch, run_id=run)
    assert [one["id"] for one in client.get(f"{V1}/runs/", {"dispatch": dispatch}).json()["results"]] == [run]
    assert client.get(f"{V1}/runs/", {"dispatch": uuid7()}).json()["results"] == []
