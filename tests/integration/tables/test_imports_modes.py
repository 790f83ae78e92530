"""Imports that replace rows, or write over them by key; workbooks; what imported rows start (T38, T28 to T30)."""

from __future__ import annotations

import io
import json
from typing import Any

import openpyxl
import pytest
from django.db.models import F

from tables.models import Dispatch, Job, Row, RowExecution, Table, WorkflowGroup
from tests.bed.factories import greeting_chain
from tests.integration.tables.clients import V1
from tests.integration.tables.test_imports import imported, rejects, stopping_after, upload

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("worker"),
    pytest.mark.rule("T38"),
]


def fill(client: Any, path: str, *rows: dict[str, Any]) -> None:
    answer = client.post(f"{path}/rows/", {"rows": [{"data": row} for row in rows]}, format="json")
    assert answer.status_code == 201, answer.json()


def shown(client: Any, path: str) -> list[dict[str, Any]]:
    return [row["data"] for row in client.rows(path, limit=200)]


def test_replace_puts_the_files_rows_in_the_place_of_the_old_ones(client: Any, inbox: Any) -> None:
    path = client.table({"name": "code", "unique": True})
    fill(client, path, *({"code": f"c{n}"} for n in range(5)))

    job = imported(client, inbox, path, "code\nc3\nc4\nnew\nnew\n", mode="replace")

    assert shown(client, path) == [{"code": "c3"}, {"code": "c4"}, {"code": "new"}]
    assert client.get(f"{path}/").json()["row_count"] == 3
    assert (job["status"], job["mode"]) == ("completed", "replace")
    assert (job["progress"]["rows_inserted"], job["progress"]["rows_deleted"]) == (3, 5)
    assert [each[0] for each in rejects(client, job)[1:]] == ["5"]


def test_a_cancelled_replace_has_deleted_nothing_and_says_so(
    client: Any, inbox: Any, monkeypatch: Any
) -> None:
    path = client.table("name")
    fill(client, path, {"name": "old"})
    stopping_after(1, monkeypatch, lambda run: client.post(f"{V1}/jobs/{run.job.pk}/cancel/"))

    job = imported(client, inbox, path, "name\n" + "x\n" * 25, mode="replace")

    assert job["status"] == "cancelled"
    assert job["error"]["message"] == (
        "It was cancelled. 10 rows were kept. They stand behind the old rows, none of which was deleted."
    )
    assert shown(client, path) == [{"name": "old"}, *[{"name": "x"}] * 10]


def test_a_replace_of_which_no_row_can_be_used_leaves_the_old_ones(client: Any, inbox: Any) -> None:
    path = client.table({"name": "score", "type": "number"})
    fill(client, path, {"score": 1})

    job = imported(client, inbox, path, "score\nx\ny\n", mode="replace")

    assert (job["status"], job["error"]["code"]) == ("failed", "nothing_imported")
    assert shown(client, path) == [{"score": 1}]


def test_a_replace_killed_while_it_deletes_goes_on_deleting(
    client: Any, inbox: Any, monkeypatch: Any
) -> None:
    from tables.services import import_modes, import_run
    from tables.services.jobs import jobs_reap

    class Killed(BaseException):
        pass

    def die_at_the_second(*args: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise Killed
        return old_delete(*args)

    calls: list[int] = []
    old_delete = import_modes.old_delete
    monkeypatch.setattr(import_modes, "DELETE_ROWS", 3)
    monkeypatch.setattr(import_run, "old_delete", die_at_the_second)
    path = client.table("name")
    fill(client, path, *({"name": f"old {n}"} for n in range(8)))
    upload(client, path, "name\na\nb\n", mode="replace")
    with pytest.raises(Killed):
        inbox.run_all()
    assert client.get(f"{path}/").json()["row_count"] == 7

    Job.objects.update(instance_id=None)
    jobs_reap()
    inbox.run_all()

    assert shown(client, path) == [{"name": "a"}, {"name": "b"}]
    assert Job.objects.get().progress["rows_deleted"] == 8


def test_upsert_writes_over_rows_with_the_same_key_and_adds_the_others(client: Any, inbox: Any) -> None:
    path = client.table("code", {"name": "n", "type": "number"}, "note")
    fill(
        client,
        path,
        {"code": "a", "n": 1, "note": "stays"},
        {"code": "b", "n": 2},
        {"code": "d", "n": 4},
        {"code": "d"},
    )
    content = "code,n\nb,20\na,1\nc,3\n,9\nb,21\nd,5\na,\n"

    job = imported(client, inbox, path, content, mode="upsert", key="code")

    assert shown(client, path) == [
        {"code": "a", "n": 1, "note": "stays"},
        {"code": "b", "n": 20},
        {"code": "d", "n": 4},
        {"code": "d"},
        {"code": "c", "n": 3},
    ]
    progress = job["progress"]
    assert {name: progress[name] for name in ("rows_inserted", "rows_updated", "rows_unchanged")} == {
        "rows_inserted": 1,
        "rows_updated": 1,
        "rows_unchanged": 1,
    }
    assert (progress["rows_done"], progress["rows_rejected"]) == (3, 4)
    assert [(line, reason) for line, reason, *_ in rejects(client, job)[1:]] == [
        ("5", "The row has no value in the key column."),
        ("6", "code: an earlier row of the file has the same key."),
        ("7", "2 rows of the table have this key."),
        ("8", "code: an earlier row of the file has the same key."),
    ]


@pytest.mark.parametrize(("blanks", "left"), [("keep", {"code": "a", "n": 1}), ("clear", {"code": "a"})])
def test_an_empty_value_keeps_or_clears_as_asked(client: Any, inbox: Any, blanks: str, left: Any) -> None:
    path = client.table("code", {"name": "n", "type": "number"})
    fill(client, path, {"code": "a", "n": 1})

    imported(client, inbox, path, "code,n\na,\n", mode="upsert", key="code", blanks=blanks)

    assert shown(client, path) == [left]


def test_what_an_upsert_may_not_write_is_refused_row_by_row(client: Any, inbox: Any) -> None:
    path = client.table("code", {"name": "mail", "unique": True}, {"name": "must", "required": True})
    fill(client, path, {"code": "a", "mail": "1", "must": "x"}, {"code": "b", "mail": "2", "must": "x"})
    content = "code,mail,must\na,2,y\nb,3,\nc,1,z\nd,4,\ne,5,z\n"

    job = imported(client, inbox, path, content, mode="upsert", key="code", blanks="clear")

    assert shown(client, path)[:2] == [
        {"code": "a", "mail": "1", "must": "x"},
        {"code": "b", "mail": "2", "must": "x"},
    ]
    assert shown(client, path)[2:] == [{"code": "e", "mail": "5", "must": "z"}]
    assert [line for line, *_ in rejects(client, job)[1:]] == ["2", "3", "4", "5"]


def test_keys_seen_before_a_worker_died_are_still_known(client: Any, inbox: Any, monkeypatch: Any) -> None:
    from tables.services.jobs import jobs_reap

    class Killed(BaseException):
        pass

    def die(run: Any) -> None:
        raise Killed

    path = client.table("code", "n")
    stopping_after(1, monkeypatch, die)
    upload(
        client, path, "code,n\n" + "".join(f"k{n % 12},{n}\n" for n in range(24)), mode="upsert", key="code"
    )
    with pytest.raises(Killed):
        inbox.run_all()
    Job.objects.update(instance_id=None)
    jobs_reap()
    inbox.run_all()

    assert shown(client, path) == [{"code": f"k{n}", "n": str(n)} for n in range(12)]
    assert Job.objects.get().progress["rows_rejected"] == 12


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"mode": "upsert"}, "key"),
        ({"mode": "upsert", "key": "nope"}, "key"),
        ({"mode": "upsert", "key": "other"}, "key"),
        ({"mode": "append", "key": "name"}, "key"),
        ({"mode": "merge"}, "mode"),
        ({"sheet": "One"}, "sheet"),
    ],
    ids=["none", "unknown", "unmapped", "append", "mode", "sheet"],
)
def test_what_does_not_fit_together_is_refused_by_field(client: Any, fields: Any, field: str) -> None:
    path = client.table("name", "other")

    answer = upload(client, path, "name\nx\n", **fields)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("mode", "lock"), [("append", "insert"), ("replace", "delete"), ("upsert", "update")]
)
def test_a_locked_table_takes_no_import_of_that_kind(client: Any, mode: str, lock: str) -> None:
    path = client.table("name")
    Table.objects.update(locks=[lock])

    answer = upload(client, path, "name\nx\n", mode=mode, **({"key": "name"} if mode == "upsert" else {}))

    assert (answer.status_code, answer.json()["code"]) == (409, "table_locked")


@pytest.mark.rule("T28", "T30")
def test_an_upsert_is_an_edit_with_all_that_follows(client: Any, inbox: Any) -> None:
    sheet = greeting_chain(rows=2, workspace=client.workspace)
    path = f"{V1}/tables/{sheet.table.pk}"
    client.post(f"{path}/dispatches/", {"mode": "all"}, format="json")
    inbox.run_all()
    before = RowExecution.objects.filter(status="completed").count()
    name = client.rows(path)[0]["data"]["name"]

    imported(
        client,
        inbox,
        path,
        f"name,a\n{name},typed\n",
        mapping={"name": "name", "a": "a"},
        mode="upsert",
        key="name",
    )

    row = client.rows(path)[0]
    assert (row["data"]["a"], row["edited"]) == ("typed", ["a"])
    assert RowExecution.objects.filter(status="completed").count() < before


@pytest.mark.rule("T29")
@pytest.mark.bug("a CSV import that runs the old rows")
def test_rows_that_others_insert_meanwhile_are_not_the_imports(
    client: Any, inbox: Any, monkeypatch: Any
) -> None:
    sheet = greeting_chain(rows=2, workspace=client.workspace)
    Row.objects.update(data={"name": "old", "a": "old"}, edited=["a"])
    others: list[Any] = []

    def insert(run: Any) -> None:
        others.append(sheet.fill([{"name": "other", "a": "other"}]))
        WorkflowGroup.objects.filter(name="B").update(auto_run=True)
        Table.objects.filter(pk=sheet.table.pk).update(schema_version=F("schema_version") + 1)

    stopping_after(1, monkeypatch, insert)
    path = f"{V1}/tables/{sheet.table.pk}"

    imported(client, inbox, path, "a\n" + "".join(f"a{n}\n" for n in range(25)), mapping={"a": "a"})

    told = dict(Row.objects.filter(data__a__startswith="a").values_list("data__a", "data__b"))
    assert told == {f"a{n}": f"A{n}" for n in range(25)}
    assert not RowExecution.objects.filter(row__data__a__in=["old", "other"]).exists()
    assert Dispatch.objects.count() == 1


def workbook(*rows: list[Any]) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.create_sheet("People")
    for row in rows:
        book["People"].append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def test_a_sheet_of_a_workbook_is_previewed_and_imported(client: Any, inbox: Any) -> None:
    path = client.table("name", {"name": "score", "type": "number"})
    content = workbook(
        ["Name", "Score", "Since"], ["Ada", 1.5, "2024-01-02"], ["Bo", "many", None], [], ["Cy", 3, None]
    )

    preview = upload(client, path, content, to="imports/preview/", sheet="People").json()
    job = imported(client, inbox, path, content, sheet="People")

    assert (preview["format"], preview["sheets"], preview["sheet"]) == ("xlsx", ["Sheet", "People"], "People")
    assert [(each["type"], each["filled"], each["misfits"]) for each in preview["columns"]] == [
        ("text", 3, 0),
        ("text", 3, 1),
        ("date", 1, 0),
    ]
    assert "“many” is not a number" in preview["columns"][1]["misfit"]
    assert shown(client, path) == [{"name": "Ada", "score": 1.5}, {"name": "Cy", "score": 3}]
    assert [line for line, *_ in rejects(client, job)[1:]] == ["3"]
    assert job["progress"]["bytes_done"] == len(content)


def test_preview_counts_misfits_under_the_mapping_that_is_asked_about(client: Any) -> None:
    path = client.table("name")
    mapping = {"n": {"name": "n", "type": "number"}}

    preview = upload(client, path, "name,n\nx,1\ny,one\n", to="imports/preview/", mapping=mapping).json()

    assert [each["misfits"] for each in preview["columns"]] == [0, 1]


@pytest.mark.rule("S14")
def test_a_workbook_that_is_a_bomb_is_refused_as_an_upload(client: Any) -> None:
    import zipfile

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"<x/>")
        archive.writestr("xl/worksheets/sheet1.xml", bytes(64 << 20))

    answer = upload(client, client.table("name"), file.getvalue())

    assert (answer.status_code, answer.json()["code"]) == (400, "upload_invalid")
    assert "would unpack from" in answer.json()["detail"]


def test_rejects_can_be_downloaded_while_the_import_runs(client: Any, inbox: Any, monkeypatch: Any) -> None:
    found: list[Any] = []

    def look(run: Any) -> None:
        job = client.get(f"{V1}/jobs/{run.job.pk}/").json()
        found.append((job["status"], [line for line, *_ in rejects(client, job)[1:]]))

    path = client.table({"name": "n", "type": "number"})
    stopping_after(1, monkeypatch, look)

    imported(client, inbox, path, "n\nx\n" + "1\n" * 20 + "y\n")

    assert found == [("running", ["2"])]


def test_the_command_takes_mode_mapping_and_strictness(client: Any, tmp_path: Any, capsys: Any) -> None:
    from django.core.management import CommandError, call_command

    def run(content: str, **options: Any) -> dict[str, Any]:
        (tmp_path / "people.csv").write_text(content)
        call_command(
            "import_csv",
            str(tmp_path / "people.csv"),
            workspace=client.workspace.slug,
            table="People",
            json=True,
            **options,
        )
        return dict(json.loads(capsys.readouterr().out))

    told = run("Name,Score\nAda,1\nBo,2\n")
    path = f"{V1}/tables/{told['table']}"
    told = run("Who,Score\nBo,3\nCy,4\nCy,5\n", mode="upsert", key="Name", map=["Who=Name"])
    assert (told["rows"], told["updated"], told["rejected"]) == (2, 1, 1)
    assert shown(client, path) == [
        {"name": "Ada", "score": 1},
        {"name": "Bo", "score": 3},
        {"name": "Cy", "score": 4},
    ]
    with pytest.raises(CommandError, match="1 rows were refused"):
        run("Name,Score\nDi,x\nEd,1\n", mode="replace", strict=True)
    assert shown(client, path) == [{"name": "Ed", "score": 1}]
