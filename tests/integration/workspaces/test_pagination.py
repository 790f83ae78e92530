"""Keyset pages neither repeat nor skip, in any order of unique keys."""

from typing import Any

import pytest
from django.db.models import QuerySet

from tests.integration.workspaces.people import ACTOR
from workspaces.api.pagination import keyset_page
from workspaces.errors import Invalid
from workspaces.models import AuditEvent, Workspace
from workspaces.services.audit import audit_record


@pytest.fixture
def entries(workspace: Workspace) -> QuerySet[AuditEvent]:
    for number in range(11):
        audit_record(workspace_id=workspace.pk, actor=ACTOR, action=f"a.{number % 3}", target=workspace)
    return AuditEvent.objects.filter(workspace=workspace)


def walk(queryset: QuerySet[Any], order: list[str], limit: int) -> list[Any]:
    seen, after = [], None
    while True:
        page = keyset_page(queryset, order=order, limit=limit, after=after)
        seen += page.rows
        after = page.next
        if after is None:
            return seen


@pytest.mark.parametrize("limit", [1, 2, 4, 100])
@pytest.mark.parametrize("order", [["id"], ["-created_at", "-id"], ["action", "-id"], ["-action", "id"]])
def test_pages_put_together_are_the_whole_list_in_order(
    entries: QuerySet[AuditEvent], order: list[str], limit: int
) -> None:
    assert walk(entries, order, limit) == list(entries.order_by(*order))


def test_a_row_that_goes_meanwhile_makes_no_gap(workspace: Workspace, foreign: Workspace) -> None:
    rows = Workspace.objects.all()
    first = keyset_page(rows, order=["slug"], limit=1, after=None)
    Workspace.objects.filter(pk=first.rows[0].pk).delete()
    assert keyset_page(rows, order=["slug"], limit=5, after=first.next).rows == [foreign]


def test_a_cursor_of_another_order_is_refused(entries: QuerySet[AuditEvent]) -> None:
    cursor = keyset_page(entries, order=["id"], limit=1, after=None).next
    with pytest.raises(Invalid) as caught:
        keyset_page(entries, order=["-created_at", "-id"], limit=1, after=cursor)
    assert caught.value.errors is not None
    assert list(caught.value.errors) == ["after"]


@pytest.mark.parametrize(
    "cursor", ["", "é", "AAAA", "W10", "bnVsbA", "W1siaWQiXSxbIngiXV0", "W1siaWQiXSxbbnVsbF1d"]
)
def test_a_damaged_cursor_is_refused(entries: QuerySet[AuditEvent], cursor: str) -> None:
    with pytest.raises(Invalid):
        keyset_page(entries, order=["id"], limit=1, after=cursor)
