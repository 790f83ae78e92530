"""Rows' places: insert, move and duplicate at one place, alone and at once; positions stay short (T4)."""

from __future__ import annotations

import random
from typing import Any
from uuid import UUID

import pytest

from tests.bed.factories import Sheet, greeting_chain, sheet_make
from tests.integration.tables.clients import ACTOR

pytestmark = [pytest.mark.django_db, pytest.mark.rule("T4")]


def add(client: Any, path: str, *names: str, **place: str) -> list[str]:
    rows = [{"data": {"name": name}} for name in names]
    answer = client.post(f"{path}/rows/", {"rows": rows, **place}, format="json")
    assert answer.status_code == 201, answer.json()
    return [row["id"] for row in answer.json()["rows"]]


def names(client: Any, path: str) -> list[str]:
    return [row["data"].get("name", "") for row in client.rows(path)]


def move(client: Any, path: str, *rows: str, **place: str) -> Any:
    return client.post(f"{path}/rows/move/", {"rows": list(rows), **place}, format="json")


def test_rows_move_before_after_and_to_the_end_in_the_order_given(client: Any) -> None:
    path = client.table("name")
    a, b, c, d = add(client, path, "a", "b", "c", "d")

    assert move(client, path, d, before=a).json() == {"moved": 1}
    assert names(client, path) == ["d", "a", "b", "c"]
    move(client, path, c, a, after=d)
    assert names(client, path) == ["d", "c", "a", "b"]
    move(client, path, d)
    assert names(client, path) == ["c", "a", "b", "d"]
    move(client, path, a, before=b)
    assert names(client, path) == ["c", "a", "b", "d"]


def test_a_move_writes_the_moved_rows_alone_and_says_when(client: Any) -> None:
    from tables.models import Row

    path = client.table("name")
    a, b, c = add(client, path, "a", "b", "c")
    before = dict(Row.objects.values_list("id", "position"))

    move(client, path, a, after=c)

    moved = Row.objects.get(id=a)
    assert moved.moved_at is not None
    assert [Row.objects.get(id=each).position for each in (b, c)] == [before[UUID(each)] for each in (b, c)]
    assert Row.objects.filter(moved_at=None).count() == 2


@pytest.mark.parametrize(
    ("place", "status", "field"),
    [("before", 400, "before"), ("after", 400, "after"), ("both", 400, "after"), ("gone", 404, None)],
)
def test_a_move_next_to_itself_or_to_nothing_is_refused(
    client: Any, place: str, status: int, field: str | None
) -> None:
    path = client.table("name")
    a, b, c = add(client, path, "a", "b", "c")
    body = {
        "before": {"before": a},
        "after": {"after": b},
        "both": {"before": c, "after": c},
        "gone": {"before": "00000000-0000-7000-8000-000000000000"},
    }[place]

    answer = move(client, path, a, b, **body)

    assert answer.status_code == status, answer.json()
    assert field is None or field in answer.json()["errors"]
    assert names(client, path) == ["a", "b", "c"]


def test_rows_of_another_table_are_neither_moved_nor_neighbours(client: Any) -> None:
    path, other = client.table("name"), client.table("name", name="Others")
    a, _ = add(client, path, "a", "b")
    (foreign,) = add(client, other, "x")

    assert move(client, path, foreign, before=a).json() == {"moved": 0}
    assert move(client, path, a, after=foreign).status_code == 404
    assert client.post(f"{path}/rows/duplicate/", {"rows": [foreign]}, format="json").status_code == 404
    assert names(client, path) == ["a", "b"]


def test_thousands_of_inserts_at_one_place_keep_positions_short_and_the_order() -> None:
    from tables.models import Row
    from tables.services.placing import MAX_POSITION_BYTES, Place, positions_for

    sheet = sheet_make()
    sheet.column("name")
    first, last = sheet.fill([{"name": "first"}, {"name": "last"}])
    below: list[UUID] = []
    above: list[UUID] = []

    for _ in range(1_000):
        for placed, place in ((below, Place(after=first)), (above, Place(before=last))):
            (position,) = positions_for(sheet.table.pk, place, 1)
            placed.append(Row.objects.create(table=sheet.table, position=position).pk)

    found = list(Row.objects.order_by("position", "id").values_list("id", "position"))
    assert [row for row, _ in found] == [first, *below[::-1], *above, last]
    assert len({position for _, position in found}) == len(found)
    assert max(len(position) for _, position in found) <= MAX_POSITION_BYTES


def test_between_rows_of_one_position_there_is_room_again() -> None:
    from tables.models import Row
    from tables.services.placing import Place
    from tables.services.rows import rows_insert

    sheet = sheet_make()
    sheet.column("name")
    rows = sheet.fill([{"name": str(number)} for number in range(5)])
    Row.objects.filter(id__in=rows[1:4]).update(position="a2")
    first, second, third = sorted(rows[1:4])  # of one position, the smaller id comes first

    (made,) = rows_insert(table=sheet.table, rows=[{"name": "x"}], actor=ACTOR, place=Place(after=second))

    assert in_order(sheet) == [rows[0], first, second, made, third, rows[4]]


def in_order(sheet: Sheet) -> list[UUID]:
    from tables.models import Row

    return list(Row.objects.filter(table=sheet.table).order_by("position", "id").values_list("id", flat=True))


def test_any_inserts_moves_and_copies_follow_a_plain_list() -> None:
    from tables.services.duplicating import rows_duplicate
    from tables.services.placing import Place, rows_move
    from tables.services.rows import rows_insert

    sheet = sheet_make()
    sheet.column("name")
    model: list[UUID] = sheet.fill([{"name": str(number)} for number in range(4)])
    draw = random.Random(4)
    for _ in range(150):
        neighbour, ahead = draw.choice(model), draw.random() < 0.5
        place = Place(before=neighbour) if ahead else Place(after=neighbour)
        kind = draw.choice(["insert", "insert", "move", "copy"])
        if kind == "insert":
            made = rows_insert(table=sheet.table, rows=[{"name": "x"}] * 2, actor=ACTOR, place=place)
        elif kind == "copy":
            chosen = sorted({draw.choice(model), neighbour}, key=model.index)
            made = rows_duplicate(table=sheet.table, row_ids=chosen, actor=ACTOR)
            neighbour, ahead = chosen[-1], False
        else:
            made = [row for row in draw.sample(model, 3) if row != neighbour]
            rows_move(table=sheet.table, row_ids=made, place=place, actor=ACTOR)
            model = [row for row in model if row not in made]
        at = model.index(neighbour) + (0 if ahead else 1)
        model[at:at] = made
    assert in_order(sheet) == model
    sheet.table.refresh_from_db()
    assert sheet.table.row_count == len(model)


@pytest.mark.django_db(transaction=True)
def test_moves_and_inserts_at_one_place_at_once_keep_a_total_order(two_connections: Any) -> None:
    from tables.models import Row
    from tables.services.placing import Place, rows_move
    from tables.services.rows import rows_insert

    sheet = sheet_make()
    sheet.column("name")
    rows = sheet.fill([{"name": str(number)} for number in range(8)])
    middle = Place(after=rows[3])

    def insert() -> None:
        for _ in range(15):
            rows_insert(table=sheet.table, rows=[{"name": "new"}] * 2, actor=ACTOR, place=middle)

    def shuffle(first: UUID, second: UUID) -> None:
        for _ in range(15):
            rows_move(table=sheet.table, row_ids=[first, second], place=middle, actor=ACTOR)

    outcomes = two_connections(insert, insert, lambda: shuffle(*rows[:2]), lambda: shuffle(*rows[5:7]))

    assert [outcome.error for outcome in outcomes] == [None] * 4
    found = list(Row.objects.order_by("position", "id").values_list("position", flat=True))
    assert len(found) == len(set(found)) == 68
    sheet.table.refresh_from_db()
    assert sheet.table.row_count == 68
    order = in_order(sheet)
    assert order.index(rows[0]) == order.index(rows[1]) - 1 or order.index(rows[0]) < order.index(rows[1])
    assert [row for row in order if row in {rows[2], rows[3], rows[4], rows[7]}] == [
        rows[2],
        rows[3],
        rows[4],
        rows[7],
    ]


def test_a_copied_row_stands_right_below_with_what_was_completed_on_it() -> None:
    from tables.models import Row, RowExecution
    from tables.services.duplicating import rows_duplicate

    sheet = greeting_chain(rows=3)
    first, second, third = sheet.rows
    Row.objects.filter(id=second).update(
        data={"name": "n1", "a": "Hello n1", "b": "OLD", "gone": 1}, edited=["b"]
    )
    sheet.table.retired_keys = ["gone"]
    sheet.table.save()
    cell = RowExecution.objects.create(
        row_id=second,
        group=sheet.groups["A"],
        table=sheet.table,
        status="completed",
        attempt=2,
        group_revision=1,
    )
    RowExecution.objects.create(
        row_id=second, group=sheet.groups["C"], table=sheet.table, status="failed", error={"code": "x"}
    )

    (copy,) = rows_duplicate(table=sheet.table, row_ids=[second], actor=ACTOR)

    assert in_order(sheet) == [first, second, copy, third]
    made = Row.objects.get(id=copy)
    assert (made.data, made.edited) == ({"name": "n1", "a": "Hello n1", "b": "OLD"}, ["b"])
    (copied,) = RowExecution.objects.filter(row_id=copy)
    assert (copied.group_id, copied.status, copied.attempt, copied.run_id, copied.execution_id) == (
        sheet.groups["A"].pk,
        "completed",
        2,
        None,
        None,
    )
    assert copied.version > cell.version
    assert Row.objects.get(id=second).data["gone"] == 1


def test_a_copy_leaves_unique_values_out_and_what_was_made_of_them(client: Any) -> None:
    from tables.models import Row, RowExecution
    from tables.services.duplicating import rows_duplicate

    sheet = greeting_chain(rows=1)
    sheet.columns["a"].unique = True
    sheet.columns["a"].save()
    Row.objects.update(data={"name": "n0", "a": "A", "b": "B", "c": 1}, edited=["a"])
    for group in sheet.groups.values():
        RowExecution.objects.create(row_id=sheet.rows[0], group=group, table=sheet.table, status="completed")

    (copy,) = rows_duplicate(table=sheet.table, row_ids=sheet.rows, actor=ACTOR)

    assert (Row.objects.get(id=copy).data, Row.objects.get(id=copy).edited) == ({"name": "n0"}, [])
    assert not RowExecution.objects.filter(row_id=copy).exists()


def test_a_row_whose_unique_value_must_be_filled_cannot_be_copied(client: Any) -> None:
    path = client.table({"name": "name", "unique": True, "required": True})
    (row,) = add(client, path, "a")

    answer = client.post(f"{path}/rows/duplicate/", {"rows": [row]}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (400, "value_invalid")
    assert "name" in answer.json()["errors"]
    assert names(client, path) == ["a"]


@pytest.mark.rule("T29")
@pytest.mark.django_db(transaction=True)
def test_a_copy_runs_by_itself_only_what_it_lacks(inbox: Any, worker: Any) -> None:
    from tables.models import Row, RowExecution
    from tables.services.duplicating import rows_duplicate
    from tests.bed.factories import probing_chain

    sheet = probing_chain(rows=1, auto_run=True)
    Row.objects.update(data={"name": "n0", "a": "paid for"})
    RowExecution.objects.create(
        row_id=sheet.rows[0], group=sheet.groups["A"], table=sheet.table, status="completed", group_revision=1
    )

    (copy,) = rows_duplicate(table=sheet.table, row_ids=sheet.rows, actor=ACTOR)
    worker.start()
    inbox.run_all()

    row = Row.objects.get(id=copy)
    assert row.data["a"] == "paid for"
    assert row.data["b"] is not None
    assert Row.objects.get(id=sheet.rows[0]).data == {"name": "n0", "a": "paid for"}


def test_the_endpoints_answer_rows_and_hold_the_locks(client: Any) -> None:
    from workspaces.models import AuditEvent

    path = client.table("name")
    a, b = add(client, path, "a", "b")
    made = client.post(f"{path}/rows/duplicate/", {"rows": [a, b]}, format="json")
    assert made.status_code == 201
    assert [row["data"] for row in made.json()["rows"]] == [{"name": "a"}, {"name": "b"}]
    assert names(client, path) == ["a", "b", "a", "b"]

    client.patch(f"{path}/", {"locks": ["insert", "update"]}, format="json")
    assert (
        client.post(f"{path}/rows/duplicate/", {"rows": [a]}, format="json").json()["code"] == "table_locked"
    )
    assert move(client, path, a).json()["code"] == "table_locked"
    assert AuditEvent.objects.filter(action="rows.duplicated").count() == 1
