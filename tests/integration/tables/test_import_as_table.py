"""A file that becomes a table, both or neither; the jobs of all tables; the sample."""

from __future__ import annotations

from typing import Any

import pytest

from tables.models import Table
from tables.services.samples import NAME, sample_create
from tests.integration.tables.clients import ACTOR, V1
from tests.integration.tables.test_imports import imported, upload

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker")]


@pytest.mark.rule("T38")
def test_a_file_becomes_a_table_of_the_types_it_seems_to_have(client: Any, inbox: Any) -> None:
    job = imported(client, inbox, V1, "Name,Score\nAda,1\n", name="Leads")
    assert (job["status"], job["progress"]["rows_done"]) == ("completed", 1)
    path = f"{V1}/tables/{job['table']}"
    assert [(each["name"], each["type"]) for each in client.get(f"{path}/").json()["columns"]] == [
        ("Name", "text"), ("Score", "number"),
    ]  # fmt: skip
    assert client.rows(path)[0]["data"] == {"name": "Ada", "score": 1}


@pytest.mark.rule("T38")
def test_a_refused_file_leaves_no_table(client: Any, inbox: Any) -> None:
    for fields in (
        {"mapping": {"Name": {"name": "", "type": "text"}}},
        {"mapping": {"Name": None}},
        {"mapping": {"No": None}},
    ):
        answer = upload(client, V1, "Name\nAda\n", name="Leads", **fields)
        assert answer.status_code in {400, 422}, answer.json()
    client.table("name", name="Leads")
    assert upload(client, V1, "Name\nAda\n", name="Leads").status_code == 409
    assert Table.objects.count() == 1


def test_a_preview_needs_no_table_and_makes_none(client: Any, inbox: Any) -> None:
    found = upload(client, V1, "Name,Score\nAda,1\nBo,x\n", to="imports/preview/").json()
    assert found["mapping"]["Score"] == {"name": "Score", "type": "text"}
    mapping = {"Score": {"name": "Score", "type": "number"}}
    found = upload(client, V1, "Name,Score\nAda,1\nBo,x\n", to="imports/preview/", mapping=mapping).json()
    assert [each["misfits"] for each in found["columns"]] == [0, 1]
    assert not Table.objects.exists()


def test_the_jobs_of_all_tables_are_listed_and_those_under_way(client: Any, inbox: Any) -> None:
    done = imported(client, inbox, V1, "Name\nAda\n", name="One")
    waiting = upload(client, V1, "Name\nAda\n", name="Two").json()
    assert [job["id"] for job in client.get(f"{V1}/jobs/").json()["results"]] == [waiting["id"], done["id"]]
    assert [job["id"] for job in client.get(f"{V1}/jobs/", {"active": "true"}).json()["results"]] == [
        waiting["id"]
    ]


def test_the_sample_is_made_once_and_again_when_it_is_gone(client: Any) -> None:
    made = sample_create(workspace=client.workspace, actor=ACTOR)
    assert (made.name, made.row_count, made.groups.count()) == (NAME, 12, 2)
    assert sample_create(workspace=client.workspace, actor=ACTOR) == made
    assert client.delete(f"{V1}/tables/{made.pk}/").status_code == 204
    again = sample_create(workspace=client.workspace, actor=ACTOR)
    assert (again == made, again.row_count) == (False, 12)
