"""The REST API of tables as a whole: shapes, rights, tenancy, query counts."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import get_resolver

from tests.bed.factories import chain, greeting_chain, setting, sheet_make
from tests.integration.tables.clients import V1, client_make
from workspaces.ids import uuid7

pytestmark = pytest.mark.django_db


def finished_sheet(client: Any, rows: int) -> Any:
    from tables.models import RowExecution

    sheet = greeting_chain(rows=rows, workspace=client.workspace)
    RowExecution.objects.bulk_create(
        RowExecution(
            row_id=row, group=group, table=sheet.table, status="completed", attempt=1, group_revision=1
        )
        for row in sheet.rows
        for group in sheet.groups.values()
    )
    return sheet


def test_a_page_of_200_rows_takes_the_same_queries_as_one_of_two(client: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    sheet = finished_sheet(client, 210)
    path = f"{V1}/tables/{sheet.table.pk}/rows/"

    def count(**query: Any) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path, query).status_code == 200
        return len(queries)

    count(limit=1)  # the token's last use is noted once a minute
    few = count(limit=2)
    assert few == count(limit=200) == count(limit=200, start=5) == count(limit=200, sort="-a") <= 8


@pytest.mark.rule("T29")
def test_a_row_shows_its_cells_by_group_and_marks_outdated_ones(client: Any) -> None:
    from tables.models import WorkflowGroup

    sheet = finished_sheet(client, 1)
    WorkflowGroup.objects.filter(name="B").update(revision=2)

    (row,) = client.rows(f"{V1}/tables/{sheet.table.pk}")

    shown = {name: row["cells"][str(group.pk)] for name, group in sheet.groups.items()}
    assert shown["A"]["status"] == "completed"
    assert {"version", "execution_id", "attempt", "started_at", "finished_at"} <= set(shown["A"])
    assert ("outdated" in shown["A"], shown["B"]["outdated"]) == (False, True)


def test_the_summary_counts_cells_by_group_and_status(client: Any) -> None:
    sheet = finished_sheet(client, 3)

    summary = client.get(f"{V1}/tables/{sheet.table.pk}/summary/").json()

    assert summary["rows"] == 3
    assert summary["groups"][str(sheet.groups["A"].pk)] == {"completed": 3}
    assert (summary["running_rows"], summary["dispatches"]) == (0, [])


@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("T13", "T24")
def test_a_run_is_asked_for_listed_and_stopped_over_the_api(client: Any, inbox: Any, worker: Any) -> None:
    sheet = greeting_chain(rows=30, workspace=client.workspace)
    path = f"{V1}/tables/{sheet.table.pk}"

    started = client.post(
        f"{path}/dispatches/", {"mode": "all"}, format="json", headers={"Idempotency-Key": "k1"}
    )
    again = client.post(
        f"{path}/dispatches/", {"mode": "all"}, format="json", headers={"Idempotency-Key": "k1"}
    )
    assert (started.status_code, again.status_code) == (202, 202), started.json()
    assert started.json()["id"] == again.json()["id"]
    here = f"{V1}/dispatches/{started.json()['id']}/"
    assert client.get(f"{path}/dispatches/", {"active": "true"}).json()["results"][0]["status"] == "pending"

    stopped = client.post(f"{here}cancel/").json()
    inbox.run_all()

    assert stopped["dispatches"] == [started.json()["id"]]
    assert client.get(here).json()["status"] == "cancelled"
    assert client.get(f"{path}/dispatches/", {"active": "true"}).json()["results"] == []
    assert (
        client.get(f"{path}/dispatches/", {"active": "false"}).json()["results"][0]["id"]
        == started.json()["id"]
    )
    assert sheet.values("a") == [None] * 30


@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("T24", "T25")
def test_stop_reaches_only_rows_of_its_own_table(client: Any, inbox: Any, worker: Any, stranger: Any) -> None:
    from tables.models import RowExecution

    sheet = greeting_chain(rows=3, workspace=client.workspace)
    theirs = greeting_chain(rows=1, workspace=stranger.workspace)
    path = f"{V1}/tables/{sheet.table.pk}"
    client.post(f"{path}/dispatches/", {"mode": "all"}, format="json")

    rows = [str(sheet.rows[0]), str(theirs.rows[0])]
    answer = client.post(f"{path}/cancel/", {"rows": rows}, format="json")
    filtered = {"filter": {"column": "name", "op": "eq", "value": "n1"}}
    assert client.post(f"{path}/cancel/", filtered, format="json").status_code == 200

    assert answer.status_code == 200
    assert set(RowExecution.objects.values_list("row_id", flat=True)) == set(sheet.rows[:2])
    foreign = [str(group.pk) for group in theirs.groups.values()]
    assert (
        client.post(f"{path}/cancel/", {"groups": foreign}, format="json").json()["code"] == "group_not_found"
    )
    cell = {"row": str(theirs.rows[0]), "group": foreign[0]}
    assert client.post(f"{path}/cancel/", {"cell": cell}, format="json").status_code == 404


@pytest.mark.rule("T14")
def test_a_dry_run_counts_and_changes_nothing(client: Any) -> None:
    from tables.models import Dispatch

    sheet = greeting_chain(rows=4, workspace=client.workspace)
    body = {"mode": "all", "dry_run": True, "groups": [str(sheet.groups["A"].pk)]}

    answer = client.post(f"{V1}/tables/{sheet.table.pk}/dispatches/", body, format="json")

    assert answer.status_code == 200
    assert answer.json()["groups"][str(sheet.groups["A"].pk)]["run"] == 4
    assert not Dispatch.objects.exists()


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"mode": "sometimes"}, 400, "mode"),
        ({"groups": ["x"]}, 400, "groups"),
        ({"groups": ["00000000-0000-7000-8000-000000000000"]}, 404, "group_not_found"),
        ({"rows": {"from": "x"}}, 400, "rows"),
        ({"rows": ["x"]}, 400, "rows"),
        ({"filter": {"column": "nope", "op": "eq", "value": 1}}, 400, "filter_invalid"),
        ({"limit": 0}, 400, "limit"),
        ({"row": []}, 400, "row"),
        ({"rows": []}, 200, "no_rows"),
    ],
)
def test_a_faulty_request_to_run_is_answered_with_its_place(
    client: Any, body: Any, status: int, word: str
) -> None:
    sheet = greeting_chain(rows=1, workspace=client.workspace)

    answer = client.post(f"{V1}/tables/{sheet.table.pk}/dispatches/", body, format="json")

    assert answer.status_code == status, answer.json()
    assert word in str(answer.json())


@pytest.mark.parametrize(
    ("role", "scope", "read", "run", "write", "archive"),
    [
        ("viewer", "read", 200, 403, 403, 403),
        ("editor", "read", 200, 403, 403, 403),
        ("editor", "run", 200, 200, 403, 403),
        ("editor", "write", 200, 200, 201, 403),
        ("admin", "write", 200, 200, 201, 204),
    ],
)
def test_roles_and_scopes_bound_what_a_caller_may_do(
    role: str, scope: str, read: int, run: int, write: int, archive: int
) -> None:
    from workspaces.states import Role, Scope

    client = client_make("acme", Role(role), Scope(scope))
    sheet = greeting_chain(rows=1, workspace=client.workspace)
    path = f"{V1}/tables/{sheet.table.pk}"

    assert client.get(f"{path}/rows/").status_code == read
    assert client.post(f"{path}/cancel/", {}, format="json").status_code == run
    assert client.post(f"{path}/rows/", {"data": {"name": "x"}}, format="json").status_code == write
    assert client.patch(f"{path}/", {"locks": []}, format="json").status_code == (
        200 if role == "admin" else 403
    )
    assert client.delete(f"{path}/").status_code == archive


def test_a_foreign_id_is_a_404_on_every_path_and_method(client: Any, stranger: Any) -> None:
    from tables.models import Dispatch, Job, View

    sheet = greeting_chain(rows=1, workspace=stranger.workspace)
    ids = {
        "table": sheet.table.pk,
        "column": sheet.columns["name"].pk,
        "group": sheet.groups["A"].pk,
        "row": sheet.rows[0],
        "view": View.objects.create(table=sheet.table, name="v").pk,
        "job": Job.objects.create(table=sheet.table, kind="import", status="completed").pk,
        "dispatch": Dispatch.objects.create(
            table=sheet.table, mode="all", groups=[], requested_sequence=1, upper_seq=1
        ).pk,
    }
    own = greeting_chain(rows=1, workspace=client.workspace).table.pk
    for route, names in routes():
        for place in ({**ids}, {**ids, "table": own}):
            if set(names) <= {"table"} and place["table"] == own:
                continue
            path = f"{V1}/" + route % {name: place[name] for name in names}
            for method in ("get", "put", "patch", "post", "delete"):
                answer = getattr(client, method)(path, {}, format="json")
                assert answer.status_code in {404, 405, 400, 415}, (method, path, answer.status_code)
                assert "secret" not in answer.content.decode()
                if answer.status_code == 400:
                    assert place["table"] == own or "required" in answer.content.decode(), (method, path)
    sheet.table.refresh_from_db()
    assert sheet.table.row_count == 1


def routes() -> list[tuple[str, list[str]]]:
    """Every path of the tables API that holds an id, as a ``%`` template."""
    from tables.api.urls import urlpatterns

    del urlpatterns  # imported so that a broken list is told here
    found = get_resolver("tables.api.urls").reverse_dict
    return [
        (path, names)
        for key in found
        if isinstance(key, str)
        for path, names in found.getlist(key)[0][0]
        if names
    ]


def test_an_unknown_id_and_a_wrong_token_are_answered_as_problems(client: Any) -> None:
    unknown = client.get(f"{V1}/tables/{uuid7()}/")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "table_not_found")

    client.credentials(HTTP_AUTHORIZATION="Bearer rs_wrong")
    refused = client.get(f"{V1}/tables/")
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")
    assert refused["content-type"] == "application/problem+json"


def test_every_changing_call_leaves_one_audit_entry(client: Any) -> None:
    from workspaces.models import AuditEvent

    path = client.table("name")
    row = client.post(f"{path}/rows/", {"data": {"name": "x"}}, format="json").json()
    client.patch(f"{path}/rows/{row['id']}/", {"data": {"name": "y"}}, format="json")
    client.delete(f"{path}/rows/{row['id']}/")
    client.patch(f"{path}/", {"name": "z"}, format="json")

    actions = list(
        AuditEvent.objects.exclude(target_type="apitoken").order_by("id").values_list("action", flat=True)
    )
    assert actions == ["table.created", "rows.inserted", "row.updated", "rows.deleted", "table.updated"]


def test_the_api_describes_itself(client: Any) -> None:
    schema = client.get(f"{V1}/schema/", {"format": "json"})

    assert schema.status_code == 200
    paths = schema.json()["paths"]
    assert {"/api/v1/tables/{table}/rows/", "/api/v1/dispatches/{dispatch}/", "/api/v1/workers/"} <= set(
        paths
    )


def test_workers_are_listed_with_their_slots(client: Any) -> None:
    from django.utils import timezone

    from workflows.models import Instance

    Instance.objects.create(host="box", pid=1, role="worker", slots=4, heartbeat_at=timezone.now())
    Instance.objects.create(
        host="box", pid=2, role="worker", heartbeat_at=timezone.now(), stopped_at=timezone.now()
    )

    (worker,) = client.get(f"{V1}/workers/").json()["results"]
    assert (worker["pid"], worker["slots"], worker["cells"]) == (1, 4, 0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("T13")
def test_a_page_of_dispatches_takes_the_same_queries_as_one_alone(client: Any, inbox: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from tables.services.dispatches import dispatch_start

    sheet = sheet_make(client.workspace)
    sheet.column("name")
    groups = [
        sheet.group(name, chain(setting("x", "y")), outputs={name.lower(): "result.value"}).pk
        for name in "ABCDEFGH"
    ]
    sheet.fill([{"name": "n"}])
    path = f"{V1}/tables/{sheet.table.pk}/dispatches/"

    def count() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(path, {"active": "true"})
        return len(answer.json()["results"]), len(queries)

    count()  # the token's last use is noted once a minute
    seen = []
    for group in groups:
        dispatch_start(table=sheet.table, groups=[group])
        inbox.deliver(inbox.newest())  # prepared, and its row handed over
        seen.append(count())
    assert seen == [(number, seen[0][1]) for number in range(1, 9)]
    shown = client.get(path).json()["results"]
    assert {each["id"]: each["progress"]["queued"] for each in shown} == {each["id"]: 1 for each in shown}
