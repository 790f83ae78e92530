"""Imports: from any file people have to rows, with every refused row accounted for (T38, F24, F26)."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.integration.tables.clients import V1

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("worker"),
    pytest.mark.rule("T38"),
]


def upload(client: Any, path: str, content: bytes | str, *, to: str = "imports/", **fields: Any) -> Any:
    data = content.encode() if isinstance(content, str) else content
    mapping = fields.pop("mapping", None)
    if mapping is not None:
        fields["mapping"] = json.dumps(mapping)
    return client.post(
        f"{path}/{to}", {"file": SimpleUploadedFile("people.csv", data), **fields}, format="multipart"
    )


def imported(client: Any, inbox: Any, path: str, content: bytes | str, **fields: Any) -> dict[str, Any]:
    answer = upload(client, path, content, **fields)
    assert answer.status_code == 202, answer.json()
    inbox.run_all()
    return dict(client.get(f"{V1}/jobs/{answer.json()['id']}/").json())


def rejects(client: Any, job: dict[str, Any]) -> list[list[str]]:
    answer = client.get(f"{V1}/jobs/{job['id']}/rejects/")
    assert answer["content-disposition"].startswith("attachment")
    return list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_a_csv_becomes_typed_rows_in_its_order(client: Any, inbox: Any) -> None:
    path = client.table("name", {"name": "score", "type": "number"})

    job = imported(client, inbox, path, 'Name,Score,Other\nAda,"1,5",x\n"Bo\nB",2,y\n')
    assert (job["status"], job["progress"]["rows_done"], job["progress"]["rows_rejected"]) == (
        "completed",
        1,
        1,
    )
    job = imported(client, inbox, path, "name,score\nCy,3\n")

    assert [row["data"] for row in client.rows(path)] == [
        {"name": "Bo\nB", "score": 2},
        {"name": "Cy", "score": 3},
    ]
    assert client.get(f"{path}/").json()["row_count"] == 2
    assert job["progress"]["bytes_done"] == job["progress"]["bytes_total"] == 16


def test_the_mapping_maps_skips_and_makes_columns(client: Any, inbox: Any) -> None:
    path = client.table("name")
    mapping = {"Person": "name", "Skip": None, "Born": {"name": "Birthday", "type": "date"}}

    imported(client, inbox, path, "Person,Skip,Born\nAda,x,10.12.1815\n", mapping=mapping)

    assert client.rows(path)[0]["data"] == {"name": "Ada", "birthday": "1815-12-10"}


def test_preview_tells_what_the_file_is_and_suggests_a_mapping_that_works(client: Any, inbox: Any) -> None:
    path = client.table("Name")
    content = "name;Größe;Seit;Name;\nJürgen;1,5;2024-01-02;x;1\nLena;2;2024-02-03;y;2;3\n".encode("cp1252")

    preview = upload(client, path, content, to="imports/preview/").json()

    assert (preview["encoding"], preview["delimiter"]) == ("cp1252", ";")
    assert [c["header"] for c in preview["columns"]] == ["name", "Größe", "Seit", "Name", "Column 5"]
    assert [c["type"] for c in preview["columns"]] == ["text", "text", "date", "text", "number"]
    assert preview["rejects"] == [{"line": 3, "reason": "The row has 6 values, the header 5 columns."}]
    assert preview["mapping"]["name"] == client.get(f"{path}/").json()["columns"][0]["id"]
    assert preview["mapping"]["Name"] == {"name": "Name", "type": "text"}
    assert client.get(f"{path}/imports/").json()["results"] == []

    preview["mapping"]["Name"]["name"] = "Other"
    job = imported(client, inbox, path, content, mapping=preview["mapping"])
    assert job["progress"]["rows_done"] == 1
    assert client.rows(path)[0]["data"]["name"] == "Jürgen"


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", "upload_invalid", "The file is empty"),
        (b"\n\n\r\n", "upload_invalid", "no rows"),
        (b"PK\x03\x04rest", "upload_invalid", "Save it as CSV"),
        (bytes(range(256)) * 8, "upload_invalid", "binary file"),
        (b'"name\nAda\n', "upload_invalid", "Line 1: A quote is opened and never closed"),
        (b"other\nx\n", "no_matching_column", "No header of the file is mapped"),
        (",".join(f"c{n}" for n in range(20_000)).encode(), "limit_reached", "20,000 columns"),
    ],
)
def test_a_file_that_cannot_be_imported_is_refused_at_once(
    client: Any, content: bytes, code: str, words: str
) -> None:
    from tables.models import Job

    path = client.table("name")

    answer = upload(client, path, content)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert words in answer.json()["detail"]
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("mapping", "field"),
    [
        ({"nmae": "name"}, "mapping.nmae"),
        ({"name": "nope"}, "mapping.name"),
        ({"name": "name", "city": "name"}, "mapping.city"),
        ({"name": {"type": "text"}}, "mapping.name"),
        ({"name": {"name": "x", "type": "colour"}}, "mapping[0].type"),
        ([], "mapping"),
        ({"name": {"name": "a\x00b"}}, "mapping"),
    ],
)
def test_a_faulty_mapping_is_refused_and_makes_no_column(client: Any, mapping: Any, field: str) -> None:
    path = client.table("name")

    answer = upload(client, path, "name,city\nx,y\n", mapping=mapping)

    assert answer.status_code == 400, answer.json()
    assert field in answer.json()["errors"]
    assert len(client.get(f"{path}/").json()["columns"]) == 1


@pytest.mark.rule("F24")
def test_bad_rows_are_kept_with_line_and_reason_and_stop_nothing(client: Any, inbox: Any) -> None:
    path = client.table(
        "name", {"name": "score", "type": "number"}, {"name": "mail", "type": "email", "required": True}
    )
    content = (
        "name,score,mail\n"
        "Ada,1,a@x.org\n"
        "Bo,many,b@x.org\n"
        "Cy,3\n"
        "Di,4,d@x.org,extra\n"
        "N\x00,5,n@x.org\n"
        '"open,6,o@x.org\n'
        "=1+1,x,e@x.org\n"
        "Flo,7,f@x.org\n"
    )

    job = imported(client, inbox, path, content)

    assert [row["data"]["name"] for row in client.rows(path)] == ["Ada", "Flo"]
    assert job["status"] == "completed"
    assert (job["progress"]["rows_done"], job["progress"]["rows_rejected"], job["has_rejects"]) == (
        2,
        6,
        True,
    )
    header, *found = rejects(client, job)
    assert header == ["line", "reason", "name", "score", "mail"]
    assert [line for line, *_ in found] == ["3", "4", "5", "6", "7", "8"]
    assert "score: “many” is not a number" in found[0][1]
    assert "mail: a value is required" in found[1][1]
    assert found[5][2] == "'=1+1"


@pytest.mark.rule("F24")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_encodings_and_line_ends_of_every_kind_are_read(client: Any, inbox: Any, encoding: str) -> None:
    path = client.table("name", "city")
    content = "name\tcity\r\nJürgen\tKöln\nLena\tBonn\rMia\tUlm".encode(encoding)

    imported(client, inbox, path, content)

    shown = [(row["data"]["name"], row["data"]["city"]) for row in client.rows(path)]
    assert shown == [("Jürgen", "Köln"), ("Lena", "Bonn"), ("Mia", "Ulm")]


def test_a_file_said_to_be_utf_8_that_is_not_fails_and_says_what_was_kept(client: Any, inbox: Any) -> None:
    path = client.table("name")

    job = imported(client, inbox, path, b"name\n" + b"x\n" * 200_000 + b"\xe9\n", encoding="utf-8")

    assert (job["status"], job["error"]["code"]) == ("failed", "upload_invalid")
    kept = job["progress"]["rows_done"]
    assert f"{kept:,} rows were kept" in job["error"]["message"]
    assert client.get(f"{path}/").json()["row_count"] == kept > 0


def test_values_with_backslashes_tabs_and_quotes_survive_copy(client: Any, inbox: Any) -> None:
    path = client.table("name", {"name": "data", "type": "json"})
    odd = 'a\\b\tc"d\\N{}\u2028é\\'
    text = io.StringIO()
    csv.writer(text).writerows([["name", "data"], [odd, json.dumps({"k": [odd]})]])

    imported(client, inbox, path, text.getvalue())

    assert client.rows(path)[0]["data"] == {"name": odd, "data": {"k": [odd]}}


@pytest.mark.rule("T4")
def test_rows_are_appended_behind_those_that_are_there(client: Any, inbox: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("tables.services.import_run.BATCH_ROWS", 7)
    path = client.table("name")
    client.post(f"{path}/rows/", {"data": {"name": "first"}}, format="json")

    imported(client, inbox, path, "name\n" + "".join(f"{n}\n" for n in range(40)))

    assert [row["data"]["name"] for row in client.rows(path, limit=100)] == ["first", *map(str, range(40))]


def test_repeated_values_of_a_unique_column_are_refused_one_by_one(client: Any, inbox: Any) -> None:
    path = client.table({"name": "code", "unique": True})
    client.post(f"{path}/rows/", {"data": {"code": "b"}}, format="json")

    job = imported(client, inbox, path, "more,code\n1,a\n2,b\n3,a\n4,c\n")

    assert [row["data"]["code"] for row in client.rows(path)] == ["b", "a", "c"]
    found = rejects(client, job)[1:]
    assert [[line, *values] for line, _, *values in found] == [["3", "2", "b"], ["4", "3", "a"]]


def test_one_writing_job_per_table_at_a_time(client: Any, inbox: Any) -> None:
    path = client.table("name")
    upload(client, path, "name\nx\n")

    second = upload(client, path, "name\ny\n")
    assert (second.status_code, second.json()["code"]) == (409, "job_active")
    inbox.run_all()
    assert upload(client, path, "name\ny\n").status_code == 202


def stopping_after(batches: int, monkeypatch: Any, act: Any) -> None:
    """Let ``act`` happen after so many committed batches."""
    from tables.services import import_run

    write = import_run._Import._write
    count = iter(range(1_000))

    def and_then(self: Any, *args: Any) -> None:
        write(self, *args)
        if next(count) == batches - 1:
            act(self)

    monkeypatch.setattr(import_run, "BATCH_ROWS", 10)
    monkeypatch.setattr(import_run._Import, "_write", and_then)


def test_a_cancelled_import_keeps_whole_committed_batches(client: Any, inbox: Any, monkeypatch: Any) -> None:
    path = client.table("name")
    stopping_after(2, monkeypatch, lambda run: client.post(f"{V1}/jobs/{run.job.pk}/cancel/"))

    job = imported(client, inbox, path, "name\n" + "x\n" * 95)

    assert (job["status"], job["progress"]["rows_done"]) == ("cancelled", 20)
    assert client.get(f"{path}/").json()["row_count"] == len(client.rows(path, limit=100)) == 20
    assert client.post(f"{V1}/jobs/{job['id']}/cancel/").status_code == 200


def test_a_killed_workers_import_goes_on_behind_the_last_committed_batch(
    client: Any, inbox: Any, monkeypatch: Any
) -> None:
    from tables.models import Job
    from tables.services.jobs import jobs_reap

    class Killed(BaseException):
        pass

    def die(run: Any) -> None:
        run.rejects.append([(0, "never committed", [])], 10_000)
        raise Killed

    path = client.table("name", {"name": "n", "type": "number"})
    lines = [f"{n},{n}" if n % 9 else f"{n},x" for n in range(95)]
    stopping_after(3, monkeypatch, die)
    job = upload(client, path, "name,n\n" + "\n".join(lines)).json()
    with pytest.raises(Killed):
        inbox.run_all()
    assert jobs_reap() == 0  # its process lives as far as anybody knows

    Job.objects.update(instance_id=None)
    assert jobs_reap() == 1
    inbox.run_all()

    job = client.get(f"{V1}/jobs/{job['id']}/").json()
    good = [str(n) for n in range(95) if n % 9]
    assert job["status"] == "completed"
    assert [row["data"]["name"] for row in client.rows(path, limit=200)] == good
    assert client.get(f"{path}/").json()["row_count"] == job["progress"]["rows_done"] == len(good)
    assert [int(line) - 2 for line, *_ in rejects(client, job)[1:]] == [n for n in range(95) if n % 9 == 0]


def test_an_import_that_keeps_losing_its_worker_fails_and_says_so(client: Any, inbox: Any) -> None:
    from tables.models import Job
    from tables.services.jobs import MAX_RECOVERIES, jobs_reap

    path = client.table("name")
    upload(client, path, "name\nx\n")
    for _ in range(MAX_RECOVERIES + 1):
        Job.objects.update(status="running", instance_id=None)
        jobs_reap()

    job = Job.objects.get()
    assert (job.status, job.error["code"]) == ("failed", "worker_lost")
    inbox.run_all()
    assert client.rows(path) == []


def test_a_lost_message_is_sent_again(client: Any, inbox: Any) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from tables.models import Job
    from tables.services.jobs import jobs_reap

    path = client.table("name")
    upload(client, path, "name\nx\n")
    inbox.take()
    assert jobs_reap() == 0

    Job.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    assert (jobs_reap(), jobs_reap()) == (1, 0)
    inbox.run_all()
    assert len(client.rows(path)) == 1


@pytest.mark.rule("T5")
def test_a_table_that_goes_during_an_import_ends_it_quietly(
    client: Any, inbox: Any, monkeypatch: Any, caplog: Any
) -> None:
    from tables.models import Row, Table

    path = client.table("name")
    stopping_after(1, monkeypatch, lambda run: Table.objects.filter(pk=run.job.table_id).delete())

    upload(client, path, "name\n" + "x\n" * 30)
    inbox.run_all()

    assert not Row.objects.exists()
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.rule("T29")
def test_imported_rows_start_what_runs_by_itself_once_and_old_rows_never(
    client: Any, inbox: Any, monkeypatch: Any
) -> None:
    from tables.models import Dispatch, Row, RowExecution, WorkflowGroup
    from tests.bed.factories import greeting_chain

    monkeypatch.setattr("tables.services.import_run.BATCH_ROWS", 4)
    sheet = greeting_chain(rows=3, workspace=client.workspace)
    Row.objects.update(data={"name": "old", "a": "old"}, edited=["a"])
    WorkflowGroup.objects.filter(name="B").update(auto_run=True)
    path = f"{V1}/tables/{sheet.table.pk}"

    imported(client, inbox, path, "name,a\n" + "".join(f"n,a{n}\n" for n in range(10)), mapping={"a": "a"})

    assert Dispatch.objects.count() == 1
    assert RowExecution.objects.filter(row_id__in=sheet.rows).count() == 0
    assert sheet.values("b") == [None] * 3 + [f"A{n}" for n in range(10)]


def test_an_upload_over_the_limit_is_too_large(client: Any, settings: Any) -> None:
    settings.RUNSHEET_MAX_UPLOAD_BYTES = 1_024
    path = client.table("name")

    answer = upload(client, path, "name\n" + "x" * 2_000)

    assert (answer.status_code, answer.json()["code"]) == (413, "upload_too_large")


def test_the_command_imports_into_a_new_table(client: Any, tmp_path: Any, capsys: Any) -> None:
    from django.core.management import call_command

    file = tmp_path / "people.csv"
    file.write_text("Name,Score\nAda,1\nBo,x\n")

    call_command("import_csv", str(file), workspace=client.workspace.slug, table="People", json=True)

    told = json.loads(capsys.readouterr().out)
    assert (told["rows"], told["rejected"], told["status"]) == (2, 0, "completed")
    assert [row["data"] for row in client.rows(f"{V1}/tables/{told['table']}")][1] == {
        "name": "Bo",
        "score": "x",
    }
