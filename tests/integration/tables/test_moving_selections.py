"""Selections that change between the look and the press, and while a job works on them (T3, T5, T24)."""

from __future__ import annotations

from typing import Any

import pytest

from tables.models import Dispatch, Job, JobRows, Row
from tables.services import bulk_jobs, frozen_rows
from tables.services.jobs import jobs_reap
from tables.services.reaping import reap
from tests.bed.factories import chain, setting, sheet_make
from tests.integration.tables.clients import V1

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker")]

BY_N = [{"column": "n", "direction": "desc"}]


@pytest.fixture(autouse=True)
def small_batches(settings: Any) -> None:
    settings.RUNSHEET_MAX_BATCH_ROWS = 10


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen_rows, "PIECE_ROWS", 15)


@pytest.fixture
def sheet(client: Any) -> Any:
    """Rows that hold n, 0 to 39, and a workflow group."""
    made = sheet_make(client.workspace)
    made.column("n", "number")
    made.group("A", chain(setting("x", "y")), outputs={"a": "result.value"})
    made.fill([{"n": n} for n in range(40)])
    return made


def top(sheet: Any) -> dict[str, Any]:
    """The 30 rows of the largest n, as somebody selects them in a sorted list."""
    return {"from": str(sheet.rows[39]), "to": str(sheet.rows[10]), "sort": BY_N}


def path(sheet: Any) -> str:
    return f"{V1}/tables/{sheet.table.pk}"


def asked(client: Any, sheet: Any, method: str, **body: Any) -> Any:
    return getattr(client, method)(f"{path(sheet)}/rows/", body, format="json")


def ended(client: Any, inbox: Any, answer: Any) -> dict[str, Any]:
    assert answer.status_code == 202, answer.json()
    inbox.run_all()
    return dict(client.get(f"{V1}/jobs/{answer.json()['id']}/").json())


def swap(sheet: Any) -> None:
    """What a run on the sorted column does: the lowest rows come first, the first go to the end."""
    for place, row in enumerate(sheet.rows):
        Row.objects.filter(pk=row).update(data={"n": 100 - place, "was": place})


@pytest.mark.rule("T5")
def test_a_delete_takes_the_rows_that_were_selected_whatever_they_hold_by_then(
    client: Any, inbox: Any, sheet: Any
) -> None:
    answer = asked(client, sheet, "delete", rows=top(sheet), expected=30)
    assert answer.json()["progress"]["rows_total"] == 30
    swap(sheet)

    job = ended(client, inbox, answer)

    assert (job["status"], job["progress"]["rows_deleted"], job["progress"]["rows_done"]) == (
        "completed",
        30,
        30,
    )
    assert sheet.values("was") == list(range(10))
    assert not JobRows.objects.exists()


@pytest.mark.rule("T3")
def test_an_update_writes_the_rows_that_were_selected(
    client: Any, inbox: Any, sheet: Any, monkeypatch: Any
) -> None:
    """The job itself writes the column that the list is sorted by; a row is made and another deleted meanwhile."""
    write, count = bulk_jobs._Bulk._write, iter(range(1_000))

    def meanwhile(self: Any, *args: Any) -> None:
        write(self, *args)
        if not next(count):
            asked(client, sheet, "post", data={"n": 35})
            asked(client, sheet, "delete", rows=[str(sheet.rows[25])])

    monkeypatch.setattr(bulk_jobs._Bulk, "_write", meanwhile)
    job = ended(client, inbox, asked(client, sheet, "patch", rows=top(sheet), data={"n": -5}))

    assert (job["progress"]["rows_updated"], job["progress"]["rows_done"]) == (29, 30)
    assert sheet.values("n") == [*range(10), *[-5] * 29, 35]


@pytest.mark.rule("T3")
def test_what_a_filter_of_the_sorted_list_left_out_stays_out(client: Any, inbox: Any, sheet: Any) -> None:
    rows = {**top(sheet), "filter": {"column": "n", "op": "lt", "value": 20}}
    answer = asked(client, sheet, "delete", rows=rows, exclude_rows=[str(sheet.rows[12])], expected=9)
    Row.objects.filter(table=sheet.table).update(data={"n": 1})

    ended(client, inbox, answer)

    kept = set(Row.objects.filter(table=sheet.table).values_list("pk", flat=True))
    assert set(sheet.rows) - kept == {sheet.rows[place] for place in (10, 11, *range(13, 20))}


@pytest.mark.rule("F25")
def test_a_job_whose_worker_dies_goes_on_behind_its_last_batch(
    client: Any, inbox: Any, worker: Any, sheet: Any, monkeypatch: Any
) -> None:
    class Killed(BaseException):
        pass

    write, count = bulk_jobs._Bulk._write, iter(range(1_000))

    def die(self: Any, *args: Any) -> None:
        write(self, *args)
        if next(count) == 1:
            raise Killed

    answer = asked(client, sheet, "delete", rows=top(sheet))
    with monkeypatch.context() as patch:
        patch.setattr(bulk_jobs._Bulk, "_write", die)
        with pytest.raises(Killed):
            inbox.run_all()
    worker.die()
    swap(sheet)
    assert jobs_reap() == 1

    job = ended(client, inbox, answer)

    assert (job["status"], job["progress"]["rows_deleted"]) == ("completed", 30)
    assert sheet.values("was") == list(range(10))


def test_the_rows_of_a_cancelled_job_are_let_go_by_the_reaper(client: Any, inbox: Any, sheet: Any) -> None:
    answer = asked(client, sheet, "delete", rows=top(sheet))
    reap()
    assert JobRows.objects.count() == 2

    client.post(f"{V1}/jobs/{answer.json()['id']}/cancel/")
    reap()

    assert not JobRows.objects.exists()
    inbox.run_all()
    assert Row.objects.filter(table=sheet.table).count() == 40


def test_a_second_job_leaves_nothing_behind_when_it_is_refused(client: Any, inbox: Any, sheet: Any) -> None:
    asked(client, sheet, "delete", rows=top(sheet))
    pieces = JobRows.objects.count()

    assert asked(client, sheet, "delete", rows=top(sheet)).json()["code"] == "job_active"

    assert JobRows.objects.count() == pieces


SORTED = {"sort": BY_N}
UNSORTED: dict[str, Any] = {}


@pytest.mark.parametrize("order", [SORTED, UNSORTED], ids=["sorted", "unsorted"])
@pytest.mark.parametrize("call", ["update", "delete", "run", "dry-run", "stop"])
@pytest.mark.rule("T24")
def test_a_selection_of_another_size_than_was_seen_is_refused(
    client: Any, inbox: Any, sheet: Any, call: str, order: Any
) -> None:
    calls: dict[str, tuple[str, str, dict[str, Any], int]] = {
        "update": ("patch", "rows/", {"data": {"n": 1}}, 202),
        "delete": ("delete", "rows/", {}, 202),
        "run": ("post", "dispatches/", {}, 202),
        "dry-run": ("post", "dispatches/", {"dry_run": True}, 200),
        "stop": ("post", "cancel/", {}, 200),
    }
    method, url, more, done = calls[call]
    body = {"rows": {"from": str(sheet.rows[39]), "to": str(sheet.rows[10]), **order}, **more}

    def send(expected: int) -> Any:
        return getattr(client, method)(f"{path(sheet)}/{url}", {**body, "expected": expected}, format="json")

    before = sheet.table.sequence
    refused = send(29)

    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (409, "rows_moved")
    assert (problem["expected"], problem["found"]) == (29, 30)
    assert "30" in problem["detail"]
    assert not Job.objects.exists()
    assert not Dispatch.objects.exists()
    assert not JobRows.objects.exists()
    sheet.table.refresh_from_db()
    assert sheet.table.sequence == before
    assert send(30).status_code == done


def test_a_filter_may_be_expected_to_have_a_number_too(client: Any, inbox: Any, sheet: Any) -> None:
    wanted = {"column": "n", "op": "lt", "value": 5}

    assert asked(client, sheet, "delete", filter=wanted, expected=4).json()["code"] == "rows_moved"
    job = ended(client, inbox, asked(client, sheet, "delete", filter=wanted, expected=5))

    assert (job["progress"]["rows_total"], job["progress"]["rows_deleted"]) == (5, 5)
