"""The pages of tables: what they say, whom they let in, what they cost."""

import json
import re

import pytest
from django.test import Client
from django.utils import timezone

from tables.pages.tables import state_of
from tables.services.views import view_create
from tables.states import CellStatus, DispatchStatus
from tests.bed.factories import Sheet, greeting_chain, sheet_make, workspace_make
from workspaces.actors import Actor
from workspaces.live.log import seq_split
from workspaces.models import Membership, User
from workspaces.states import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def sheet() -> Sheet:
    return greeting_chain(3)


@pytest.fixture
def client(sheet: Sheet) -> Client:
    user = User.objects.create_user(username="mk", password="a password of words")
    Membership.objects.create(user=user, workspace=sheet.workspace, role=Role.VIEWER)
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize(
    ("last", "counts", "word"),
    [
        (None, {}, "Idle"),
        (DispatchStatus.DISPATCHING, {CellStatus.FAILED: 3}, "Running"),
        (DispatchStatus.COMPLETE, {CellStatus.FAILED: 1_200}, "1,200 failed"),
        (DispatchStatus.COMPLETE, {CellStatus.RUNNING: 1}, "Running"),
        (DispatchStatus.COMPLETE, {}, "Done"),
        (DispatchStatus.CANCELLED, {}, "Stopped"),
    ],
)
def test_a_table_is_summed_up_in_one_word(last: str | None, counts: dict[str, int], word: str) -> None:
    assert state_of(last, counts).word == word


def test_the_list_names_groups_in_the_order_of_their_columns(client: Client, sheet: Sheet) -> None:
    page = client.get("/").content.decode()
    assert sheet.table.name in page
    chips = [page.index(f'class="chip">{name}<') for name in ("A", "B", "C")]
    assert chips == sorted(chips)


def test_the_list_costs_the_same_however_many_tables(
    client: Client, sheet: Sheet, django_assert_max_num_queries: object
) -> None:
    for number in range(5):
        sheet_make(sheet.workspace, f"More {number}")
    with django_assert_max_num_queries(8):  # type: ignore[operator]  # session, user, place and places, four of the list
        client.get("/")


def test_a_tables_page_comes_with_what_its_grid_asks_for_first(client: Client, sheet: Sheet) -> None:
    view_create(table=sheet.table, actor=Actor(None, "a test"), name="<By name>")
    page = client.get(f"/tables/{sheet.table.id}/").content.decode()
    found = re.search(r'<script id="given" type="application/json">(.*?)</script>', page)
    assert found is not None
    here = f"/api/v1/tables/{sheet.table.id}/"
    given = json.loads(found[1])
    assert seq_split(given.pop("seq"))
    assert given == {
        "table": client.get(here).json(),
        "views": client.get(f"{here}views/", {"limit": 200}).json()["results"],
    }


def test_strangers_are_sent_to_sign_in(sheet: Sheet) -> None:
    answer = Client().get(f"/tables/{sheet.table.id}/")
    assert (answer.status_code, answer["Location"]) == (302, f"/login/?next=/tables/{sheet.table.id}/")


def test_a_foreign_or_archived_table_is_not_there(client: Client, sheet: Sheet) -> None:
    assert client.get(f"/tables/{sheet_make().table.id}/").status_code == 404
    sheet.table.archived_at = timezone.now()
    sheet.table.save()
    assert client.get(f"/tables/{sheet.table.id}/").status_code == 404


def test_a_table_of_another_of_ones_workspaces_is_shown_there(client: Client, sheet: Sheet) -> None:
    other = sheet_make(workspace_make("Other"))
    Membership.objects.create(user=User.objects.get(), workspace=other.workspace, role=Role.VIEWER)
    for each in (sheet, other):
        answer = client.get(f"/tables/{each.table.id}/", follow=True)
        assert f'data-workspace="{each.workspace.id}"' in answer.content.decode()


def test_pages_run_nothing_inline(client: Client, sheet: Sheet) -> None:
    for path in ("/", f"/tables/{sheet.table.id}/"):
        answer = client.get(path)
        assert "script-src 'self'" in answer["Content-Security-Policy"]
        assert " style=" not in answer.content.decode()
        assert " onclick=" not in answer.content.decode()
