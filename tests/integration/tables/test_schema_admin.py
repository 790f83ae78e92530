"""The back office of tables: shown, never edited, never counting a million rows (trust.md, security 20)."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.bed.factories import greeting_chain

pytestmark = [pytest.mark.django_db, pytest.mark.rule("S20")]

PAGES = ["table", "column", "workflowgroup", "row", "rowexecution", "dispatch", "job", "view"]


@pytest.fixture
def office() -> Client:
    from workspaces.models import User

    client = Client()
    client.force_login(User.objects.create_superuser("root", "root@example.org", "pw"))
    return client


def filled() -> dict[str, Any]:
    from tables.models import Dispatch, Job, RowExecution, View

    sheet = greeting_chain(rows=30)
    for row in sheet.rows:
        RowExecution.objects.create(
            row_id=row, group=sheet.groups["A"], table=sheet.table, status="completed"
        )
    for number in range(15):
        Dispatch.objects.create(
            table=sheet.table, mode="all", groups=[], requested_sequence=number, upper_seq=1
        )
    return {
        "table": sheet.table.pk,
        "column": sheet.columns["a"].pk,
        "workflowgroup": sheet.groups["A"].pk,
        "row": sheet.rows[0],
        "rowexecution": RowExecution.objects.all()[0].pk,
        "dispatch": Dispatch.objects.all()[0].pk,
        "job": Job.objects.create(table=sheet.table, kind="import").pk,
        "view": View.objects.create(table=sheet.table, name="v").pk,
    }


@pytest.mark.parametrize("model", PAGES)
def test_lists_and_details_are_shown_in_few_queries_and_nothing_is_changed(
    office: Client, model: str, django_assert_max_num_queries: Any
) -> None:
    ids = filled()

    with django_assert_max_num_queries(12):
        assert office.get(f"/admin/tables/{model}/").status_code == 200
    with django_assert_max_num_queries(20):
        assert office.get(f"/admin/tables/{model}/{ids[model]}/change/").status_code == 200
    assert office.get(f"/admin/tables/{model}/add/").status_code == 403
    assert office.post(f"/admin/tables/{model}/{ids[model]}/change/", {"status": "x"}).status_code == 403


def test_a_search_by_id_finds_the_row(office: Client) -> None:
    ids = filled()

    assert str(ids["row"]).encode() in office.get("/admin/tables/row/", {"q": str(ids["row"])}).content
    assert office.get("/admin/tables/row/", {"q": "no id"}).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_actions_stop_and_cancel(office: Client, inbox: Any) -> None:
    from tables.models import Dispatch, Job

    ids = filled()
    job, table = str(ids["job"]), str(ids["table"])
    office.post("/admin/tables/job/", {"action": "cancel", "_selected_action": [job]})
    office.post("/admin/tables/dispatch/", {"action": "cancel", "_selected_action": [str(ids["dispatch"])]})
    office.post("/admin/tables/table/", {"action": "run", "_selected_action": [table]})

    assert Job.objects.get().status == "cancelled"
    assert Dispatch.objects.get(pk=ids["dispatch"]).status == "cancelled"
    office.post("/admin/tables/table/", {"action": "stop", "_selected_action": [table]})
    assert not Dispatch.objects.exclude(status="cancelled").exists()
