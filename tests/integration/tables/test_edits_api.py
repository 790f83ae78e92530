"""Editing over REST: several rows at once, and rows known again by a key (T3, T28 to T31)."""

from __future__ import annotations

from typing import Any

import pytest

from tables.models import Dispatch, Row, RowExecution, WorkflowGroup
from tests.integration.tables.clients import TableClient
from workspaces.models import AuditEvent

pytestmark = pytest.mark.django_db


def filled(client: TableClient, *rows: dict[str, Any]) -> tuple[str, list[str]]:
    """A table with a name, a unique code, and a group that fills ``greeting`` from the name by itself."""
    path = client.table("name", {"name": "code", "unique": True}, {"name": "score", "type": "number"})
    answer = client.post(
        f"{path}/groups/",
        {
            "name": "Greet",
            "workflow": str(client.workflow().id),
            "outputs": [{"path": "result.value", "column": {"name": "greeting"}}],
            "depends_on": ["name"],
            "auto_run": True,
        },
        format="json",
    )
    assert answer.status_code == 201, answer.json()
    made = client.post(f"{path}/rows/", {"rows": [{"data": row} for row in rows]}, format="json").json()
    Dispatch.objects.all().delete()
    return path, [row["id"] for row in made["rows"]]


def patch(client: TableClient, path: str, *rows: tuple[str, dict[str, Any]]) -> Any:
    body = {"rows": [{"id": row, "data": data} for row, data in rows]}
    return client.patch(f"{path}/rows/", body, format="json")


@pytest.mark.rule("T3", "T28", "T29")
def test_several_rows_are_edited_at_once_and_shown(client: TableClient) -> None:
    path, (one, two, three) = filled(client, {"name": "a"}, {"name": "b"}, {"name": "c"})
    answer = patch(
        client, path, (three, {"name": "z", "greeting": "Hi"}), (one, {"score": "7", "name": None})
    )
    assert answer.status_code == 200, answer.json()
    shown = answer.json()["rows"]
    assert [row["id"] for row in shown] == [three, one]
    assert (shown[0]["data"], shown[0]["edited"]) == ({"name": "z", "greeting": "Hi"}, ["greeting"])
    assert shown[1]["data"] == {"score": 7}
    assert Row.objects.get(id=two).data == {"name": "b"}
    dispatch = Dispatch.objects.get()
    assert (dispatch.scope, dispatch.is_manual) == ({"rows": [one, three]}, False)
    assert dispatch.requested_by_id == client.user.pk
    kept = AuditEvent.objects.get(action="rows.updated")
    assert kept.after == {"rows": 2, "first": three, "columns": ["greeting", "name", "score"]}


@pytest.mark.rule("T3")
def test_every_fault_has_its_place_and_nothing_is_written(client: TableClient) -> None:
    path, (one, two) = filled(client, {"name": "a", "code": "1"}, {"name": "b", "code": "2"})
    answer = patch(client, path, (one, {"name": "z"}), (two, {"score": "many", "nope": 1}))
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"rows[1].score", "rows[1].nope"}
    taken = patch(client, path, (one, {"name": "z"}), (two, {"code": "1"}))
    assert (taken.status_code, list(taken.json()["errors"])) == (400, ["rows[1].code"])
    twice = patch(client, path, (one, {"name": "y"}), (one, {"name": "z"}))
    assert (twice.status_code, sorted(twice.json()["errors"])) == (400, ["rows[0].id", "rows[1].id"])
    assert client.patch(f"{path}/rows/", {"rows": []}, format="json").status_code == 400
    assert [Row.objects.get(id=row).data["name"] for row in (one, two)] == ["a", "b"]
    assert not AuditEvent.objects.filter(action__startswith="row").exclude(action="rows.inserted").exists()


@pytest.mark.rule("T3")
def test_unique_values_may_change_places_within_a_batch(client: TableClient) -> None:
    path, (one, two) = filled(client, {"code": "1"}, {"code": "2"})
    assert patch(client, path, (one, {"code": "2"}), (two, {"code": "1"})).status_code == 200
    assert [Row.objects.get(id=row).data["code"] for row in (one, two)] == ["2", "1"]


@pytest.mark.rule("T3", "S9")
def test_a_row_that_is_not_of_this_table_undoes_the_batch(client: TableClient, stranger: TableClient) -> None:
    path, (one,) = filled(client, {"name": "a"})
    _, (foreign,) = filled(stranger, {"name": "theirs"})
    answer = patch(client, path, (one, {"name": "z"}), (foreign, {"name": "z"}))
    assert (answer.status_code, list(answer.json()["errors"])) == (404, ["rows[1].id"])
    assert [Row.objects.get(id=row).data["name"] for row in (one, foreign)] == ["a", "theirs"]


@pytest.mark.rule("T6")
def test_more_rows_than_a_batch_holds_are_refused(client: TableClient) -> None:
    path, (one,) = filled(client, {"name": "a"})
    assert patch(client, path, *[(one, {"name": "z"})] * 1_001).status_code == 400


@pytest.mark.rule("T31")
def test_the_cell_shown_after_an_output_was_emptied_is_cleared(client: TableClient) -> None:
    path, (one,) = filled(client, {"name": "a", "greeting": "typed"})
    group = WorkflowGroup.objects.get()
    RowExecution.objects.create(row_id=one, group=group, table_id=group.table_id, status="completed")
    answer = client.patch(f"{path}/rows/{one}/", {"data": {"greeting": None}}, format="json").json()
    assert answer["edited"] == []
    assert answer["cells"].get(str(group.id), {}).get("status") != "completed"


def upsert(client: TableClient, path: str, *rows: dict[str, Any], key: str = "code", **more: Any) -> Any:
    body = {"key": key, "rows": [{"data": row} for row in rows], **more}
    return client.post(f"{path}/rows/upsert/", body, format="json")


@pytest.mark.rule("T28", "T29", "T30")
def test_rows_known_by_their_key_are_written_over_and_others_inserted(client: TableClient) -> None:
    path, (one, two) = filled(client, {"name": "a", "code": "1"}, {"name": "b", "code": "2"})
    answer = upsert(
        client, path, {"code": "3", "name": "c"}, {"code": "1", "greeting": "Hi"}, {"code": "2", "name": "b"}
    )
    assert answer.status_code == 200, answer.json()
    found = answer.json()
    new = found["ids"][0]
    assert found == {"inserted": 1, "updated": 1, "unchanged": 1, "missing": 0, "ids": [new, one, two]}
    assert Row.objects.get(id=one).edited == ["greeting"]
    assert Dispatch.objects.get().scope == {"rows": [new, one]}
    assert AuditEvent.objects.get(action="rows.upserted").after == {
        "inserted": 1,
        "updated": 1,
        "key": "code",
    }


@pytest.mark.rule("T28")
@pytest.mark.parametrize(
    ("mode", "counts"),
    [("insert", (1, 0, 1, 0)), ("update", (0, 1, 0, 1)), ("upsert", (1, 1, 0, 0))],
)
def test_an_upsert_inserts_or_updates_or_both(
    mode: str, counts: tuple[int, ...], client: TableClient
) -> None:
    path, _ = filled(client, {"name": "a", "code": "1"})
    found = upsert(client, path, {"code": "1", "name": "z"}, {"code": "9", "name": "n"}, mode=mode).json()
    assert tuple(found[name] for name in ("inserted", "updated", "unchanged", "missing")) == counts
    assert (None in found["ids"]) is (mode == "update")


@pytest.mark.rule("T6")
def test_a_faulty_upsert_names_its_places_and_writes_nothing(client: TableClient) -> None:
    path, _ = filled(client, {"name": "a", "code": "1"}, {"name": "b", "code": "2"})
    twice = upsert(client, path, {"code": "7"}, {"code": "7"})
    assert (twice.status_code, list(twice.json()["errors"])) == (400, ["rows[1].code"])
    blank = upsert(client, path, {"name": "x"})
    assert (blank.status_code, list(blank.json()["errors"])) == (400, ["rows[0].code"])
    wrong = upsert(client, path, {"code": "1", "name": "z"}, {"code": "8", "score": "x"})
    assert (wrong.status_code, list(wrong.json()["errors"])) == (400, ["rows[1].score"])
    taken = upsert(client, path, {"name": "b", "code": "1"}, key="name")
    assert (taken.status_code, list(taken.json()["errors"])) == (400, ["rows[0].code"])
    unknown = upsert(client, path, {"code": "1"}, key="nope")
    assert (unknown.status_code, list(unknown.json()["errors"])) == (400, ["key"])
    assert [row["data"]["name"] for row in client.rows(path)] == ["a", "b"]


@pytest.mark.rule("T28")
def test_an_upsert_that_is_sent_again_is_done_once(client: TableClient) -> None:
    path, _ = filled(client, {"name": "a", "code": "1"})
    body = {"key": "name", "rows": [{"data": {"name": "new"}}]}
    answers = [
        client.post(f"{path}/rows/upsert/", body, format="json", headers={"Idempotency-Key": "k"}).json()
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert answers[0]["inserted"] == 1
    assert Row.objects.filter(data__name="new").count() == 1
