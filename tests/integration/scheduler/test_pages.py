"""The pages of triggers: what they cost, whom they let in, what they leave out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from scheduler.models import Trigger
from scheduler.states import DisabledReason, InvocationStatus, Source
from tests.bed.factories import workspace_make
from tests.bed.triggers import invocation_make, minute, person_make, trigger_make, triggers_make
from workspaces.models import User, Workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return workspace_make()


@pytest.fixture
def person(workspace: Workspace) -> User:
    return person_make(workspace)


def visitor_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as seen:
        assert client.get(path).status_code == 200
    return len(seen)


@pytest.mark.rule("list_query_count_constant")
def test_lists_cost_the_same_however_much_they_show(workspace: Workspace, person: User) -> None:
    visitor = visitor_of(person)
    trigger = trigger_make(workspace, run_as_user=person)
    invocation_make(trigger)
    paths = ("/triggers/", "/invocations/", f"/triggers/{trigger.pk}/invocations/", "/scheduler/")
    few = [queries(visitor, path) for path in paths]
    for each in triggers_make(workspace, 40):
        invocation_make(each, status=InvocationStatus.COMPLETED, requested_by=person, source=Source.MANUAL)
        invocation_make(trigger, status=InvocationStatus.FAILED, error_message="No.")
    assert [queries(visitor, path) for path in paths] == few
    with CaptureQueriesContext(connection) as seen:
        visitor.get("/triggers/")
    reading = [query["sql"] for query in seen if "scheduler_invocation" in query["sql"]]
    assert len(reading) == 1, "only the scheduler's health counts invocations, those in flight"


@pytest.mark.rule("cross_workspace_404", "S9")
def test_foreign_triggers_are_missing_pages(workspace: Workspace, person: User) -> None:
    foreign = trigger_make(workspace_make("Other"), name="Theirs")
    invocation_make(foreign)
    visitor = visitor_of(person)
    for path in (f"/triggers/{foreign.pk}/", f"/triggers/{foreign.pk}/invocations/", f"/triggers/{uuid4()}/"):
        assert visitor.get(path).status_code == 404
    for path in ("/triggers/", "/invocations/", "/scheduler/"):
        assert "Theirs" not in visitor.get(path).content.decode()


def test_viewers_are_offered_nothing_to_change(workspace: Workspace, person: User) -> None:
    invocation_make(trigger_make(workspace, run_as_user=person))
    visitor = visitor_of(person_make(workspace, "viewer"))
    assert visitor.get("/triggers/new/").status_code == 403
    page = visitor.get("/triggers/").content.decode()
    assert "data-may-change" not in page
    assert 'data-act="run"' not in page
    assert 'data-act="cancel"' not in visitor.get("/invocations/").content.decode()


def test_an_editor_runs_what_runs_as_themselves(workspace: Workspace, person: User) -> None:
    trigger_make(workspace, run_as_user=person, name="Mine")
    trigger_make(workspace, name="Of somebody else")
    mine, admins = (
        visitor_of(user).get("/triggers/").content.decode()
        for user in (person, person_make(workspace, "admin"))
    )
    assert mine.count('data-act="run"') == 1
    assert 'aria-label="Run now: Mine"' in mine
    assert admins.count('data-act="run"') == 2


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/triggers/?state=odd", 404),
        ("/triggers/?workflow=odd", 404),
        ("/triggers/?after=odd", 404),
        ("/triggers/?state=on&q=%25", 200),
        ("/invocations/?status=odd", 404),
        ("/invocations/?source=odd", 404),
        ("/invocations/?after=odd", 404),
        ("/invocations/?status=active&source=manual", 200),
    ],
)
def test_what_is_asked_for_oddly_is_a_missing_page(person: User, path: str, status: int) -> None:
    assert visitor_of(person).get(path).status_code == status


def test_lists_are_paged(workspace: Workspace, person: User) -> None:
    visitor = visitor_of(person)
    triggers_make(workspace, 60, run_as_user=person)
    first = visitor.get("/triggers/")
    assert len(first.context["items"]) == 50
    assert len(visitor.get(f"/triggers/?{first.context['next']}").context["items"]) == 10


@pytest.mark.parametrize("reason", [reason for reason in DisabledReason if reason])
def test_why_a_trigger_is_off_is_told(workspace: Workspace, person: User, reason: DisabledReason) -> None:
    trigger = trigger_make(workspace, run_as_user=person, enabled=False, disabled_reason=reason)
    Trigger.objects.filter(pk=trigger.pk).update(schedule_error="No such zone.")
    (item,) = visitor_of(person).get("/triggers/").context["items"]
    assert item.off is not None
    assert item.reason.endswith("No such zone.")


@pytest.mark.parametrize(
    ("last", "told"),
    [
        ("completed", "and has."),
        ("failed", "and has."),
        ("missed", "nothing fired at that time."),
        ("skipped", "an earlier one was still under way."),
        ("cancelled", "was cancelled."),
    ],
)
def test_what_was_to_run_once_tells_whether_it_did(
    workspace: Workspace, person: User, last: str, told: str
) -> None:
    trigger_make(workspace, run_at=minute(), enabled=False, disabled_reason="one_time_done", last_status=last)
    (item,) = visitor_of(person).get("/triggers/").context["items"]
    assert item.reason.startswith("It was to run once, ")
    assert item.reason.endswith(told)


def test_a_missed_slot_says_why(workspace: Workspace, person: User) -> None:
    trigger = trigger_make(workspace)
    details = {"count": 1, "exact": True}
    for reason in ("catchup_latest", "superseded_by_edit", "trigger_disabled", "invalid_schedule"):
        invocation_make(trigger, status="missed", reason=reason, details=details)
    items = visitor_of(person).get("/invocations/").context["items"]
    assert [item.why for item in reversed(items)] == [
        "Nothing fired at this time.",
        "Nothing fired at this time. The trigger was changed.",
        "Nothing fired at this time. The trigger was turned off.",
        "Nothing fired at this time. The trigger's schedule is not valid.",
    ]


def test_one_that_a_tick_failed_on_says_so(workspace: Workspace, person: User) -> None:
    later = timezone.now() + timedelta(hours=1)
    trigger_make(workspace, due=minute(ago=3), held_until=later, name="held")
    trigger_make(workspace, due=minute(ago=3), held_until=minute(ago=1), name="overdue")
    visitor = visitor_of(person)
    items = {item.trigger.name: item for item in visitor.get("/triggers/").context["items"]}
    assert f"{later:%H:%M:%S}" in items["held"].held
    assert (items["overdue"].held, items["overdue"].overdue) == ("", True)
    assert visitor.get("/triggers/").content.decode().count("Held back") == 1


@pytest.mark.parametrize("fields", [{"status": status} for status in InvocationStatus])
def test_every_status_has_a_word(workspace: Workspace, person: User, fields: dict[str, Any]) -> None:
    invocation_make(trigger_make(workspace, run_as_user=person), **fields)
    (item,) = visitor_of(person).get("/invocations/").context["items"]
    assert item.pill.word
    assert item.may_cancel is not item.may_rerun
