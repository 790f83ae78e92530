"""JSON of the wrong shape, wherever a body takes JSON: a refusal with words, never a fault of ours."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tables.models import View
from tests.bed.factories import chain, setting, sheet_make
from tests.integration.tables.clients import V1
from workspaces.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker")]

ODD: list[Any] = [None, 5, ["a"], {"a": {}}]

COLUMN = {"name": "c", "type": "select", "options": {"choices": ["a"], "colours": {"a": "red"}}}
FILTER = {
    "all": [{"column": "n", "op": "in", "value": [1]}, {"not": {"column": "n", "op": "gt", "value": 0}}]
}
SORT = [{"column": "n", "direction": "asc"}]


def places(body: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place within a JSON value, the whole of it left out."""
    inside = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for name, value in inside:
        yield (*at, name)
        yield from places(value, (*at, name))


def put(body: Any, at: tuple[Any, ...], value: Any) -> Any:
    """The body with this value at that place."""
    changed = copy.deepcopy(body)
    inner = changed
    for name in at[:-1]:
        inner = inner[name]
    inner[at[-1]] = value
    return changed


def bodies(sheet: Any, group: Any) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """A good body for every call on a table that takes JSON: ``{name: (method, path, body)}``."""
    table = f"{V1}/tables/{sheet.table.pk}"
    row, workflow = str(sheet.rows[0]), str(group.workflow_id)
    saved = View.objects.create(table=sheet.table, name="saved").pk
    rows = {"from": row, "to": row, "filter": FILTER, "sort": SORT}
    group_body = {
        "name": "g2",
        "workflow": workflow,
        "ref": "live",
        "inputs": {"a": {"column": "n"}, "b": {"expression": "row.n"}, "c": {"value": 1}},
        "outputs": [
            {"path": "result.value", "column": {"name": "o", "type": "text", "options": {"long": True}}}
        ],
        "depends_on": ["n"],
        "condition": "row.n > 0",
        "auto_run": False,
        "retry": {
            "max_attempts": 2,
            "kind": "fixed",
            "delay_seconds": 1,
            "jitter": 0.1,
            "retry_on": ["timeout"],
        },
        "limits": {"concurrency": 2, "rate": {"count": 1, "per_seconds": 60}},
    }
    view: dict[str, Any] = {
        "name": "v",
        "filter": {"all": [{"group": str(group.pk), "status": ["failed"]}, FILTER]},
        "sort": ["n", *SORT],
        "layout": {"widths": {"n": 100}, "hidden": ["n"], "pinned": ["n"], "row_height": "tall"},
    }
    return {
        "table": ("post", f"{V1}/tables/", {"name": "t", "columns": [COLUMN]}),
        "table-change": ("patch", f"{table}/", {"name": "t", "locks": ["insert"]}),
        "layout": ("put", f"{table}/layout/", {**view["layout"], "views": []}),
        "column": ("post", f"{table}/columns/", {**COLUMN, "required": False, "ordinal": 0}),
        "column-change": (
            "patch",
            f"{table}/columns/{sheet.columns['n'].pk}/",
            {"type": "select", "options": COLUMN["options"], "on_misfit": "empty", "unique": False},
        ),
        "choices-renamed": (
            "patch",
            f"{table}/columns/{sheet.columns['s'].pk}/",
            {"renamed_choices": {"a": "b"}, "options": COLUMN["options"]},
        ),
        "group": ("post", f"{table}/groups/", group_body),
        "group-change": ("patch", f"{table}/groups/{group.pk}/", group_body),
        "group-trial": (
            "post",
            f"{table}/groups/trial/",
            {"row": row, "workflow": workflow, "inputs": group_body["inputs"]},
        ),
        "view": ("post", f"{table}/views/", view),
        "view-change": ("patch", f"{table}/views/{saved}/", view),
        "move": ("post", f"{table}/rows/move/", {"rows": [row]}),
        "duplicate": ("post", f"{table}/rows/duplicate/", {"rows": [row]}),
        "rows": ("post", f"{table}/rows/", {"rows": [{"data": {"n": 1}}], "after": row}),
        "edit": ("patch", f"{table}/rows/", {"rows": [{"id": row, "data": {"n": 1}}]}),
        "upsert": (
            "post",
            f"{table}/rows/upsert/",
            {"rows": [{"data": {"n": 1}}], "key": "n", "mode": "update"},
        ),
        "find": ("post", f"{table}/rows/find/", {"q": "a", "columns": ["n"], "filter": FILTER, "sort": SORT}),
        "dry-run": (
            "post",
            f"{table}/dispatches/",
            {"groups": [str(group.pk)], "rows": rows, "dry_run": True},
        ),
        "stop": ("post", f"{table}/cancel/", {"rows": rows, "filter": FILTER, "groups": [str(group.pk)]}),
        "stop-cell": ("post", f"{table}/cancel/", {"cell": {"row": row, "group": str(group.pk)}}),
        "resume": ("post", f"{table}/resume/", {"groups": [str(group.pk)], "filter": FILTER, "note": "x"}),
        "update": ("patch", f"{table}/rows/", {"rows": rows, "filter": FILTER, "data": {"n": 1}}),
        "trigger": (
            "post",
            f"{V1}/triggers/",
            {
                "name": "t",
                "table": str(sheet.table.pk),
                "cron_expression": "0 5 * * *",
                "cron_timezone": "UTC",
                "target_options": {"groups": [str(group.pk)], "filter": FILTER, "mode": "new", "limit": 5},
                "payload": {"a": 1},
                "overlap_policy": "skip",
            },
        ),
        "preview": (
            "post",
            f"{V1}/triggers/preview/",
            {"cron_expression": "0 5 * * *", "cron_timezone": "UTC"},
        ),
        "workflow": (
            "post",
            f"{V1}/workflows/",
            {"name": "w", "definition": {"blocks": [{"key": "a", "type": "set", "config": {}}], "edges": []}},
        ),
        "run": ("post", f"{V1}/workflows/{workflow}/runs/", {"input": {"a": 1}, "ref": "live"}),
        "hook": ("post", f"{V1}/workflows/{workflow}/hooks/", {"name": "h", "ref": "live"}),
        "runs-resume": ("post", f"{V1}/runs/resume/", {"runs": [row]}),
        "secret": ("post", f"{V1}/secrets/", {"name": "K", "value": "v"}),
        "member": ("post", f"{V1}/workspaces/acme/members/", {"user": "oscar", "role": "viewer"}),
        "token": ("post", f"{V1}/workspaces/acme/tokens/", {"name": "t", "scope": "read"}),
        "workspace": ("patch", f"{V1}/workspaces/acme/", {"name": "Acme"}),
    }


CALLS = [
    *(
        "table",
        "table-change",
        "layout",
        "column",
        "group",
        "group-change",
        "group-trial",
        "view",
        "rows",
        "edit",
    ),
    *("upsert", "find", "dry-run", "stop", "stop-cell", "resume", "update", "trigger", "preview", "workflow"),
    *("column-change", "choices-renamed", "view-change", "move", "duplicate"),
    *("run", "hook", "runs-resume", "secret", "member", "token", "workspace"),
]


@pytest.mark.parametrize("call", CALLS)
def test_no_json_of_the_wrong_shape_is_a_fault_of_ours(client: Any, call: str) -> None:
    client.raise_request_exception = False
    sheet = sheet_make(client.workspace)
    sheet.column("n", "number")
    sheet.column("s", "select", options={"choices": ["a"]})
    group = sheet.group("g", chain(setting("greet", "x")), outputs={"o1": "result.value"})
    sheet.fill([{"n": 1}])
    User.objects.create_user("oscar")
    method, path, body = bodies(sheet, group)[call]
    odd_ones = [put(body, at, odd) for at in places(body) for odd in ODD]

    answers = [getattr(client, method)(path, each, format="json") for each in [body, *odd_ones]]

    assert answers[0].status_code < 300, answers[0].json()
    faults = [each for each, answer in zip(odd_ones, answers[1:], strict=True) if answer.status_code >= 500]
    assert faults == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"A": {"name": "x", "options": 5}}, "mapping[0].options"),
        ({"A": {"name": "x", "type": ["a"]}}, "mapping[0].type"),
        ({"A": {"name": "x", "type": {"a": 1}}}, "mapping[0].type"),
        ({"A": {"name": ["x"]}}, "mapping.A"),
        ({"A": ["x"]}, "mapping.A"),
    ],
    ids=["options", "type-list", "type-object", "name", "list"],
)
@pytest.mark.rule("T38")
def test_a_mapping_of_the_wrong_shape_is_refused_by_its_field(client: Any, body: Any, field: str) -> None:
    path = client.table("name")
    file = SimpleUploadedFile("a.csv", b"A\n1\n")
    fields = {"file": file, "mapping": json.dumps(body)}

    answer = client.post(f"{path}/imports/", fields, format="multipart")

    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field]), answer.json()
    file.seek(0)
    previewed = client.post(f"{path}/imports/preview/", fields, format="multipart")
    assert previewed.status_code < 500


@pytest.mark.parametrize("direction", [["asc"], {"a": 1}, None, 5], ids=["list", "object", "null", "number"])
@pytest.mark.rule("T40")
def test_a_direction_that_is_none_is_refused_by_its_place(client: Any, direction: Any) -> None:
    path = client.table("c")

    answer = client.get(f"{path}/rows/", {"sort": json.dumps([{"column": "c", "direction": direction}])})

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["sort[0].direction"])


@pytest.mark.parametrize("encoding", ["utf-16", "undefined", "punycode", "rot13", "nonsense"])
@pytest.mark.rule("T38")
def test_a_file_that_is_not_of_its_encoding_is_refused_with_words(client: Any, encoding: str) -> None:
    path = client.table("name")
    for to in ("imports/", "imports/preview/"):
        fields = {"file": SimpleUploadedFile("a.csv", b"name,other\nAda,1\n"), "encoding": encoding}

        answer = client.post(f"{path}/{to}", fields, format="multipart")

        assert answer.status_code == 400, (to, answer.status_code)
        assert "encoding" in json.dumps(answer.json()) or encoding in answer.json()["detail"]
