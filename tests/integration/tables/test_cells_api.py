"""Resuming and rerunning cells over the API (W22 to W27)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tables.models import Dispatch, RowExecution
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import Sheet, chain, probing, sheet_make
from tests.bed.running import Inbox, Probe
from tests.integration.tables.clients import V1, TableClient, client_make
from tests.integration.tables.parked import (
    approval,
    cell,
    data,
    figures,
    parking_table,
    question,
    run_id,
    start,
    statuses,
)
from tests.integration.tables.test_resumed_cells import Fault, failing_table
from workflows.models import Run, Step
from workspaces.states import Role, Scope

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
def fault(probe: Probe) -> Fault:
    return Fault(probe)


def owned(client: TableClient, sheet: Sheet) -> Sheet:
    """The sheet in the client's workspace."""
    sheet.table.workspace = client.workspace
    sheet.table.save()
    for group in sheet.groups.values():
        group.workflow.workspace = client.workspace
        group.workflow.save()
    sheet.workspace = client.workspace
    return sheet


def cell_path(sheet: Sheet, name: str = "A", row: int = 0) -> str:
    return f"{V1}/tables/{sheet.table.id}/rows/{sheet.rows[row]}/cells/{sheet.groups[name].id}"


def post(client: TableClient, path: str, body: dict[str, Any] | None = None, **more: Any) -> Any:
    return client.post(path, body or {}, format="json", **more)


@pytest.mark.rule("W22")
def test_one_failed_cell_is_resumed(client: TableClient, inbox: Inbox, probe: Probe, fault: Fault) -> None:
    sheet = owned(client, failing_table())
    start(sheet)
    inbox.run_all()
    fault.there = False
    answer = post(client, f"{cell_path(sheet)}/resume/", {"note": "mended"})
    assert (answer.status_code, answer.json()["outcome"]) == (202, "resumed")
    assert answer.json()["run"] == str(cell(sheet).run_id)
    again = post(client, f"{cell_path(sheet)}/resume/")
    assert (again.status_code, again.json()["code"]) == (409, "not_resumable")
    inbox.run_all()
    assert statuses(sheet) == {"A": "completed", "B": "completed"}
    missing = post(
        client, f"{V1}/tables/{sheet.table.id}/rows/{uuid4()}/cells/{sheet.groups['A'].id}/resume/"
    )
    assert (missing.status_code, missing.json()["code"]) == (404, "cell_not_found")


@pytest.mark.rule("W23")
def test_every_failed_cell_is_resumed_with_its_outcome(
    client: TableClient, inbox: Inbox, probe: Probe, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = owned(client, failing_table(rows=5))
    dispatch = start(sheet)
    inbox.run_all()
    fault.there = False
    path = f"{V1}/tables/{sheet.table.id}/resume/"
    only = post(client, path, {"filter": {"column": "name", "op": "eq", "value": "n1"}}).json()
    assert [found["row"] for found in only["results"]] == [str(sheet.rows[1])]
    assert post(client, path, {"groups": [str(sheet.groups["B"].id)]}).json() == {
        "results": [],
        "more": False,
    }
    monkeypatch.setattr("tables.services.resuming.MOST_TOGETHER", 3)
    first = post(client, path).json()
    assert [found["outcome"] for found in first["results"]] == ["resumed"] * 3
    assert first["more"] is True
    assert post(client, path, {"groups": [str(sheet.groups["A"].id)]}).json()["more"] is False
    inbox.run_all()
    assert figures(dispatch) == {"completed": 10}
    assert post(client, path).json()["results"] == []
    assert post(client, path, {"groups": [str(uuid4())]}).status_code == 404


def rerunnable() -> Sheet:
    """Group A of three costly blocks, B reading from it by itself, C beside."""
    sheet = sheet_make()
    sheet.column("name")
    blocks = chain(*(probing(key, f"{key}:{{{{ row.name }}}}") for key in ("one", "two", "three")))
    sheet.group("A", blocks, outputs={"a": "result"}, depends_on=["name"])
    sheet.group(
        "B", chain(probing("call", "B:{{ row.a }}")), outputs={"b": "result"}, depends_on=["a"], auto_run=True
    )
    sheet.group("C", chain(probing("call", "C:{{ row.a }}")), outputs={"c": "result"}, depends_on=["a"])
    sheet.fill([{"name": "n0"}])
    return sheet


@pytest.mark.rule("W24", "W27", "W29")
def test_a_cell_runs_again_from_a_block(client: TableClient, inbox: Inbox, probe: Probe) -> None:
    sheet = owned(client, rerunnable())
    start(sheet)
    inbox.run_all()
    before = cell(sheet)
    path = f"{cell_path(sheet)}/rerun/"
    plan = post(client, path, {"start_block": "two", "dry_run": True})
    assert plan.status_code == 200
    assert (plan.json()["reuse"], plan.json()["source"]) == (["one"], str(before.run_id))
    assert [planned["step"] for planned in plan.json()["rerun"]] == ["two", "three"]
    assert cell(sheet).version == before.version
    wish = {"start_block": "two", "plan_hash": plan.json()["plan_hash"]}
    answer = post(client, path, wish)
    assert answer.status_code == 202
    assert cell(sheet).status == "pending"
    inbox.run_all()
    after = cell(sheet)
    assert (after.status, after.attempt, str(after.run_id)) == ("completed", 2, answer.json()["run"])
    assert after.execution_id != before.execution_id
    assert probe.counts() == {"one:n0": 1, "two:n0": 2, "three:n0": 2, "B:three:n0": 2, "C:three:n0": 1}
    run = Run.objects.get(id=run_id(after))
    assert (run.kind, run.forked_from_id, run.status, run.recovery_count) == (
        "rerun",
        before.run_id,
        "completed",
        0,
    )
    assert run.started_at is not None
    assert Step.objects.get(run_id=run.id, step_key="one").cached_from == before.run_id
    assert Run.objects.get(id=run_id(before)).status == "completed"
    assert check_account(Dispatch.objects.latest("requested_at").id, rows=1).completed == 1
    check_quiet()


@pytest.mark.rule("W27")
def test_a_plan_that_has_changed_since_starts_nothing(
    client: TableClient, inbox: Inbox, probe: Probe
) -> None:
    sheet = owned(client, rerunnable())
    start(sheet)
    inbox.run_all()
    path = f"{cell_path(sheet)}/rerun/"
    plan = post(client, path, {"start_block": "three", "dry_run": True}).json()
    of_another = cell(sheet, "B").run_id
    client.patch(
        f"{V1}/tables/{sheet.table.id}/rows/{sheet.rows[0]}/", {"data": {"name": "other"}}, format="json"
    )
    refused = post(client, path, {"start_block": "three", "plan_hash": plan["plan_hash"]})
    assert refused.status_code == 409
    missing = post(client, path, {"start_block": "nowhere"})
    assert (missing.status_code, missing.json()["code"]) == (409, "block_missing")
    foreign = post(client, path, {"source_run": str(of_another)})
    assert foreign.status_code == 404
    assert Dispatch.objects.count() == 1
    assert not inbox.waiting


@pytest.mark.rule("W27")
def test_a_cell_that_never_ran_runs_whole(client: TableClient, inbox: Inbox, probe: Probe) -> None:
    sheet = owned(client, rerunnable())
    plan = post(client, f"{cell_path(sheet)}/rerun/", {"start_block": "two", "dry_run": True}).json()
    assert (plan["is_full"], plan["source"]) == (True, None)
    post(client, f"{cell_path(sheet)}/rerun/", {"start_block": "two"})
    inbox.run_all()
    assert data(sheet)["a"] == "three:n0"
    assert cell(sheet).attempt == 1


@pytest.mark.rule("W26", "W27", "T26")
def test_a_rerun_of_a_cell_that_waits_takes_its_place(
    client: TableClient, inbox: Inbox, probe: Probe
) -> None:
    sheet = owned(client, parking_table(approval()))
    start(sheet)
    inbox.run_all()
    asked = question(cell(sheet))
    answer = post(client, f"{cell_path(sheet)}/rerun/", {"start_block": "ask"})
    assert answer.status_code == 202
    assert Run.objects.get(id=asked.run_id).status == "cancelled"
    inbox.run_all()
    again = question(cell(sheet))
    assert str(again.run_id) == answer.json()["run"]
    assert probe.counts()["first:n0"] == 1
    path = f"{V1}/runs/{again.run_id}/pauses/{again.pk}/answer/"
    assert post(client, path, {"decision": "approve"}).status_code == 200
    inbox.run_all()
    assert (cell(sheet).status, data(sheet)["a"]) == ("completed", "sent n0")


@pytest.mark.rule("W27")
def test_the_same_key_reruns_once(client: TableClient, inbox: Inbox, probe: Probe) -> None:
    sheet = owned(client, rerunnable())
    start(sheet)
    inbox.run_all()
    path, headers = f"{cell_path(sheet)}/rerun/", {"HTTP_IDEMPOTENCY_KEY": "k1"}
    first, second = (post(client, path, {"start_block": "two"}, **headers) for _ in range(2))
    assert first.json() == second.json()
    inbox.run_all()
    assert probe.counts()["two:n0"] == 2


@pytest.mark.rule("W22", "W27")
@pytest.mark.parametrize("what", ["resume", "rerun"])
def test_readers_and_strangers_start_nothing(
    what: str, client: TableClient, stranger: TableClient, inbox: Inbox, probe: Probe
) -> None:
    sheet = owned(client, rerunnable())
    start(sheet)
    inbox.run_all()
    reader = client_make("reader", Role.VIEWER, Scope.READ)
    for somebody in (reader, stranger):
        assert post(somebody, f"{cell_path(sheet)}/{what}/").status_code in {403, 404}
    assert RowExecution.objects.filter(status="completed").count() == 3
