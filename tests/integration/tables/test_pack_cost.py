"""What a row costs: transactions and statements, counted and not timed (T21, P7)."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tables.models import Row, Window
from tables.services.cascade import rows_run
from tables.services.dispatches import dispatch_start
from tables.states import Mode
from tests.bed.accounts import check_account
from tests.bed.factories import Sheet, greeting_chain
from tests.bed.running import Inbox

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture(autouse=True)
def nothing_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is told or measured anew once enough time has passed is no cost of a pack."""
    monkeypatch.setattr("tables.services.progress.ANNOUNCE_SECONDS", 3_600)
    monkeypatch.setattr("tables.services.measure.DRIFT", 1e9)


def cost(sheet: Sheet, inbox: Inbox, rows: int) -> tuple[int, int]:
    """Transactions and statements of one pack of that many rows, the second time round (schemas are known by then)."""
    for group in sheet.groups.values():
        group.mean_cell_ms = 1
        group.save()
    found = (0, 0)
    for _ in range(2):
        outcome = dispatch_start(table=sheet.table, mode=Mode.ALL)
        assert outcome.dispatch is not None
        inbox.deliver(inbox.take())
        window: UUID = Window.objects.get().id
        with CaptureQueriesContext(connection) as queries:
            rows_run(window, sheet.rows)
        found = _counted([query["sql"] for query in queries])
        inbox.run_all()
        check_account(outcome.dispatch.id, rows=rows)
    return found


def _counted(statements: list[str]) -> tuple[int, int]:
    begun = sum(statement == "BEGIN" for statement in statements)
    real = [s for s in statements if s not in {"BEGIN", "COMMIT"}]
    return begun, len(real)


@pytest.mark.rule("T21")
@pytest.mark.parametrize("groups", [1, 3])
def test_a_pack_costs_one_transaction_per_group_beside_its_claim(groups: int, inbox: Inbox) -> None:
    """Nine statements per group, of which two look up what its ref means now; four per pack. All are set-based."""
    sheet = greeting_chain(rows=1)
    for name in ("A", "B", "C")[groups:]:
        sheet.groups.pop(name).delete()
    transactions, statements = cost(sheet, inbox, 1)
    assert transactions <= 1 + groups
    assert statements <= 9 * groups + 4


@pytest.mark.rule("T21")
def test_a_pack_of_twenty_rows_costs_what_a_row_costs(inbox: Inbox) -> None:
    assert cost(greeting_chain(rows=20), inbox, 20) == cost(greeting_chain(rows=1), inbox, 1)


@pytest.mark.rule("T21")
def test_no_cost_grows_with_the_table(inbox: Inbox) -> None:
    small, large = greeting_chain(rows=1), greeting_chain(rows=1)
    Row.objects.bulk_create(Row(table=large.table, data={}, position=f"z{i:05}") for i in range(500))
    before = cost(small, inbox, 1)
    for group in large.groups.values():
        group.mean_cell_ms = 1
        group.save()
    outcome = dispatch_start(table=large.table, rows=large.rows, mode=Mode.ALL)
    assert outcome.dispatch is not None
    inbox.deliver(inbox.take())
    with CaptureQueriesContext(connection) as queries:
        rows_run(Window.objects.get().id, large.rows)
    assert _counted([query["sql"] for query in queries])[0] <= before[0]
