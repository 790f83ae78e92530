"""Tables as files: streamed, of one moment, in a view's filter and order, without live formulas (T39, S13)."""

from __future__ import annotations

import asyncio
import csv
import gc
import io
import json
from collections.abc import Iterator
from typing import Any

import openpyxl
import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.management import CommandError, call_command
from django.db import connection

from config.handler import ThreadedHandler
from tables.models import Row, Table
from tables.row_list import Listing
from tables.selectors import table_spec
from tables.services import exporting
from tables.services.export_formats import ExportFormat
from tables.services.exporting import AsyncExportStream, Export, ExportStream, export_stream
from tests.bed.factories import Sheet, greeting_chain, sheet_make
from tests.integration.tables.clients import V1
from tests.integration.tables.test_imports import imported

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.rule("T39")]


@pytest.fixture(autouse=True)
def left(signals: Any) -> Iterator[None]:
    """No test leaves a connection open, or keeps a place among the exports."""
    yield
    gc.collect()
    signals(nothing_is_open, "every export to be over")


def open_exports() -> int:
    """Connections of exports: those that stand in a read-only snapshot, the last statement being a cursor's."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'"
        )
        return int(cursor.fetchone()[0])


def nothing_is_open() -> bool:
    return open_exports() == 0 and exporting._slots._value == exporting.MOST_EXPORTS


def downloaded(client: Any, path: str, **query: Any) -> bytes:
    answer = client.get(f"{path}/export/", query)
    assert answer.status_code == 200, answer.json()
    return b"".join(answer.streaming_content)


def lines(client: Any, path: str, **query: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(downloaded(client, path, **query).decode(), newline="")))


def export_of(sheet: Sheet, format_: ExportFormat = ExportFormat.CSV) -> Export:
    from tables.engine.filters import EVERYTHING
    from tables.engine.sorting import Sort

    sheet.table.refresh_from_db()
    listing = Listing(table_spec(sheet.table.pk), EVERYTHING, Sort())
    return Export(listing, sheet.table.name, sheet.table.row_count, format_)


def filled(client: Any, *rows: dict[str, Any]) -> str:
    path = client.table("Name", {"name": "Score", "type": "number"}, {"name": "Note"})
    answer = client.post(f"{path}/rows/", {"rows": [{"data": row} for row in rows]}, format="json")
    assert answer.status_code == 201, answer.json()
    return str(path)


Communicator: Any = ApplicationCommunicator
PEOPLE = (
    {"Name": "Ada", "Score": 3},
    {"Name": "Bo", "Score": -1},
    {"Name": "Cy", "Score": 2, "Note": "=1+1"},
)


def test_a_table_is_downloaded_in_its_order(client: Any) -> None:
    path = filled(client, *PEOPLE)
    answer = client.get(f"{path}/export/", headers={"accept": "text/csv"})

    assert answer["content-type"] == "text/csv; charset=utf-8"
    assert answer["content-disposition"] == 'attachment; filename="Leads.csv"'
    assert answer["x-content-type-options"] == "nosniff"
    assert answer["cache-control"] == "private, no-store"
    assert b"".join(answer.streaming_content) == b"Name,Score,Note\r\nAda,3,\r\nBo,-1,\r\nCy,2,'=1+1\r\n"


def test_filter_sort_text_and_fields_are_those_of_lists(client: Any) -> None:
    path = filled(client, *PEOPLE)
    above = json.dumps({"column": "Score", "op": "gt", "value": 0})

    assert lines(client, path, sort="-Score", filter=above, fields="Name") == [["Name"], ["Ada"], ["Cy"]]
    assert lines(client, path, q="bo") == [["Name", "Score", "Note"], ["Bo", "-1", ""]]


def test_a_views_filter_order_and_hidden_columns_are_its_exports(client: Any) -> None:
    path = filled(client, *PEOPLE)
    view = {
        "name": "Best: “first”",
        "filter": {"column": "Score", "op": "gt", "value": 0},
        "sort": [{"column": "Score", "direction": "asc"}],
        "layout": {"hidden": ["Note"]},
    }
    made = client.post(f"{path}/views/", view, format="json").json()

    assert lines(client, path, view=made["id"]) == [["Name", "Score"], ["Cy", "2"], ["Ada", "3"]]
    assert lines(client, path, view=made["id"], fields="Note", sort="-Score") == [["Note"], [""], ["'=1+1"]]
    disposition = client.get(f"{path}/export/", {"view": made["id"]})["content-disposition"]
    assert disposition == "attachment; filename*=utf-8''Leads%20-%20Best_%20%E2%80%9Cfirst%E2%80%9D.csv"


@pytest.mark.parametrize("name", ['a"b\\c', "../../etc/passwd", "x;y=z", "Ünï\u202e"])
def test_no_name_of_a_table_breaks_out_of_its_header(client: Any, name: str) -> None:
    path = client.table("A", name="t")
    Table.objects.filter(pk=path.rpartition("/")[2]).update(name=name)

    disposition = client.head(f"{path}/export/")["content-disposition"]

    assert disposition.startswith("attachment; filename")
    assert not set(disposition) & set("\r\n\\/\u202e")
    assert disposition.count('"') in {0, 2}


@pytest.mark.rule("S13")
def test_formulas_are_neutralised_unless_they_are_to_be_kept(client: Any, inbox: Any, worker: Any) -> None:
    notes = ['=HYPERLINK("http://evil")', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "plain"]
    path = filled(client, *({"Name": "n", "Score": -2, "Note": note} for note in notes))

    safe = [line[2] for line in lines(client, path)[1:]]
    assert safe == [*(f"'{note}" for note in notes[:6]), "'=1", "plain"]
    assert [line[1] for line in lines(client, path)[1:]] == ["-2"] * 8
    assert [line[2] for line in lines(client, path, formulas="keep")[1:]] == notes
    sheet = openpyxl.load_workbook(io.BytesIO(downloaded(client, path, format="xlsx"))).active
    assert [row[2].value for row in sheet.iter_rows(min_row=2)][:4] == safe[:4]
    assert {cell.data_type for row in sheet.iter_rows(min_row=2) for cell in row} == {"s", "n"}

    copies = {}
    for formulas in ("keep", "neutralise"):
        copies[formulas] = client.table(
            "Name", {"name": "Score", "type": "number"}, "Note", name=f"copy {formulas}"
        )
        imported(client, inbox, copies[formulas], downloaded(client, path, formulas=formulas))
    assert [row["data"]["note"] for row in client.rows(copies["keep"])] == notes
    assert [
        row["data"]["note"] for row in client.rows(copies["neutralise"])
    ] == safe  # said, not guessed away
    assert {row["data"]["score"] for row in client.rows(copies["neutralise"])} == {-2}


@pytest.mark.parametrize("format_", ["csv", "xlsx"])
def test_an_export_is_imported_as_the_same_values(client: Any, inbox: Any, worker: Any, format_: str) -> None:
    columns = [
        "Name",
        {"name": "N", "type": "number", "options": {"decimals": 1}},
        {"name": "Day", "type": "date", "options": {"date_format": "DD/MM/YYYY"}},
        {"name": "At", "type": "datetime"},
        {"name": "Done", "type": "boolean"},
        {"name": "Tags", "type": "multi_select", "options": {"choices": ["a", "b"]}},
        {"name": "Any", "type": "json"},
    ]
    row = {
        "Name": "Zoë\n“x”",
        "N": 1.23456,
        "Day": "2024-02-01",
        "At": "2024-02-01T08:30:00.125Z",
        "Done": False,
        "Tags": ["b", "a"],
        "Any": {"a": [1, None]},
    }
    path, copy = client.table(*columns), client.table(*columns, name="copy")
    client.post(f"{path}/rows/", {"rows": [{"data": row}, {"data": {"Name": "empty"}}]}, format="json")

    job = imported(client, inbox, copy, downloaded(client, path, format=format_, bom="1"))

    assert job["progress"]["rows_done"] == 2, job
    assert [each["data"] for each in client.rows(copy)] == [each["data"] for each in client.rows(path)]


def test_json_lines_have_ids_and_typed_values(client: Any) -> None:
    path = filled(client, *PEOPLE)

    found = [json.loads(line) for line in downloaded(client, path, format="jsonl").splitlines()]

    assert found == [{"id": row["id"], "data": row["data"]} for row in client.rows(path)]
    assert found[2]["data"]["note"] == "=1+1"


def test_status_columns_tell_what_came_of_the_cells(client: Any) -> None:
    from tables.models import RowExecution

    sheet = greeting_chain(2, workspace=client.workspace)
    RowExecution.objects.create(
        table=sheet.table,
        row_id=sheet.rows[0],
        group=sheet.groups["A"],
        status="failed",
        error={"code": "boom", "message": "It broke."},
    )

    found = lines(client, f"{V1}/tables/{sheet.table.pk}", status_columns="1")

    assert found[0][4:] == ["A: status", "A: error", "B: status", "B: error", "C: status", "C: error"]
    assert [line[4:6] for line in found[1:]] == [["failed", "boom: It broke."], ["", ""]]


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ({"format": "pdf"}, "invalid", "format"),
        ({"filter": "{"}, "invalid", "filter"),
        ({"filter": '{"column": "nope"}'}, "filter_invalid", "filter.column"),
        ({"sort": "nope"}, "sort_invalid", "sort[0]"),
        ({"fields": "nope"}, "invalid", "fields"),
        ({"formulas": "maybe"}, "invalid", "formulas"),
        ({"stat": "1"}, "invalid", "stat"),
    ],
)
def test_what_cannot_be_exported_is_refused_before_anything_is_sent(
    client: Any, query: dict[str, str], code: str, field: str
) -> None:
    answer = client.get(f"{filled(client, *PEOPLE)}/export/", query)

    assert (answer.status_code, answer["content-type"]) == (400, "application/problem+json")
    assert field in answer.json()["errors"], answer.json()


def test_more_rows_than_a_sheet_holds_are_refused_at_once(client: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(exporting, "MAX_ROWS", 3)
    path = filled(client, *PEOPLE)

    answer = client.get(f"{path}/export/", {"format": "xlsx"})
    assert (answer.status_code, answer.json()["code"]) == (400, "export_too_large")
    few = json.dumps({"column": "Score", "op": "gt", "value": 0})
    assert downloaded(client, path, format="xlsx", filter=few)


def test_a_foreign_table_is_not_there(client: Any, stranger: Any) -> None:
    assert stranger.get(f"{filled(client, *PEOPLE)}/export/").status_code == 404


def test_a_file_is_one_moment_of_the_table() -> None:
    sheet = sheet_make()
    sheet.column("name")
    sheet.fill([{"name": f"n{n}"} for n in range(450)])
    stream = export_stream(export_of(sheet), ExportStream)
    parts = [next(stream), next(stream)]

    Row.objects.filter(table=sheet.table).update(data={"name": "changed"})
    sheet.fill([{"name": "new"}])

    names = b"".join([*parts, *stream]).decode().split()[1:]
    assert names == [f"n{n}" for n in range(450)]


def test_only_so_many_exports_are_written_at_once(client: Any) -> None:
    path = filled(client, *PEOPLE)
    answers = [client.get(f"{path}/export/") for _ in range(exporting.MOST_EXPORTS)]

    refused = client.get(f"{path}/export/")
    assert (refused.status_code, refused.json()["code"]) == (503, "export_busy")
    for answer in answers:
        answer.close()
    assert client.get(f"{path}/export/").status_code == 200


def test_a_stream_left_half_way_gives_its_connection_back(signals: Any) -> None:
    sheet = sheet_make()
    sheet.column("name")
    sheet.fill([{"name": "x" * 100}] * 450)

    stream = export_stream(export_of(sheet), ExportStream)
    next(stream), next(stream)
    assert open_exports() == 1
    stream.close()
    stream.close()
    signals(nothing_is_open, "the closed stream's connection to go")

    async def left_half_way() -> None:
        taken = export_stream(export, AsyncExportStream)
        await anext(taken)
        await anext(taken)

    export = export_of(sheet)
    asyncio.run(left_half_way())


def asgi_scope(client: Any, path: str, query: str) -> dict[str, Any]:
    token = client._credentials["HTTP_AUTHORIZATION"]
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": f"{path}/export/",
        "query_string": query.encode(),
        "headers": [(b"host", b"localhost"), (b"authorization", token.encode())],
        "server": ("localhost", 80),
        "client": ("127.0.0.1", 1),
    }


def test_an_event_loop_serves_it_piece_by_piece(client: Any) -> None:
    path = filled(client, *PEOPLE)
    Row.objects.bulk_create(
        Row(table_id=path.rpartition("/")[2], data={"name": f"n{n}"}, position=f"z{n:04}") for n in range(500)
    )

    async def get() -> list[bytes]:
        server: Any = Communicator(ThreadedHandler(), asgi_scope(client, path, "format=csv"))
        await server.send_input({"type": "http.request", "body": b"", "more_body": False})
        assert (await server.receive_output(20))["status"] == 200
        parts = []
        while (part := await server.receive_output(20)).get("more_body"):
            parts.append(part["body"])
        await server.wait(20)
        return parts

    parts = asyncio.run(get())

    assert len(parts) == 4  # the header, and as many pieces as 503 rows take
    assert b"".join(parts).count(b"\r\n") == 504


def test_a_client_that_goes_away_leaves_no_connection(client: Any) -> None:
    path = filled(client, *PEOPLE)

    async def get() -> None:
        server: Any = Communicator(ThreadedHandler(), asgi_scope(client, path, "format=jsonl"))
        await server.send_input({"type": "http.request", "body": b"", "more_body": False})
        await server.receive_output(20)
        await server.send_input({"type": "http.disconnect"})
        await server.wait(20)

    asyncio.run(get())


def test_the_command_writes_the_file(client: Any, tmp_path: Any, capsys: Any) -> None:
    path = filled(client, *PEOPLE)
    file = tmp_path / "people.csv"

    call_command(
        "export_table",
        "Leads",
        output=file,
        filter='{"column": "Score", "op": "gt", "value": 0}',
        sort="-Score",
        json=True,
    )

    assert file.read_bytes() == b"Name,Score,Note\r\nAda,3,\r\nCy,2,'=1+1\r\n"
    told = json.loads(capsys.readouterr().out)
    assert told == {
        "table": path.rpartition("/")[2],
        "file": str(file),
        "format": "csv",
        "bytes": len(file.read_bytes()),
    }
    with pytest.raises(CommandError, match="There is no view"):
        call_command("export_table", "Leads", output=tmp_path / "x.csv", view="nope")
    assert not (tmp_path / "x.csv").exists()
