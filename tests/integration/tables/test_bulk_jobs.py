"""Rows chosen by a filter or a range, updated and deleted by jobs (T3, T5, T28)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db.models.functions import Now

from tables.models import Dispatch, Job, Row, Table
from tables.services import bulk_jobs
from tables.services.bulk_jobs import bulk_run
from tables.services.jobs import MAX_RECOVERIES, jobs_reap
from tests.bed.factories import greeting_chain, sheet_make
from tests.integration.tables.clients import V1
from tests.integration.tables.told import told
from workspaces.models import AuditEvent

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker")]


@pytest.fixture(autouse=True)
def small_batches(settings: Any) -> None:
    settings.RUNSHEET_MAX_BATCH_ROWS = 10


def numbers(client: Any, count: int = 35) -> Any:
    """A table whose rows hold ``n`` and ``kind``, which is a or b."""
    sheet = sheet_make(client.workspace)
    sheet.column("n", "number")
    sheet.column("kind")
    sheet.fill([{"n": n, "kind": "ab"[n % 2]} for n in range(count)])
    return sheet


def path(sheet: Any) -> str:
    return f"{V1}/tables/{sheet.table.pk}"


KIND_A = {"column": "kind", "op": "eq", "value": "a"}


def asked(client: Any, sheet: Any, method: str = "patch", **body: Any) -> dict[str, Any]:
    answer = getattr(client, method)(f"{path(sheet)}/rows/", body, format="json")
    assert answer.status_code == 202, answer.json()
    return dict(answer.json())


def ended(client: Any, inbox: Any, job: dict[str, Any]) -> dict[str, Any]:
    inbox.run_all()
    return dict(client.get(f"{V1}/jobs/{job['id']}/").json())


def stopping_after(batches: int, monkeypatch: Any, act: Any) -> None:
    """Let ``act`` happen after so many committed batches."""
    write, count = bulk_jobs._Bulk._write, iter(range(1_000))

    def and_then(self: Any, *args: Any) -> None:
        write(self, *args)
        if next(count) == batches - 1:
            act(self)

    monkeypatch.setattr(bulk_jobs._Bulk, "_write", and_then)


@pytest.mark.rule("T3")
def test_an_update_by_filter_writes_every_row_that_meets_it(client: Any, inbox: Any) -> None:
    sheet = numbers(client)

    job = asked(client, sheet, filter=KIND_A, data={"Kind": "c"})
    assert (job["kind"], job["status"], job["progress"]["rows_total"]) == ("update", "queued", 18)
    job = ended(client, inbox, job)

    assert job["status"] == "completed"
    assert (job["progress"]["rows_done"], job["progress"]["rows_updated"]) == (18, 18)
    assert sheet.values("kind") == ["cb"[n % 2] for n in range(35)]
    assert sheet.values("n") == list(range(35))
    assert [each["status"] for each in told(sheet, "job")][-1] == "completed"
    assert AuditEvent.objects.filter(action__startswith="rows.").count() == 1


def test_null_clears_a_column_of_every_row(client: Any, inbox: Any) -> None:
    sheet = numbers(client)

    job = ended(client, inbox, asked(client, sheet, filter={}, data={"kind": None}))

    assert job["progress"]["rows_updated"] == 35
    assert set(sheet.values("kind")) == {None}


@pytest.mark.rule("T5")
def test_a_delete_by_filter_leaves_the_others(client: Any, inbox: Any) -> None:
    sheet = numbers(client)

    job = asked(client, sheet, "delete", filter=KIND_A, exclude_rows=[str(sheet.rows[2])])
    job = ended(client, inbox, job)

    assert (job["status"], job["progress"]["rows_deleted"]) == ("completed", 17)
    assert sheet.values("n") == sorted([2, *range(1, 35, 2)])
    assert Table.objects.get(pk=sheet.table.pk).row_count == 18


def test_a_range_is_the_rows_between_its_ends_in_its_order(client: Any, inbox: Any) -> None:
    sheet = numbers(client)
    ends: dict[str, Any] = {"from": str(sheet.rows[30]), "to": str(sheet.rows[5])}

    ended(client, inbox, asked(client, sheet, rows=ends, data={"kind": "x"}))
    assert [n for n, kind in enumerate(sheet.values("kind")) if kind == "x"] == list(range(5, 31))

    ends |= {"sort": ["-n"], "filter": {"column": "n", "op": "gt", "value": 10}}
    ended(client, inbox, asked(client, sheet, "delete", rows=ends))
    assert sheet.values("n") == [*range(11), *range(31, 35)]


def test_rows_made_after_the_request_are_not_in_it(client: Any, inbox: Any) -> None:
    sheet = numbers(client, 5)
    job = asked(client, sheet, "delete", filter={})
    client.post(f"{path(sheet)}/rows/", {"data": {"n": 99}, "before": str(sheet.rows[0])}, format="json")

    ended(client, inbox, job)

    assert sheet.values("n") == [99]


def test_a_row_that_moves_behind_the_job_is_found_at_the_end(
    client: Any, inbox: Any, monkeypatch: Any
) -> None:
    sheet = numbers(client)
    move = {"rows": [str(sheet.rows[30])], "before": str(sheet.rows[0])}

    def moves(_: Any) -> None:
        assert client.post(f"{path(sheet)}/rows/move/", move, format="json").status_code == 200

    stopping_after(1, monkeypatch, moves)
    job = ended(client, inbox, asked(client, sheet, filter={}, data={"kind": "x"}))

    assert set(sheet.values("kind")) == {"x"}
    assert (job["progress"]["rows_updated"], job["progress"]["rows_done"]) == (35, 35)


def test_a_row_that_no_longer_meets_the_filter_is_left(client: Any, inbox: Any, monkeypatch: Any) -> None:
    sheet = numbers(client, 3)
    job = asked(client, sheet, "delete", filter=KIND_A)
    still = bulk_jobs._Bulk._still

    def edited(self: Any, rows: Any, where: Any) -> Any:
        Row.objects.filter(pk=sheet.rows[0]).update(data={"n": 0, "kind": "kept"})
        return still(self, rows, where)

    monkeypatch.setattr(bulk_jobs._Bulk, "_still", edited)
    ended(client, inbox, job)

    assert sheet.values("n") == [0, 1]


@pytest.mark.rule("T28")
def test_what_reads_an_updated_column_is_invalidated_by_one_dispatch_per_batch(
    client: Any, inbox: Any
) -> None:
    sheet = greeting_chain(25, workspace=client.workspace)
    sheet.groups["A"].depends_on = [str(sheet.columns["name"].pk)]
    for group in sheet.groups.values():
        group.auto_run = True
        group.save()
    Table.objects.filter(pk=sheet.table.pk).update(schema_version=99)

    ended(client, inbox, asked(client, sheet, filter={}, data={"name": "Bo"}))

    assert sheet.values("b") == ["HELLO BO"] * 25
    assert [len(each.scope["rows"]) for each in Dispatch.objects.order_by("id")] == [10, 10, 5]


@pytest.mark.rule("T5")
def test_deleting_stops_what_runs_on_the_rows(client: Any, inbox: Any) -> None:
    sheet = greeting_chain(25, workspace=client.workspace)
    client.post(f"{path(sheet)}/dispatches/", {}, format="json")
    inbox.deliver(inbox.take())
    assert sheet.table.cells.filter(status="pending").exists()

    job = asked(client, sheet, "delete", filter={})
    inbox.deliver(inbox.newest())
    job = client.get(f"{V1}/jobs/{job['id']}/").json()
    inbox.run_all()

    assert (job["status"], job["progress"]["rows_deleted"]) == ("completed", 25)
    assert not sheet.table.cells.exists()
    assert Dispatch.objects.get().status in {"complete", "cancelled"}


def test_a_cancelled_job_keeps_whole_batches_and_says_how_many(
    client: Any, inbox: Any, monkeypatch: Any
) -> None:
    sheet = numbers(client)
    stopping_after(2, monkeypatch, lambda run: client.post(f"{V1}/jobs/{run.job.pk}/cancel/"))

    job = ended(client, inbox, asked(client, sheet, filter={}, data={"kind": "x"}))

    assert job["status"] == "cancelled"
    assert job["error"]["message"] == "It was cancelled. 20 rows were updated."
    assert sheet.values("kind").count("x") == 20


def test_a_job_whose_worker_dies_goes_on_behind_its_last_batch(
    client: Any, inbox: Any, worker: Any, monkeypatch: Any
) -> None:
    class Killed(BaseException):
        pass

    def die(_: Any) -> None:
        raise Killed

    sheet = numbers(client)
    job = asked(client, sheet, "delete", filter=KIND_A)
    with monkeypatch.context() as patch:
        stopping_after(1, patch, die)
        with pytest.raises(Killed):
            inbox.run_all()
    worker.die()
    assert jobs_reap() == 1

    job = ended(client, inbox, job)

    assert (job["status"], job["progress"]["rows_deleted"], job["progress"]["rows_done"]) == (
        "completed",
        18,
        18,
    )
    assert sheet.values("n") == list(range(1, 35, 2))


def test_a_job_that_loses_its_worker_again_and_again_fails_with_words(
    client: Any, inbox: Any, worker: Any
) -> None:
    sheet = numbers(client)
    job = asked(client, sheet, filter={}, data={"kind": "x"})
    for _ in range(MAX_RECOVERIES + 1):
        worker.start()
        from workflows.services.instances import current_instance

        Job.objects.filter(pk=job["id"]).update(
            status="running", instance_id=current_instance(), started_at=Now()
        )
        worker.die()
        jobs_reap()

    job = client.get(f"{V1}/jobs/{job['id']}/").json()
    assert (job["status"], job["error"]["code"]) == ("failed", "worker_lost")
    assert "0 rows were updated" in job["error"]["message"]


def test_one_job_writes_to_a_table_at_a_time(client: Any, inbox: Any) -> None:
    sheet = numbers(client)
    asked(client, sheet, filter={}, data={"kind": "x"})

    answer = client.delete(f"{path(sheet)}/rows/", {"filter": {}}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (409, "job_active")


def test_a_row_too_large_is_refused_alone(client: Any, inbox: Any, settings: Any) -> None:
    settings.RUNSHEET_MAX_ROW_BYTES = 1_024
    sheet = numbers(client, 12)
    Row.objects.filter(pk=sheet.rows[4]).update(data={"n": "x" * 900})

    job = ended(client, inbox, asked(client, sheet, filter={}, data={"kind": "y" * 200}))

    assert (job["progress"]["rows_updated"], job["progress"]["rows_rejected"]) == (11, 1)
    assert job["has_rejects"]
    refused = b"".join(client.get(f"{V1}/jobs/{job['id']}/rejects/").streaming_content).decode().splitlines()
    assert refused[0] == "line,reason,row"
    assert refused[1].startswith("5,")
    assert refused[1].endswith(str(sheet.rows[4]))


def test_a_column_that_goes_away_meanwhile_fails_the_job_with_words(
    client: Any, inbox: Any, monkeypatch: Any
) -> None:
    sheet = numbers(client)
    stopping_after(1, monkeypatch, lambda _: sheet.columns["kind"].delete())

    job = ended(client, inbox, asked(client, sheet, filter={}, data={"kind": "x"}))

    assert (job["status"], job["error"]["code"]) == ("failed", "value_invalid")
    assert job["error"]["message"].endswith("10 rows were updated.")


@pytest.mark.parametrize(
    ("method", "body", "field"),
    [
        ("patch", {"filter": {}, "data": {}}, "data"),
        ("patch", {"filter": {}}, "data"),
        ("patch", {"filter": {}, "data": {"nope": 1}}, "data.nope"),
        ("patch", {"filter": {}, "data": {"n": "x"}}, "data.n"),
        ("patch", {"filter": {"column": "nope"}, "data": {"n": 1}}, "filter.column"),
        ("patch", {"rows": {"from": "x", "to": "y"}, "data": {"n": 1}}, "rows"),
        ("patch", {"filter": None, "data": {"n": 1}}, "filter"),
        ("delete", {"filter": {"column": "n", "op": "eq"}}, "filter.value"),
        ("delete", {"filter": {}, "data": {"n": 1}}, "data"),
        ("delete", {}, "rows"),
    ],
)
def test_a_faulty_request_starts_nothing(client: Any, method: str, body: Any, field: str) -> None:
    sheet = numbers(client, 2)

    answer = getattr(client, method)(f"{path(sheet)}/rows/", body, format="json")

    assert answer.status_code == 400, answer.json()
    assert any(name == field or name.startswith(f"{field}.") for name in answer.json()["errors"]), (
        answer.json()
    )
    assert not Job.objects.exists()


def test_a_unique_column_is_not_given_one_value_in_many_rows(client: Any) -> None:
    table = client.table({"name": "code", "unique": True})

    answer = client.patch(f"{table}/rows/", {"filter": {}, "data": {"code": "x"}}, format="json")

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["data.code"])


@pytest.mark.parametrize(("method", "lock"), [("patch", "update"), ("delete", "delete")])
def test_a_locked_table_refuses_the_job(client: Any, method: str, lock: str) -> None:
    sheet = numbers(client, 2)
    Table.objects.filter(pk=sheet.table.pk).update(locks=[lock])
    body = {"filter": {}, **({"data": {"n": 1}} if method == "patch" else {})}

    assert (
        getattr(client, method)(f"{path(sheet)}/rows/", body, format="json").json()["code"] == "table_locked"
    )


def test_the_same_request_sent_again_starts_one_job(client: Any, inbox: Any) -> None:
    sheet = numbers(client, 3)
    again = {
        client.delete(
            f"{path(sheet)}/rows/", {"filter": {}}, format="json", headers={"idempotency-key": "k"}
        ).json()["id"]
        for _ in range(2)
    }

    assert len(again) == Job.objects.count() == 1


def test_jobs_of_every_kind_are_listed_and_imports_alone_as_imports(
    client: Any, stranger: Any, inbox: Any
) -> None:
    sheet = numbers(client, 3)
    job = ended(client, inbox, asked(client, sheet, filter={}, data={"kind": "x"}))

    assert client.get(f"{path(sheet)}/jobs/").json()["results"] == [json.loads(json.dumps(job))]
    assert client.get(f"{path(sheet)}/imports/").json()["results"] == []
    assert stranger.get(f"{path(sheet)}/jobs/").status_code == 404


def test_a_job_that_ended_is_not_run_again(client: Any, inbox: Any) -> None:
    sheet = numbers(client, 3)
    job = ended(client, inbox, asked(client, sheet, filter={}, data={"kind": "x"}))
    Row.objects.filter(table=sheet.table).update(data={"kind": "later"})

    bulk_run(job["id"])

    assert set(sheet.values("kind")) == {"later"}
