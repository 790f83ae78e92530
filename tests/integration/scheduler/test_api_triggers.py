"""The REST API of triggers as a whole: lists, previews, tenancy, rights, query counts, audit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver
from django.utils import timezone
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from scheduler.models import Invocation, Trigger
from tests.bed.factories import greeting_chain
from tests.bed.triggers import invocation_make, trigger_make, triggers_make
from tests.integration.scheduler.callers import V1, Caller, admin, caller_make, editor, stranger
from workflows.models import WorkflowRef
from workspaces.models import AuditEvent
from workspaces.states import Scope

__all__ = ["admin", "editor", "stranger"]

pytestmark = pytest.mark.django_db

NY = "America/New_York"


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.json()
    return [each["name"] for each in answer.json()["results"]]


def test_a_list_is_narrowed_by_table_workflow_switch_ref_and_words(editor: Caller) -> None:
    workflow = editor.workflow()
    WorkflowRef.objects.create(workflow=workflow, name="stable", version=workflow.versions.get())
    table = greeting_chain(rows=0, workspace=editor.workspace).table
    editor.make(name="Alpha", workflow=str(workflow.pk), description="for the sales team")
    editor.make(name="Beta", workflow=str(workflow.pk), ref="stable", enabled=False)
    editor.make(name="Gamma", table=str(table.pk))

    def listed(**query: Any) -> list[str]:
        return names(editor.get(f"{V1}/triggers/", query))

    assert listed() == ["Gamma", "Beta", "Alpha"]
    assert listed(workflow=workflow.pk) == ["Beta", "Alpha"]
    assert listed(table=table.pk) == ["Gamma"]
    assert listed(enabled="false") == ["Beta"]
    assert listed(enabled="true") == ["Gamma", "Alpha"]
    assert listed(ref="stable") == ["Beta"]
    assert listed(q="ALPH") == listed(q="sales") == ["Alpha"]
    assert editor.get(f"{V1}/triggers/", {"owner": "me"}).json()["errors"].keys() == {"owner"}


def test_a_list_is_paged_by_keyset_a_hundred_at_most(editor: Caller) -> None:
    triggers_make(editor.workspace, 5)

    first = editor.get(f"{V1}/triggers/", {"limit": 3}).json()
    second = editor.get(f"{V1}/triggers/", {"limit": 3, "after": first["next"]}).json()

    ids = [each["id"] for each in first["results"] + second["results"]]
    assert (len(ids), len(set(ids)), second["next"]) == (5, 5, None)
    assert editor.get(f"{V1}/triggers/", {"limit": 101}).status_code == 400


@pytest.mark.rule("list_query_count_constant")
def test_a_list_asks_the_same_few_questions_whatever_its_length_and_no_invocation(editor: Caller) -> None:
    triggers = triggers_make(editor.workspace, 60)
    for trigger in triggers[:20]:
        invocation_make(trigger, status="completed")

    def asked(path: str, **query: Any) -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            assert editor.get(f"{V1}/{path}", query).status_code == 200
        return [query["sql"] for query in queries]

    asked("triggers/", limit=1)  # the token's last use is noted once a minute
    few = asked("triggers/", limit=2)
    many = asked("triggers/", limit=60)
    assert len(few) == len(many) <= 6
    assert not any("scheduler_invocation" in statement for statement in many)
    assert len(asked("invocations/", limit=2)) == len(asked("invocations/", limit=20)) <= 6
    assert len(asked("triggers/upcoming/", limit=2)) == len(asked("triggers/upcoming/", limit=60)) <= 6


def test_a_trigger_that_should_have_fired_says_for_how_long(editor: Caller) -> None:
    late = trigger_make(editor.workspace, due=timezone.now() - timedelta(seconds=90), name="late")
    trigger_make(editor.workspace, name="on time")

    shown = {each["name"]: each for each in editor.get(f"{V1}/triggers/").json()["results"]}

    assert 90 <= shown["late"]["overdue_seconds"] < 150
    assert shown["on time"]["overdue_seconds"] == 0
    whole = editor.get(f"{V1}/triggers/{late.pk}/").json()
    assert whole["next_runs"][0] == whole["next_run_at"]
    assert len(whole["next_runs"]) == 5


def test_the_last_run_is_what_the_trigger_remembers(editor: Caller) -> None:
    at = datetime(2026, 11, 21, 9, tzinfo=UTC)
    trigger = trigger_make(
        editor.workspace, last_status="failed", last_run_at=at + timedelta(seconds=1), last_scheduled_for=at
    )

    shown = editor.get(f"{V1}/triggers/{trigger.pk}/").json()

    assert shown["last_run"] == {
        "at": "2026-11-21T09:00:01Z",
        "status": "failed",
        "scheduled_for": "2026-11-21T09:00:00Z",
    }


def test_next_runs_stand_in_the_triggers_own_zone(editor: Caller) -> None:
    made = editor.make(cron_timezone="Asia/Kathmandu")

    answer = editor.get(f"{V1}/triggers/{made['id']}/next-runs/", {"n": 7}).json()

    assert answer["timezone"] == "Asia/Kathmandu"
    assert [run["at"] for run in answer["results"]][:5] == made["next_runs"]
    assert len(answer["results"]) == 7
    assert all("T09:00:00+05:45" in run["local"] for run in answer["results"])
    assert len(editor.get(f"{V1}/triggers/{made['id']}/next-runs/").json()["results"]) == 5
    for wrong in ("0", "51", "many"):
        refused = editor.get(f"{V1}/triggers/{made['id']}/next-runs/", {"n": wrong})
        assert (refused.status_code, refused.json()["errors"].keys()) == (400, {"n"})

    editor.send("post", f"triggers/{made['id']}/disable/")
    assert editor.get(f"{V1}/triggers/{made['id']}/next-runs/").json()["results"] == []


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Previews reckon from this instant on."""
    from scheduler import selectors

    def stand_still(now: datetime) -> None:
        monkeypatch.setattr(selectors, "database_now", lambda: now)

    return stand_still


def test_a_preview_says_what_a_schedule_means_and_when(editor: Caller, at: Any) -> None:
    at(datetime(2026, 11, 21, 12, tzinfo=UTC))

    answer = editor.send("post", "triggers/preview/", {"cron": "@daily", "tz": "europe/berlin"})

    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["normalised"], shown["timezone"]) == ("0 0 * * *", "Europe/Berlin")
    assert "00:00" in shown["description"]
    assert len(shown["next"]) == 10
    assert shown["next"][0] == {
        "at": "2026-11-21T23:00:00Z",
        "local": "2026-11-22T00:00:00+01:00",
        "offset": "+01:00",
        "note": "",
    }
    named = {"cron_expression": "@daily", "cron_timezone": "Europe/Berlin"}
    assert editor.send("post", "triggers/preview/", named).json() == shown
    assert not Trigger.objects.exists()


def test_a_preview_tells_where_the_clocks_are_put_forward(editor: Caller, at: Any) -> None:
    at(datetime(2026, 3, 7, 0, tzinfo=UTC))

    daily = editor.send("post", "triggers/preview/", {"cron": "30 2 * * *", "tz": NY}).json()["next"]
    late = editor.send("post", "triggers/preview/", {"cron": "0 12 * * *", "tz": NY}).json()["next"]

    assert (daily[1]["at"], daily[1]["offset"]) == ("2026-03-08T07:00:00Z", "-04:00")
    assert "jump from 02:00 to 03:00" in daily[1]["note"]
    assert [run["note"] for run in daily[2:4]] == ["", ""]
    assert late[1]["note"] == "The clocks were put forward by 1 h since the run before."


def test_a_preview_tells_where_the_clocks_are_put_back(editor: Caller, at: Any) -> None:
    at(datetime(2026, 11, 1, 4, 50, tzinfo=UTC))

    daily = editor.send("post", "triggers/preview/", {"cron": "30 1 * * *", "tz": NY}).json()["next"]
    often = editor.send("post", "triggers/preview/", {"cron": "*/30 * * * *", "tz": NY}).json()["next"]

    assert daily[0]["at"] == "2026-11-01T05:30:00Z"
    assert "01:30 comes twice" in daily[0]["note"]
    assert "first time" in daily[0]["note"]
    assert [run["at"][11:16] for run in often[:5]] == ["05:00", "05:30", "06:00", "06:30", "07:00"]
    assert ["first" in run["note"] for run in often[:2]] == [True, True]
    assert ["second" in run["note"] for run in often[2:4]] == [True, True]


def test_a_preview_ends_with_the_schedule(editor: Caller) -> None:
    body = {"cron": "0 0 * * *", "end_at": (timezone.now() + timedelta(days=3)).isoformat()}

    assert len(editor.send("post", "triggers/preview/", body).json()["next"]) == 3
    over = {**body, "end_at": "2020-01-01T00:00:00Z"}
    assert editor.send("post", "triggers/preview/", over).json()["next"] == []


@pytest.mark.rule("six_field_rejected", "unknown_zone_400", "feb30_400")
@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"cron": "* * * * * *"}, "cron"),
        ({"cron_expression": "* * * * * *"}, "cron_expression"),
        ({"cron": "0 0 30 2 *"}, "cron"),
        ({"cron": ""}, "cron"),
        ({}, "cron"),
        ({"cron": "0 0 * * *", "tz": "Mars/Olympus"}, "tz"),
        ({"cron": "0 0 * * *", "cron_timezone": "Mars/Olympus"}, "cron_timezone"),
        ({"cron": "0 0 * * *", "cron_expression": "0 0 * * *"}, "cron"),
        ({"cron": "0 0 * * *", "every": 5}, "every"),
    ],
)
def test_a_preview_names_the_field_at_fault_as_it_was_called(
    editor: Caller, body: dict[str, Any], place: str
) -> None:
    answer = editor.send("post", "triggers/preview/", body)

    assert answer.status_code == 400
    assert answer.json()["errors"].keys() == {place}


def test_what_is_upcoming_is_merged_over_all_triggers(editor: Caller, stranger: Caller) -> None:
    soon = timezone.now().replace(microsecond=0) + timedelta(minutes=2)
    once = editor.make(name="once", run_at=soon.isoformat())
    often = editor.make(name="often", cron_expression="* * * * *")
    editor.make(name="off", cron_expression="* * * * *", enabled=False)
    stranger.make(name="theirs", cron_expression="* * * * *")

    found = editor.get(f"{V1}/triggers/upcoming/", {"limit": 6}).json()

    slots = [each["at"] for each in found["results"]]
    assert (len(slots), slots, found["next"]) == (6, sorted(slots), None)
    assert {each["trigger"] for each in found["results"]} == {once["id"], often["id"]}
    assert [each["name"] for each in found["results"]].count("once") == 1
    assert found["results"][0]["target"]["kind"] == "workflow"


@pytest.mark.rule("cross_workspace_404", "S9")
def test_a_foreign_id_is_a_404_on_every_path_and_method(editor: Caller, stranger: Caller) -> None:
    trigger = trigger_make(stranger.workspace, name="secret")
    ids = {"trigger": trigger.pk, "invocation": invocation_make(trigger).pk}

    for route, places in routes():
        path = route % {name: ids[name] for name in places}
        for method in ("get", "put", "patch", "post", "delete"):
            body = {"name": "x"} if method == "patch" else {"from": "2026-01-01", "to": "2026-01-01"}
            answer = editor.send(method, path, body if "backfill" in path or method == "patch" else {})
            assert answer.status_code in {404, 405, 400}, (method, path, answer.status_code)
            assert "secret" not in answer.content.decode()
            if answer.status_code == 400:
                assert "backfill" in path, (method, path, answer.json())
    assert Trigger.objects.get() == trigger
    assert Invocation.objects.count() == 1


@pytest.mark.rule("cross_workspace_404", "S9")
def test_lists_show_nothing_of_another_workspace(editor: Caller, stranger: Caller) -> None:
    trigger = trigger_make(stranger.workspace, name="secret")
    invocation_make(trigger)

    for path in ("triggers/", "triggers/upcoming/", "invocations/"):
        assert editor.get(f"{V1}/{path}").json()["results"] == []
    assert editor.get(f"{V1}/invocations/", {"trigger": str(trigger.pk)}).json()["results"] == []
    assert editor.get(f"{V1}/triggers/", {"workflow": str(trigger.workflow_id)}).json()["results"] == []


def routes() -> list[tuple[str, list[str]]]:
    """Every path of the scheduler's API that holds an id, as a ``%`` template."""
    found = get_resolver("scheduler.api.urls").reverse_dict
    return [
        (path, places)
        for key in found
        if isinstance(key, str)
        for path, places in found.getlist(key)[0][0]
        if places
    ]


@pytest.mark.parametrize(
    ("role", "scope", "read", "run", "write"),
    [
        ("viewer", Scope.READ, 200, 403, 403),
        ("editor", Scope.READ, 200, 403, 403),
        ("editor", Scope.RUN, 200, 202, 403),
        ("editor", Scope.WRITE, 200, 202, 200),
        ("admin", Scope.WRITE, 200, 202, 200),
    ],
)
def test_roles_and_scopes_bound_what_a_caller_may_do(
    admin: Caller, role: str, scope: Scope, read: int, run: int, write: int
) -> None:
    caller = caller_make(admin.workspace, role, scope)
    trigger = trigger_make(admin.workspace, run_as_user=caller.user)
    path = f"triggers/{trigger.pk}/"

    assert caller.send("get", path).status_code == read
    assert caller.send("post", f"{path}run/", {}).status_code == run
    assert caller.send("patch", path, {"name": "x"}).status_code == write


def test_every_changing_call_leaves_one_audit_entry(admin: Caller) -> None:
    made = admin.make()
    path = f"triggers/{made['id']}/"
    admin.send("patch", path, {"cron_expression": "0 8 * * *", "run_as_user": str(admin.user.pk)})
    admin.send("post", f"{path}disable/")
    admin.send("post", f"{path}enable/")
    run = admin.send("post", f"{path}run/", {}).json()
    admin.send("post", f"invocations/{run['id']}/cancel/")
    admin.send("post", f"invocations/{run['id']}/rerun/", {})
    admin.send("post", f"{path}duplicate/")
    admin.send("patch", path, {})
    admin.send("delete", path)

    recorded = AuditEvent.objects.exclude(target_type="apitoken").order_by("id")

    assert [event.action for event in recorded] == [
        "trigger.created",
        "trigger.updated",
        "trigger.disabled",
        "trigger.enabled",
        "trigger.run",
        "invocation.cancelled",
        "invocation.rerun",
        "trigger.created",
        "trigger.deleted",
    ]
    updated = recorded[1]
    assert updated.before is not None
    assert updated.after is not None
    assert (updated.before["cron_expression"], updated.after["cron_expression"]) == ("0 9 * * *", "0 8 * * *")
    assert recorded[0].after["name"] == "Nightly"


def test_a_deleted_trigger_is_gone_with_its_invocations(editor: Caller) -> None:
    made = editor.make()
    invocation = invocation_make(Trigger.objects.get(pk=made["id"]))

    assert editor.send("delete", f"triggers/{made['id']}/").status_code == 204
    assert editor.send("get", f"triggers/{made['id']}/").status_code == 404
    assert editor.send("delete", f"triggers/{made['id']}/").status_code == 404
    assert editor.send("get", f"invocations/{invocation.pk}/").status_code == 404


def test_a_repeated_creation_under_one_key_makes_one_trigger(editor: Caller) -> None:
    body = {"name": "Once", "workflow": str(editor.workflow().pk), "cron_expression": "0 9 * * *"}

    first = editor.send("post", "triggers/", body, Idempotency_Key="k")
    second = editor.send("post", "triggers/", body, Idempotency_Key="k")

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    assert Trigger.objects.count() == 1


def test_the_api_describes_itself_without_a_guess() -> None:
    from scheduler.api import urls

    GENERATOR_STATS.reset()
    document = SchemaGenerator(patterns=urls.urlpatterns).get_schema(public=True)

    validate_schema(document)
    assert not GENERATOR_STATS
    assert len(document["paths"]) == len(urls.urlpatterns)
    assert "from" in document["components"]["schemas"]["BackfillBodyRequest"]["properties"]
