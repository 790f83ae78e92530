"""Locks at every door, sizes with their clear errors, and tables put away and brought back (T5, T6)."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.bed.factories import greeting_chain
from tests.integration.tables.clients import ACTOR, client_make
from tests.integration.tables.test_schema import column_id, group_body

pytestmark = pytest.mark.django_db


def csv(text: str = "name\nBo\n") -> SimpleUploadedFile:
    return SimpleUploadedFile("a.csv", text.encode(), content_type="text/csv")


DOORS: list[tuple[str, str, str, str]] = [
    ("insert", "insert", "post", "rows/"),
    ("insert", "duplicate", "post", "rows/duplicate/"),
    ("insert", "upsert", "post", "rows/upsert/"),
    ("insert", "import", "post", "imports/"),
    ("update", "edit", "patch", "rows/{row}/"),
    ("update", "edits", "patch", "rows/"),
    ("update", "upsert over", "post", "rows/upsert/"),
    ("update", "move", "post", "rows/move/"),
    ("delete", "delete", "delete", "rows/{row}/"),
    ("delete", "deletes", "delete", "rows/"),
    ("schema", "column", "post", "columns/"),
    ("schema", "rename", "patch", "columns/{column}/"),
    ("schema", "drop", "delete", "columns/{column}/"),
    ("schema", "group", "post", "groups/"),
    ("schema", "regroup", "patch", "groups/{group}/"),
    ("schema", "ungroup", "delete", "groups/{group}/"),
    ("schema", "layout", "put", "layout/"),
]


@pytest.mark.rule("T6")
@pytest.mark.parametrize(("lock", "gesture", "method", "where"), DOORS, ids=[door[1] for door in DOORS])
def test_a_lock_holds_at_this_door_and_the_others_stay_open(
    client: Any, lock: str, gesture: str, method: str, where: str
) -> None:
    path = client.table("name")
    group = client.post(f"{path}/groups/", group_body(client), format="json").json()["id"]
    row = client.post(f"{path}/rows/", {"data": {"name": "Ada"}}, format="json").json()["id"]
    column = column_id(client, path, "name")
    new = {"rows": [{"data": {"name": "Bo"}}]}
    bodies: dict[str, Any] = {
        "insert": new,
        "duplicate": {"rows": [row]},
        "upsert": {"key": "name", **new},
        "edit": {"data": {"name": "Bo"}},
        "edits": {"rows": [{"id": row, "data": {"name": "Bo"}}]},
        "upsert over": {
            "key": "name",
            "rows": [{"data": {"name": "Ada", "greeting": "Hi"}}],
        },
        "move": {"rows": [row]},
        "deletes": {"rows": [row]},
        "column": {"name": "New"},
        "rename": {"name": "Who"},
        "group": group_body(client, name="Other", outputs=[{"path": "result", "column": {"name": "O"}}]),
        "regroup": {"name": "Other"},
        "layout": {"order": [column, column_id(client, path, "greeting")]},
    }
    here = f"{path}/{where.format(row=row, column=column, group=group)}"

    def try_it() -> Any:
        if gesture == "import":
            return client.post(here, {"file": csv()}, format="multipart")
        return getattr(client, method)(here, bodies.get(gesture), format="json")

    others = sorted({"schema", "insert", "update", "delete"} - {lock})
    client.patch(f"{path}/", {"locks": [lock]}, format="json")
    held = try_it()
    assert (held.status_code, held.json()["code"], held.json()["lock"]) == (409, "table_locked", lock)

    client.patch(f"{path}/", {"locks": others}, format="json")
    assert try_it().status_code in {200, 201, 202, 204}


@pytest.mark.django_db(transaction=True)
def test_locks_do_not_hold_back_what_workflows_fill(inbox: Any, worker: Any) -> None:
    from tables.models import Table
    from tables.services.dispatches import dispatch_start
    from tables.states import Mode

    sheet = greeting_chain(rows=2)
    Table.objects.update(locks=["schema", "insert", "update", "delete"])
    sheet.table.refresh_from_db()

    worker.start()
    dispatch_start(table=sheet.table, mode=Mode.ALL)
    inbox.run_all()

    assert sheet.values("b") == ["HELLO N0", "HELLO N1"]


def test_only_an_admin_locks_and_lifts(client: Any) -> None:
    from workspaces.models import Membership
    from workspaces.services.tokens import token_create
    from workspaces.states import Role, Scope

    editor = client_make("editor")
    membership = Membership.objects.create(workspace=client.workspace, user=editor.user, role=Role.EDITOR)
    token = token_create(membership=membership, name="t", scope=Scope.WRITE, actor=ACTOR)[1]
    editor.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    path = client.table("name")

    assert editor.patch(f"{path}/", {"locks": ["schema"]}, format="json").status_code == 403
    assert editor.patch(f"{path}/", {"description": "ours"}, format="json").status_code == 200


@pytest.mark.rule("T6")
@pytest.mark.parametrize(
    ("setting", "most", "gesture", "code", "words"),
    [
        ("RUNSHEET_MAX_COLUMNS", 2, "column", "limit_reached", "at most 2 columns"),
        ("RUNSHEET_MAX_COLUMNS", 2, "table", "limit_reached", "at most 2 columns"),
        ("RUNSHEET_MAX_COLUMNS", 2, "output", "limit_reached", "at most 2 columns"),
        ("RUNSHEET_MAX_GROUPS", 0, "group", "limit_reached", "at most 0 workflow groups"),
        ("RUNSHEET_MAX_BATCH_ROWS", 2, "rows", "limit_reached", "at most 2 rows"),
        ("RUNSHEET_MAX_BATCH_ROWS", 2, "move", "limit_reached", "at most 2 rows"),
        ("RUNSHEET_MAX_BATCH_ROWS", 2, "copy", "limit_reached", "at most 2 rows"),
        ("RUNSHEET_MAX_BATCH_ROWS", 2, "deletes", "limit_reached", "at most 2 rows"),
        ("RUNSHEET_MAX_CELL_BYTES", 300, "cell", "value_invalid", "a cell holds at most 300"),
        ("RUNSHEET_MAX_ROW_BYTES", 1_024, "row", "row_too_large", "a row holds at most 1,024"),
        ("RUNSHEET_MAX_ROW_BYTES", 1_024, "edit", "row_too_large", "a row holds at most 1,024"),
    ],
)
def test_each_size_is_a_setting_and_its_error_says_so(
    client: Any, settings: Any, setting: str, most: int, gesture: str, code: str, words: str
) -> None:
    path = client.table("name", "city")
    row = client.post(f"{path}/rows/", {"data": {"name": "x" * 200}}, format="json").json()["id"]
    many = [row] * 3
    setattr(settings, setting, most)
    new = {"outputs": [{"path": "result", "column": {"name": "O"}}], "inputs": {}}
    calls: dict[str, tuple[str, str, Any]] = {
        "column": ("post", f"{path}/columns/", {"name": "c"}),
        "table": ("post", "/api/v1/tables/", {"name": "T", "columns": [{"name": n} for n in "abc"]}),
        "output": ("post", f"{path}/groups/", group_body(client, **new)),
        "group": ("post", f"{path}/groups/", group_body(client, **new)),
        "rows": ("post", f"{path}/rows/", {"rows": [{"data": {}}] * 3}),
        "move": ("post", f"{path}/rows/move/", {"rows": many}),
        "copy": ("post", f"{path}/rows/duplicate/", {"rows": many}),
        "deletes": ("delete", f"{path}/rows/", {"rows": many}),
        "cell": ("post", f"{path}/rows/", {"data": {"city": "x" * 301}}),
        "row": ("post", f"{path}/rows/", {"data": {"city": "x" * 1_100}}),
        "edit": ("patch", f"{path}/rows/{row}/", {"data": {"city": "x" * 900}}),
    }
    method, where, body = calls[gesture]

    answer = getattr(client, method)(where, body, format="json")

    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.json()
    assert words in answer.json()["detail"]
    assert client.get(f"{path}/").json()["row_count"] == 1


@pytest.mark.rule("T6")
@pytest.mark.parametrize("what", ["table", "column", "group", "view", "rename"])
@pytest.mark.parametrize("name", ["x" * 201, " ", "a\nb"], ids=["long", "blank", "control"])
def test_names_are_short_and_printable_everywhere(client: Any, what: str, name: str) -> None:
    path = client.table("name")
    calls: dict[str, tuple[str, Any]] = {
        "table": ("/api/v1/tables/", {"name": name}),
        "column": (f"{path}/columns/", {"name": name}),
        "group": (f"{path}/groups/", group_body(client, name=name)),
        "view": (f"{path}/views/", {"name": name}),
        "rename": (f"{path}/", {"name": name}),
    }
    where, body = calls[what]

    answer = (client.patch if what == "rename" else client.post)(where, body, format="json")

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["name"]


@pytest.mark.rule("T6")
def test_a_thousand_columns_are_made_shown_and_moved(client: Any) -> None:
    path = client.table(*[f"c{number}" for number in range(1_000)])
    shown = client.get(f"{path}/").json()["columns"]

    order = [column["id"] for column in shown][::-1]
    moved = client.put(f"{path}/layout/", {"order": order}, format="json")

    assert [column["key"] for column in moved.json()["columns"]] == [f"c{n}" for n in range(999, -1, -1)]
    assert (
        client.post(f"{path}/columns/", {"name": "one more"}, format="json").json()["code"] == "limit_reached"
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("T5")
def test_archiving_stops_what_runs_and_restoring_brings_everything_back(
    client: Any, inbox: Any, worker: Any
) -> None:
    from tables.services.dispatches import dispatch_start
    from tables.states import Mode

    sheet = greeting_chain(rows=3, workspace=client.workspace)
    path = f"/api/v1/tables/{sheet.table.pk}"
    client.post(f"{path}/views/", {"name": "Mine"}, format="json")
    before = client.get(f"{path}/").json()
    worker.start()
    dispatch = dispatch_start(table=sheet.table, mode=Mode.ALL).dispatch
    assert dispatch is not None
    inbox.deliver(inbox.take())

    assert client.delete(f"{path}/").status_code == 204
    inbox.run_all()

    dispatch.refresh_from_db()
    assert dispatch.status == "cancelled"
    assert not sheet.table.cells.exclude(status="cancelled").exists()
    for where in ("", "rows/", "columns/", "views/", "summary/"):
        assert client.get(f"{path}/{where}").status_code == 404
    listed = client.get("/api/v1/tables/", {"archived": "true"}).json()["results"]
    assert [table["id"] for table in listed] == [str(sheet.table.pk)]

    restored = client.post(f"{path}/restore/")
    assert restored.status_code == 200
    times = {"updated_at", "archived_at"}
    assert {k: v for k, v in restored.json().items() if k not in times} == {
        k: v for k, v in before.items() if k not in times
    }
    assert len(client.rows(path)) == 3
    assert len(client.get(f"{path}/views/").json()["results"]) == 1
    assert client.post(f"{path}/restore/").status_code == 404
    dispatch_start(table=sheet.table, mode=Mode.ALL)
    inbox.run_all()
    assert sheet.values("c") == [8, 8, 8]
