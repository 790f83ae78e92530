"""Edits that are taken back: what others have written or run meanwhile stays (T3)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from tables.models import Row, Table
from tables.services.rows import rows_delete_unchanged
from tests.bed.factories import chain, setting, sheet_make
from tests.bed.races import Race
from tests.integration.tables.clients import ACTOR, V1
from tests.integration.tables.told import told
from workspaces.models import AuditEvent

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.rule("T3")]


@pytest.fixture
def sheet(client: Any) -> Any:
    """Three rows of a text, a number and a list."""
    made = sheet_make(client.workspace)
    made.column("name")
    made.column("n", "number")
    made.column("tags", "multi_select", options={"choices": ["a", "b"]})
    made.fill([{"name": f"n{number}", "n": number, "tags": ["a"]} for number in range(3)])
    return made


def edited(client: Any, sheet: Any, *rows: dict[str, Any]) -> Any:
    return client.patch(f"{V1}/tables/{sheet.table.pk}/rows/", {"rows": list(rows)}, format="json")


def test_a_row_that_somebody_edited_since_is_left_whole_and_named(client: Any, sheet: Any) -> None:
    first, second, third = map(str, sheet.rows)
    edited(client, sheet, {"id": second, "data": {"name": "theirs"}})
    since = told(sheet, "rows")

    answer = edited(
        client,
        sheet,
        {"id": first, "data": {"name": "back"}, "expected": {"name": "n0"}},
        {"id": second, "data": {"name": "back", "n": 9}, "expected": {"name": "n1", "N": 1}},
        {"id": third, "data": {"name": "back"}},
    )

    assert answer.status_code == 200, answer.json()
    shown = answer.json()
    assert [row["id"] for row in shown["rows"]] == [first, second, third]
    assert (shown["changed"], shown["skipped"]) == ([first, third], [second])
    assert sheet.values("name") == ["back", "theirs", "back"]
    assert sheet.values("n") == [0, 1, 2]
    assert told(sheet, "rows")[len(since) :] == [{"kind": "rows", "changed": [first, third]}]


def test_only_what_really_changed_is_named(client: Any, sheet: Any) -> None:
    first, second, _ = map(str, sheet.rows)

    answer = edited(client, sheet, {"id": first, "data": {"n": 0}}, {"id": second, "data": {"n": 5}}).json()

    assert (answer["changed"], answer["skipped"]) == ([second], [])


@pytest.mark.parametrize(
    ("expected", "fits"),
    [
        ({"n": 0}, True),
        ({"n": "0"}, True),
        ({"n": 0.0}, True),
        ({"n": "zero"}, False),
        ({"n": False}, False),
        ({"n": None}, False),
        ({"tags": ["a"]}, True),
        ({"tags": "a"}, True),
        ({"tags": ["a", "b"]}, False),
        ({"name": "n0", "n": 1}, False),
        ({}, True),
    ],
)
def test_values_are_compared_as_they_are_stored(
    client: Any, sheet: Any, expected: dict[str, Any], fits: bool
) -> None:
    answer = edited(client, sheet, {"id": str(sheet.rows[0]), "data": {"n": 7}, "expected": expected})

    assert answer.status_code == 200, answer.json()
    assert sheet.values("n")[0] == (7 if fits else 0)


def test_what_is_empty_is_expected_as_null(client: Any, sheet: Any) -> None:
    row = str(sheet.rows[0])
    edited(client, sheet, {"id": row, "data": {"name": None}})

    back = edited(client, sheet, {"id": row, "data": {"name": "n0"}, "expected": {"name": None}}).json()

    assert (back["changed"], sheet.values("name")[0]) == ([row], "n0")


def test_a_value_the_column_no_longer_takes_is_compared_as_it_is(client: Any, sheet: Any) -> None:
    Row.objects.filter(pk=sheet.rows[0]).update(data={"n": "many"})

    back = edited(
        client, sheet, {"id": str(sheet.rows[0]), "data": {"n": 1}, "expected": {"n": "many"}}
    ).json()

    assert back["skipped"] == []
    assert sheet.values("n")[0] == 1


@pytest.mark.parametrize("expected", [{"nope": 1}, {"name": "a\x00"}])
def test_what_nothing_can_hold_is_refused_by_its_place(client: Any, sheet: Any, expected: Any) -> None:
    answer = edited(client, sheet, {"id": str(sheet.rows[0]), "data": {"n": 1}, "expected": expected})

    assert answer.status_code == 400
    assert sheet.values("n")[0] == 0


def test_of_nothing_written_nothing_is_recorded_or_started(client: Any, sheet: Any) -> None:
    before = AuditEvent.objects.count()

    answer = edited(client, sheet, {"id": str(sheet.rows[0]), "data": {"n": 5}, "expected": {"n": 4}}).json()

    assert (answer["changed"], answer["skipped"]) == ([], [str(sheet.rows[0])])
    assert AuditEvent.objects.count() == before


def inserted(client: Any, sheet: Any, count: int) -> list[str]:
    rows = [{"data": {"name": f"new {number}"}} for number in range(count)]
    answer = client.post(f"{V1}/tables/{sheet.table.pk}/rows/", {"rows": rows}, format="json")
    return [row["id"] for row in answer.json()["rows"]]


def taken_back(client: Any, sheet: Any, rows: list[str], **more: Any) -> dict[str, Any]:
    answer = client.delete(
        f"{V1}/tables/{sheet.table.pk}/rows/", {"rows": rows, "only_unchanged": True, **more}, format="json"
    )
    assert answer.status_code == 200, answer.json()
    return dict(answer.json())


@pytest.mark.rule("T5")
@pytest.mark.usefixtures("worker")
def test_taking_an_insert_back_keeps_what_was_edited_or_run_since(
    client: Any, inbox: Any, sheet: Any
) -> None:
    group = sheet.group("A", chain(setting("x", "y")), outputs={"a": "result.value"})
    plain, typed, run, moved = inserted(client, sheet, 4)
    edited(client, sheet, {"id": typed, "data": {"n": 1}})
    path = f"{V1}/tables/{sheet.table.pk}"
    client.post(f"{path}/dispatches/", {"groups": [str(group.pk)], "rows": [run]}, format="json")
    inbox.run_all()
    client.post(f"{path}/rows/move/", {"rows": [moved], "before": plain}, format="json")

    answer = taken_back(client, sheet, [plain, typed, run, moved])

    assert (answer["deleted"], set(answer["kept"])) == (2, {typed, run})
    assert (
        Table.objects.get(pk=sheet.table.pk).row_count == Row.objects.filter(table=sheet.table).count() == 5
    )
    assert sorted(told(sheet, "rows")[-1]["deleted"]) == sorted([plain, moved])
    assert taken_back(client, sheet, [plain, typed]) == {"deleted": 0, "kept": [typed]}


def test_without_the_flag_all_are_deleted(client: Any, sheet: Any) -> None:
    rows = inserted(client, sheet, 2)
    edited(client, sheet, {"id": rows[0], "data": {"n": 1}})

    answer = client.delete(f"{V1}/tables/{sheet.table.pk}/rows/", {"rows": rows}, format="json")

    assert answer.json() == {"deleted": 2}


def test_an_edit_that_is_being_committed_is_waited_for(
    client: Any, sheet: Any, two_connections: Race
) -> None:
    """The row is looked at again once the edit, begun earlier, is there."""
    row = UUID(inserted(client, sheet, 1)[0])

    def edit() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            Row.objects.filter(pk=row).update(data={"name": "theirs"}, updated_at=Now())
            two_connections.meet()
            blocked = False
            while not blocked:  # the other one has looked, and waits for this row
                cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)")
                (blocked,) = cursor.fetchone()

    def take_back() -> Any:
        two_connections.meet()
        return rows_delete_unchanged(table=sheet.table, row_ids=[row], actor=ACTOR)

    outcomes = two_connections(edit, take_back)

    assert [outcome.error for outcome in outcomes] == [None, None]
    assert outcomes[1].value.kept == [row]
    assert Row.objects.get(pk=row).data == {"name": "theirs"}
