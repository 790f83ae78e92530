"""`GET /runs/?table=`: the runs of a table's cells, asked of an app that knows no tables."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bed.factories import greeting_chain
from tests.integration.tables.clients import V1
from workspaces.ids import uuid7

pytestmark = pytest.mark.django_db


def run_of_cell(sheet: Any) -> str:
    """A finished cell of the sheet's group A, and its run; the run's id."""
    from tables.models import RowExecution
    from workflows.models import Run

    group = sheet.groups["A"]
    cell = RowExecution.objects.create(
        row_id=sheet.rows[0], group=group, table=sheet.table, status="completed"
    )
    version = group.workflow.refs.get().version
    run = Run.objects.create(
        workspace=sheet.workspace,
        workflow=group.workflow,
        version=version,
        owner_kind="cell",
        owner_id=cell.pk,
        trigger_kind="cell",
    )
    return str(run.pk)


def found(client: Any, **query: Any) -> list[str]:
    answer = client.get(f"{V1}/runs/", query)
    assert answer.status_code == 200, answer.json()
    return [run["id"] for run in answer.json()["results"]]


def test_runs_are_narrowed_to_those_of_a_tables_cells(client: Any) -> None:
    first, second = (greeting_chain(rows=1, workspace=client.workspace) for _ in range(2))
    runs = [run_of_cell(first), run_of_cell(second)]

    assert found(client) == runs[::-1]
    assert found(client, table=first.table.pk) == runs[:1]
    assert found(client, table=first.table.pk, status="queued") == runs[:1]
    assert found(client, table=first.table.pk, status="failed") == []
    assert found(client, table=uuid7()) == []
    assert client.get(f"{V1}/runs/", {"table": "x"}).json()["errors"].keys() == {"table"}


@pytest.mark.rule("S9")
def test_a_foreign_table_has_no_runs(client: Any, stranger: Any) -> None:
    sheet = greeting_chain(rows=1, workspace=stranger.workspace)
    run_of_cell(sheet)

    assert found(client, table=sheet.table.pk) == []
