"""Counts of cells: kept by the database, equal to what is there at every moment (T37)."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from tables.models import CellCount, Row, RowExecution
from tables.models import sql as hot
from tables.selectors import table_summary
from tables.services.cells import rows_load
from tables.services.counts import counts_fold
from tables.services.dispatches import dispatch_start
from tables.states import CellStatus, Mode
from tests.bed.factories import Sheet, greeting_chain, probing_table
from tests.bed.properties import cases
from tests.bed.races import Race
from tests.bed.running import Inbox, Worker
from workspaces.ids import uuid7

pytestmark = [pytest.mark.rule("T37"), pytest.mark.bug("a counter stuck above zero")]

STATUSES = [status.value for status in CellStatus]


def cells_make(sheet: Sheet, status: str = "pending", groups: str = "ABC") -> None:
    RowExecution.objects.bulk_create(
        RowExecution(row_id=row, group=sheet.groups[name], table=sheet.table, status=status)
        for row in sheet.rows
        for name in groups
    )


def there(sheet: Sheet) -> dict[str, dict[str, int]]:
    """What a count of the cells themselves says."""
    found: dict[str, dict[str, int]] = {str(group.id): {} for group in sheet.groups.values()}
    pairs = RowExecution.objects.filter(table=sheet.table).values_list("group_id", "status")
    for (group, status), count in Counter(pairs).items():
        found.setdefault(str(group), {})[status] = count
    return found


def agrees(sheet: Sheet) -> bool:
    sheet.table.refresh_from_db()
    shown = table_summary(sheet.table)
    running = RowExecution.objects.filter(table=sheet.table, status="running").values("row_id").distinct()
    return bool(shown["groups"] == there(sheet) and shown["running_rows"] == running.count())


@pytest.mark.django_db
def test_every_kind_of_statement_is_counted() -> None:
    sheet = greeting_chain(rows=4)
    cells_make(sheet)
    assert table_summary(sheet.table)["groups"][str(sheet.groups["A"].id)] == {"pending": 4}
    RowExecution.objects.filter(row_id__in=sheet.rows[:2]).update(status="running")
    assert agrees(sheet)
    RowExecution.objects.filter(group=sheet.groups["B"]).delete()
    assert agrees(sheet)
    assert table_summary(sheet.table)["running_rows"] == 2
    Row.objects.filter(id=sheet.rows[0]).delete()  # its cells go in the database's own cascade
    assert agrees(sheet)
    counts_fold()
    assert agrees(sheet)


@pytest.mark.django_db
def test_a_statement_that_leaves_every_status_as_it_was_writes_nothing() -> None:
    sheet = greeting_chain(rows=2)
    cells_make(sheet, "running")
    before = CellCount.objects.count()
    RowExecution.objects.update(reason="still at it")
    RowExecution.objects.filter(status="failed").update(status="pending")
    with transaction.atomic():
        first, second = RowExecution.objects.order_by("id")[:2]
        RowExecution.objects.filter(id=first.id).update(status="failed")
    CellCount.objects.filter(status="failed").delete()
    RowExecution.objects.filter(id=second.id).update(attempt=2)
    assert CellCount.objects.count() == before + 1  # "one running less"; the failed one was deleted just now


@pytest.mark.django_db
def test_an_upsert_and_a_statement_of_two_parts_are_counted() -> None:
    """What stamps cells updates some and inserts others in one statement; what writes tombstones does by conflict."""
    sheet = greeting_chain(rows=3)
    group = sheet.groups["A"].id
    RowExecution.objects.create(row_id=sheet.rows[0], group_id=group, table=sheet.table, status="failed")
    with connection.cursor() as cursor:
        row = rows_load(cursor, sheet.table.id, sheet.rows[:1]).rows[0]
        stamped: dict[str, Any] = {
            "ids": [uuid7(), uuid7()],
            "rows": sheet.rows[:2],
            "groups": [group] * 2,
            "versions": [row.cells[group].version, None],
            "dispatch": uuid7(),
            "window": uuid7(),
            "table": sheet.table.id,
        }
        cursor.execute(hot.STAMP_CELLS, stamped)
    assert there(sheet)[str(group)] == {"pending": 2}
    assert agrees(sheet)
    RowExecution.objects.bulk_create(
        [RowExecution(row_id=r, group_id=group, table=sheet.table, status="cancelled") for r in sheet.rows],
        update_conflicts=True,
        unique_fields=["row", "group"],
        update_fields=["status"],
    )
    assert there(sheet)[str(group)] == {"cancelled": 3}
    assert agrees(sheet)


@pytest.mark.django_db
def test_a_deleted_table_leaves_no_count_behind() -> None:
    sheet, other = greeting_chain(rows=3), greeting_chain(rows=1)
    cells_make(sheet, "completed")
    cells_make(other, "failed")
    counts_fold()
    sheet.table.delete()
    counts_fold()
    assert set(CellCount.objects.values_list("table_id", flat=True)) == {other.table.id}
    assert agrees(other)


@pytest.mark.django_db
def test_folding_keeps_every_sum_and_costs_one_row_per_key() -> None:
    sheet = greeting_chain(rows=5)
    cells_make(sheet)
    for status in ("running", "completed", "pending", "running", "failed"):
        RowExecution.objects.filter(table=sheet.table).update(status=status)
    assert CellCount.objects.filter(is_folded=False).count() == 3 * 11
    before = table_summary(sheet.table)
    assert counts_fold() == 33
    assert CellCount.objects.count() == 3
    assert table_summary(sheet.table) == before
    assert counts_fold() == 0


CHANGE = st.tuples(
    st.sampled_from(["insert", "update", "delete", "drop_row", "fold"]),
    st.integers(0, 5),
    st.integers(0, 2),
    st.sampled_from(STATUSES),
)


@pytest.mark.django_db
@cases(30)
@given(changes=st.lists(CHANGE, max_size=15))
def test_whatever_happens_the_counts_are_what_is_there(changes: list[tuple[str, int, int, str]]) -> None:
    with transaction.atomic():
        sheet = greeting_chain(rows=6)
        groups = [sheet.groups[name] for name in "ABC"]
        for kind, place, number, status in changes:
            cell = RowExecution.objects.filter(row_id=sheet.rows[place], group=groups[number])
            if kind == "insert":
                RowExecution.objects.bulk_create(
                    [
                        RowExecution(row_id=row, group=groups[number], table=sheet.table, status=status)
                        for row in Row.objects.filter(table=sheet.table).values_list("id", flat=True)[:place]
                    ],
                    ignore_conflicts=True,
                )
            elif kind == "update":
                (cell if place % 2 else RowExecution.objects.filter(group=groups[number])).update(
                    status=status
                )
            elif kind == "delete":
                cell.delete()
            elif kind == "drop_row":
                Row.objects.filter(id=sheet.rows[place]).delete()
            else:
                counts_fold()
            assert agrees(sheet)
        transaction.set_rollback(True)


def test_writers_and_folds_at_once_lose_nothing(two_connections: Race) -> None:
    sheet = greeting_chain(rows=12)
    cells_make(sheet)

    def writing(seed: int) -> Any:
        def write() -> None:
            chance = random.Random(seed)
            for _ in range(40):
                rows: list[UUID] = sorted(chance.sample(sheet.rows, 4))
                with transaction.atomic():
                    locked = list(
                        RowExecution.objects.filter(row_id__in=rows).order_by("id").select_for_update()
                    )
                    ids = [cell.id for cell in locked if chance.random() < 0.6]
                    RowExecution.objects.filter(id__in=ids).update(status=chance.choice(STATUSES))
                    if chance.random() < 0.2:
                        transaction.set_rollback(True)

        return write

    def fold() -> None:
        for _ in range(60):
            counts_fold()

    outcomes = two_connections(writing(1), writing(2), writing(3), fold, fold)

    assert [outcome.error for outcome in outcomes] == [None] * 5
    assert agrees(sheet)
    counts_fold()
    assert agrees(sheet)
    assert not CellCount.objects.filter(table_id=sheet.table.id, delta__lt=0).exists()


def test_a_reader_between_a_change_and_its_fold_sees_it_once(two_connections: Race) -> None:
    sheet = greeting_chain(rows=10)
    cells_make(sheet, "running")
    seen: list[int] = []

    def read() -> None:
        for _ in range(150):
            groups = table_summary(sheet.table)["groups"].values()
            seen.append(sum(sum(counts.values()) for counts in groups))

    def change_and_fold() -> None:
        for turn in range(60):
            RowExecution.objects.filter(table=sheet.table).update(status=STATUSES[turn % len(STATUSES)])
            counts_fold()

    outcomes = two_connections(read, change_and_fold)
    assert [outcome.error for outcome in outcomes] == [None, None]
    assert set(seen) == {30}


def test_a_whole_run_ends_with_true_counts(inbox: Inbox, worker: Worker) -> None:
    sheet = greeting_chain(rows=25)
    worker.start()
    for mode in (Mode.ALL, Mode.ALL):
        dispatch_start(table=sheet.table, mode=mode)
        assert agrees(sheet)
        inbox.run_all()
        assert agrees(sheet)
    shown = table_summary(sheet.table)
    assert {tuple(counts.items()) for counts in shown["groups"].values()} == {(("completed", 25),)}
    assert (shown["running_rows"], shown["dispatches"]) == (0, [])


@pytest.mark.django_db
@pytest.mark.rule("T40")
def test_a_summary_costs_the_same_however_many_groups_and_cells(django_assert_num_queries: Any) -> None:
    small, large = probing_table(rows=1), greeting_chain(rows=30)
    cells_make(large, "completed")
    for sheet in (small, large):
        with django_assert_num_queries(4):  # groups, counts, running rows, dispatches
            table_summary(sheet.table)
