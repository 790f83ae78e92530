"""A column that holds values takes another type, other choices, or becomes unique: converted whole or refused whole."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bed.factories import greeting_chain, sheet_make
from tests.integration.tables.clients import ACTOR

pytestmark = [pytest.mark.django_db, pytest.mark.rule("T1")]


def filled(client: Any, *values: Any, type: str = "text", **options: Any) -> tuple[str, str]:  # noqa: A002
    """A table of one column ``v`` with these values; the paths of table and column."""
    path = client.table({"name": "v", "type": type, "options": options})
    rows = [{"data": {"v": value}} for value in values]
    answer = client.post(f"{path}/rows/", {"rows": rows}, format="json")
    assert answer.status_code == 201, answer.json()
    return path, f"{path}/columns/{client.get(f'{path}/').json()['columns'][0]['id']}/"


def values(client: Any, path: str) -> list[Any]:
    return [row["data"].get("v") for row in client.rows(path)]


def test_values_that_all_fit_are_converted(client: Any) -> None:
    path, column = filled(client, "1,234", "7.5", None, "-3")

    changed = client.patch(column, {"type": "number"}, format="json")

    assert (changed.status_code, changed.json()["type"]) == (200, "number"), changed.json()
    assert values(client, path) == [1234.0, 7.5, None, -3]
    assert client.patch(column, {"type": "text"}, format="json").status_code == 200
    assert values(client, path) == ["1234.0", "7.5", None, "-3"]


def test_one_misfit_refuses_the_change_with_counts_and_examples(client: Any) -> None:
    path, column = filled(client, "1", "ten", "3", "many")

    refused = client.patch(column, {"type": "number", "name": "Count"}, format="json")

    assert (refused.status_code, refused.json()["code"]) == (409, "column_holds_values")
    body = refused.json()
    assert (body["misfits"], body["values"]) == (2, 4)
    assert {example["value"] for example in body["examples"]} == {"ten", "many"}
    assert "is not a number" in body["examples"][0]["reason"]
    assert client.get(column).json()["name"] == "v"
    assert values(client, path) == ["1", "ten", "3", "many"]


def test_misfits_are_emptied_where_asked(client: Any) -> None:
    path, column = filled(client, "1", "ten", "3")

    assert client.patch(column, {"type": "number", "on_misfit": "empty"}, format="json").status_code == 200

    assert values(client, path) == [1, None, 3]
    assert client.patch(column, {"type": "text", "on_misfit": "perhaps"}, format="json").status_code == 400


def test_choices_are_made_of_the_values_there_are(client: Any) -> None:
    path, column = filled(client, "red", "blue", "red")

    changed = client.patch(column, {"type": "select"}, format="json")

    assert changed.json()["options"] == {"choices": ["blue", "red"]}
    assert client.patch(column, {"type": "multi_select"}, format="json").json()["options"] == {
        "choices": ["blue", "red"]
    }
    assert values(client, path) == [["red"], ["blue"], ["red"]]


def test_choices_are_renamed_with_their_values_and_one_in_use_does_not_just_go(client: Any) -> None:
    path, column = filled(client, "a", "b", type="select", choices=["a", "b", "c"], colours={"a": "red"})

    gone = client.patch(column, {"options": {"choices": ["a"]}}, format="json")
    assert (gone.status_code, gone.json()["misfits"]) == (409, 1)
    unused = client.patch(
        column, {"options": {"choices": ["a", "b"], "colours": {"a": "red"}}}, format="json"
    )
    assert unused.status_code == 200

    renamed = client.patch(column, {"renamed_choices": {"a": "Alpha"}}, format="json")
    assert renamed.json()["options"] == {"choices": ["Alpha", "b"], "colours": {"Alpha": "red"}}
    assert values(client, path) == ["Alpha", "b"]
    strange = client.patch(column, {"renamed_choices": {"z": "y"}}, format="json")
    assert "renamed_choices" in strange.json()["errors"]


@pytest.mark.rule("T6")
def test_more_values_than_a_table_stands_still_for_are_refused_clearly(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tables.services import converting

    _, column = filled(client, "1", "2", "3")
    monkeypatch.setattr(converting, "MAX_CONVERTED_VALUES", 2)

    refused = client.patch(column, {"type": "number"}, format="json")

    assert (refused.status_code, refused.json()["code"]) == (400, "limit_reached")
    assert "more than 2 values" in refused.json()["detail"]
    assert client.patch(column, {"name": "w", "options": {"long": True}}, format="json").status_code == 200


def test_a_conversion_goes_through_every_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    from tables.services import converting
    from tables.services.columns import column_update

    monkeypatch.setattr(converting, "BATCH", 7)
    sheet = sheet_make()
    column = sheet.column("v")
    sheet.fill([{"v": str(number)} for number in range(50)])

    column_update(table=sheet.table, column_id=column.pk, actor=ACTOR, type="number")

    assert sheet.values("v") == list(range(50))


@pytest.mark.rule("T29", "T30")
def test_groups_that_read_a_converted_column_are_outdated_and_an_emptied_edit_is_none(client: Any) -> None:
    from tables.models import Row
    from tables.services.columns import column_update

    sheet = greeting_chain(rows=1)
    Row.objects.update(data={"name": "n", "a": "many"}, edited=["a"])
    before = {name: group.revision for name, group in sheet.groups.items()}

    column_update(
        table=sheet.table, column_id=sheet.columns["a"].pk, actor=ACTOR, type="number", on_misfit="empty"
    )

    assert (Row.objects.get().data, Row.objects.get().edited) == ({"name": "n"}, [])
    for name, group in sheet.groups.items():
        group.refresh_from_db()
        assert group.revision == before[name] + (name == "B")


def test_repeated_values_are_named_when_a_column_is_to_be_unique(client: Any) -> None:
    _, column = filled(client, "a", "b", "a", "a", "b", "c")

    refused = client.patch(column, {"unique": True}, format="json")

    assert (refused.status_code, refused.json()["code"]) == (409, "column_holds_values")
    assert refused.json()["examples"] == [{"value": "a", "rows": 3}, {"value": "b", "rows": 2}]


def test_values_that_become_equal_do_not_stay_unique(client: Any) -> None:
    path, column = filled(client, "1", "01")
    assert client.patch(column, {"unique": True}, format="json").status_code == 200

    refused = client.patch(column, {"type": "number"}, format="json")

    assert refused.json()["code"] == "column_holds_values"
    assert values(client, path) == ["1", "01"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("T3")
def test_a_unique_value_is_stored_once_however_many_write_it_at_once(two_connections: Any) -> None:
    from tables.models import Row
    from tables.services.rows import rows_insert

    sheet = sheet_make()
    sheet.column("v", unique=True)

    outcomes = two_connections(
        *[lambda: rows_insert(table=sheet.table, rows=[{"v": "same"}], actor=ACTOR)] * 4
    )

    assert sorted(outcome.error is None for outcome in outcomes) == [False, False, False, True]
    assert {getattr(o.error, "code", None) for o in outcomes if o.error} == {"value_invalid"}
    assert Row.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("T3")
def test_a_change_of_type_beside_inserts_leaves_no_value_of_the_old_one(two_connections: Any) -> None:
    from tables.services.columns import column_update
    from tables.services.rows import rows_insert

    sheet = sheet_make()
    column = sheet.column("v")
    sheet.fill([{"v": str(number)} for number in range(20)])

    def insert() -> None:
        for _ in range(10):
            rows_insert(table=sheet.table, rows=[{"v": "100"}], actor=ACTOR)

    def retype() -> None:
        column_update(table=sheet.table, column_id=column.pk, actor=ACTOR, type="number")

    outcomes = two_connections(retype, insert, insert)

    assert [outcome.error for outcome in outcomes] == [None] * 3
    assert sheet.values("v") == [*range(20), *[100] * 20]


def test_required_binds_what_is_written_from_now_on(client: Any) -> None:
    path, column = filled(client, "a", None)

    assert client.patch(column, {"required": True}, format="json").status_code == 200

    rows = client.rows(path)
    assert client.post(f"{path}/rows/", {"data": {}}, format="json").json()["errors"] == {
        "rows[0].v": ["“v” is required."]
    }
    emptied = client.patch(f"{path}/rows/{rows[0]['id']}/", {"data": {"v": None}}, format="json")
    assert emptied.status_code == 400
    assert values(client, path) == ["a", None]
