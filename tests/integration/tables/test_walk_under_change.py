"""A dispatch walks a table that people change under its feet: each row of it once, whatever happens (T10)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db.models.functions import Now

from tables.models import Dispatch, Row, RowExecution
from tables.services.dispatches import dispatch_start
from tables.states import Mode
from tests.bed.accounts import accounted, check_account, check_quiet
from tests.bed.factories import Sheet, probing_table
from tests.bed.running import Inbox, Probe, Worker

pytestmark = pytest.mark.rule("T10")

ALPHABET = "0aghmnz"
SEEDS = list(range(12))


def start(sheet: Sheet, **options: Any) -> UUID:
    """Start a dispatch; its id."""
    outcome = dispatch_start(table=sheet.table, **{"mode": Mode.ALL, **options})
    assert outcome.dispatch is not None
    return outcome.dispatch.id


def steps(inbox: Inbox) -> Iterator[None]:
    """Message by message, the chords' ones too, with a pause after each for changes."""
    for _ in range(5_000):
        inbox.unpack()
        if not inbox.waiting:
            return
        inbox.deliver(inbox.take())
        yield
    raise AssertionError("it never ends")


class Meddler:
    """Changes a table at random, and remembers which of its first rows are still there and what was added."""

    def __init__(self, sheet: Sheet, seed: int) -> None:
        self.sheet = sheet
        self.random = random.Random(seed)
        self.left = set(sheet.rows)
        self.names = {row: f"n{i}" for i, row in enumerate(sheet.rows)}

    def place(self) -> str:
        """Somewhere in the table; often where another row stands already."""
        return "".join(self.random.choices(ALPHABET, k=self.random.randint(1, 2)))

    def change(self) -> None:
        """One change, as its service writes it."""
        some = self.random.sample(sorted(self.left), k=min(len(self.left), self.random.randint(1, 6)))
        match self.random.choice(["insert", "move", "move", "delete", "edit", "pile"]):
            case "insert":
                Row.objects.create(table=self.sheet.table, data={"name": "late"}, position=self.place())
            case "move":
                for row in some:
                    Row.objects.filter(id=row).update(position=self.place(), moved_at=Now())
            case "pile":  # onto one and the same place
                Row.objects.filter(id__in=some).update(position=self.place(), moved_at=Now())
            case "delete":
                Row.objects.filter(id=some[0]).delete()
                self.left.discard(some[0])
            case "edit":
                Row.objects.filter(id=some[0]).update(data={"name": self.names[some[0]], "note": "edited"})


@pytest.mark.bug(
    "rows inserted above the cursor or moved across it", "duplicate order keys at a window's edge"
)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("mode", [Mode.ALL, Mode.NEW])
def test_every_row_that_stays_runs_once_and_no_late_one_does(
    seed: int, mode: Mode, inbox: Inbox, probe: Probe, worker: Worker
) -> None:
    worker.start(slots=1 + seed % 8)
    sheet = probing_table(70)
    meddler = Meddler(sheet, seed)
    dispatch = start(sheet, mode=mode)
    for _ in steps(inbox):
        if meddler.random.random() < 0.7:
            meddler.change()
    assert Dispatch.objects.get(id=dispatch).status == "complete"
    counts = probe.counts()
    assert {name for row, name in meddler.names.items() if row in meddler.left} <= set(counts)
    assert "late" not in counts
    assert set(counts.values()) == {1}
    found = check_account(dispatch)
    assert found.rows_seen == found.rows_handed_over <= 70
    check_quiet()


@pytest.mark.parametrize("seed", SEEDS[:4])
def test_under_a_limit_exactly_so_many_rows_run(
    seed: int, inbox: Inbox, probe: Probe, worker: Worker
) -> None:
    worker.start(slots=1 + seed)
    sheet = probing_table(70)
    meddler = Meddler(sheet, seed)
    start(sheet, limit=33)
    for _ in steps(inbox):
        meddler.change()
    assert len(probe.calls) <= 33
    assert set(probe.counts().values()) == {1}
    check_quiet()


@pytest.mark.bug("rows inserted above the cursor or moved across it")
@pytest.mark.parametrize("mode", [Mode.ALL, Mode.INCOMPLETE])
def test_rows_reordered_by_the_hundred_each_run_once(
    mode: Mode, inbox: Inbox, probe: Probe, worker: Worker
) -> None:
    """More rows behind the cursor than one look takes in, most of them without work, the last with some."""
    worker.start(slots=4)
    sheet = probing_table(640)
    dispatch = start(sheet, mode=mode)
    for done, _ in enumerate(steps(inbox)):
        if done == 4:
            moved = sheet.rows[40:]
            Row.objects.filter(id__in=moved).update(position="0", moved_at=Now())
    assert probe.counts() == {f"n{i}": 1 for i in range(640)}
    assert check_account(dispatch, rows=640).completed == 640


@pytest.mark.bug("rows inserted above the cursor or moved across it")
def test_moved_rows_without_work_do_not_hide_one_with_work(
    inbox: Inbox, probe: Probe, worker: Worker
) -> None:
    worker.start(slots=1)
    sheet = probing_table(1_100)
    sheet.groups["A"].condition = "row.name in ['n0', 'n1099']"
    sheet.groups["A"].save()
    start(sheet, rows={"from": sheet.rows[0], "to": sheet.rows[-1]})
    inbox.deliver(inbox.take())
    probe.reset()
    dispatch = start(sheet)
    inbox.deliver(inbox.newest())
    Row.objects.filter(id__in=sheet.rows[1:]).update(moved_at=Now())
    Dispatch.objects.filter(id=dispatch).update(exhausted=True)  # all of them were moved behind the cursor
    inbox.run_all()
    assert "n1099" in probe.counts()


def test_a_row_moved_ahead_while_its_cell_waits_is_not_handed_over_again(
    inbox: Inbox, probe: Probe, worker: Worker
) -> None:
    worker.start(slots=1)
    sheet = probing_table(45)
    dispatch = start(sheet, limit=45)
    inbox.deliver(inbox.take())  # the first window is stamped and waits
    Row.objects.filter(id__in=sheet.rows[:20]).update(position="zz", moved_at=Now())
    inbox.run_all()
    found = check_account(dispatch, rows=45)
    assert (found.rows_handed_over, found.completed, found.skipped) == (45, 45, {})
    assert probe.counts() == {f"n{i}": 1 for i in range(45)}


@pytest.mark.parametrize("seed", SEEDS[:6])
def test_a_filter_is_judged_when_the_walk_comes_by(
    seed: int, inbox: Inbox, probe: Probe, worker: Worker
) -> None:
    """Rows edited into and out of the filter: those handed over matched at that very moment."""
    worker.start(slots=1)
    sheet = probing_table(80)
    dice = random.Random(seed)
    Row.objects.filter(id__in=sheet.rows[::2]).update(data={"name": "out"})
    dispatch = start(sheet, filter={"column": "name", "op": "starts_with", "value": "n"})
    expected: set[str] = set()
    seen: set[UUID] = set()
    for _ in steps(inbox):
        handed = set(RowExecution.objects.values_list("row_id", flat=True)) - seen
        expected |= {row.data["name"] for row in Row.objects.filter(id__in=handed)}
        seen |= handed
        ahead = [row for row in sheet.rows if row not in seen]
        for row in dice.sample(ahead, k=min(4, len(ahead))):
            name = f"n{sheet.rows.index(row)}" if dice.random() < 0.5 else "out"
            Row.objects.filter(id=row).update(data={"name": name})
    assert set(probe.counts()) == expected
    assert "out" not in expected
    found = check_account(dispatch)
    assert accounted(found) == len(seen)
