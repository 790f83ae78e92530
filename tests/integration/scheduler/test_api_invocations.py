"""The REST API of invocations: run now, rerun, cancel, backfill, and the lists (`scheduler.md` sections 6 and 8)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from scheduler.models import Invocation, Trigger
from scheduler.states import Source
from tests.bed.factories import sheet_make
from tests.bed.triggers import invocation_make, minute, trigger_make
from tests.integration.scheduler.callers import V1, Caller, admin, editor
from workflows.models import WorkflowRef

__all__ = ["admin", "editor"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def trigger(editor: Caller) -> Trigger:
    return trigger_make(editor.workspace, run_as_user=editor.user)


def run(caller: Caller, trigger: Trigger, body: dict[str, Any] | None = None, **headers: str) -> Any:
    return caller.send("post", f"triggers/{trigger.pk}/run/", body or {}, **headers)


@pytest.mark.rule("double_click_one")
def test_a_double_click_is_one_invocation(editor: Caller, trigger: Trigger) -> None:
    first, second = run(editor, trigger), run(editor, trigger)

    assert (first.status_code, first.json()["deduplicated"]) == (202, False)
    assert (second.status_code, second.json()["deduplicated"]) == (200, True)
    assert first.json()["id"] == second.json()["id"]
    assert "Idempotent-Replay" not in second.headers
    assert run(editor, trigger, {"force": True}).status_code == 202
    assert Invocation.objects.count() == 2


@pytest.mark.rule("idempotency_replay", "idempotency_mismatch_422")
def test_a_key_stands_for_its_first_request(editor: Caller, trigger: Trigger) -> None:
    first = run(editor, trigger, Idempotency_Key="intent-1")
    second = run(editor, trigger, Idempotency_Key="intent-1")
    other = run(editor, trigger, {"force": True}, Idempotency_Key="intent-1")

    assert (first.status_code, second.status_code) == (202, 200)
    assert second.headers["Idempotent-Replay"] == "true"
    assert first.json()["id"] == second.json()["id"]
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")


@pytest.mark.parametrize("key", ["", "k" * 129, "schlüssel"])
def test_a_key_is_short_printable_ascii(editor: Caller, trigger: Trigger, key: str) -> None:
    assert run(editor, trigger, Idempotency_Key=key).status_code == 400
    assert not Invocation.objects.exists()


def test_running_now_shows_what_was_started_and_leaves_the_schedule(editor: Caller, trigger: Trigger) -> None:
    shown = run(editor, trigger).json()

    assert (shown["source"], shown["trigger"], shown["trigger_name"]) == (
        "manual",
        str(trigger.pk),
        trigger.name,
    )
    assert (shown["requested_by"], shown["run_as_user"]) == (editor.user.label, str(editor.user.pk))
    assert (shown["attempt"], shown["max_attempts"], shown["children"]) == (0, 2, [])
    before = trigger.next_run_at
    trigger.refresh_from_db()
    assert (trigger.next_run_at, trigger.last_scheduled_for) == (before, None)


def test_an_earlier_one_under_way_is_told_as_a_conflict(editor: Caller, trigger: Trigger) -> None:
    invocation_make(trigger, status="running")

    refused = run(editor, trigger)

    assert (refused.status_code, refused.json()["code"]) == (409, "overlap")
    assert run(editor, trigger, {"force": True}).status_code == 202


@pytest.mark.rule("run_now_unresolvable_ref_400")
def test_a_ref_that_is_gone_is_named_before_anything_starts(editor: Caller, trigger: Trigger) -> None:
    WorkflowRef.objects.filter(workflow=trigger.workflow).update(name="other")

    answer = run(editor, trigger)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_ref")
    assert "'live'" in answer.json()["detail"]
    assert not Invocation.objects.exists()


@pytest.mark.rule("rerun_pending_409")
def test_only_what_is_over_is_run_again(editor: Caller, trigger: Trigger) -> None:
    slot = minute(30)
    source = invocation_make(trigger, scheduled_for=slot)
    path = f"invocations/{source.pk}/rerun/"

    refused = editor.send("post", path, {})
    assert (refused.status_code, refused.json()["code"]) == (409, "invocation_unfinished")

    Invocation.objects.filter(pk=source.pk).update(status="failed")
    again = editor.send("post", path, {"use_original_payload": True})
    assert again.status_code == 202
    assert (again.json()["source"], again.json()["rerun_of"]) == ("rerun", str(source.pk))
    assert again.json()["scheduled_for"] == slot.isoformat().replace("+00:00", "Z")
    assert editor.send("post", path, {}).json()["deduplicated"] is True


@pytest.mark.rule("cancel_pending")
def test_a_cancel_is_answered_again_and_refused_for_what_ended_otherwise(
    editor: Caller, trigger: Trigger
) -> None:
    waiting, done = invocation_make(trigger), invocation_make(trigger, status="completed")

    for _ in range(2):
        answer = editor.send("post", f"invocations/{waiting.pk}/cancel/")
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    refused = editor.send("post", f"invocations/{done.pk}/cancel/")
    assert (refused.status_code, refused.json()["code"]) == (409, "invocation_finished")


def test_a_backfill_counts_first_and_runs_each_slot_once(editor: Caller) -> None:
    trigger = trigger_make(editor.workspace, run_as_user=editor.user, cron_expression="0 * * * *")
    now = timezone.now()
    body = {"from": (now - timedelta(hours=5)).isoformat(), "to": now.isoformat()}
    path = f"triggers/{trigger.pk}/backfill/"

    dry = editor.send("post", path, {**body, "dry_run": True})
    assert (dry.status_code, dry.json()["count"], dry.json()["invocations"]) == (200, 5, [])
    assert not Invocation.objects.exists()

    slot = datetime.fromisoformat(dry.json()["slots"][0])
    on_schedule = invocation_make(trigger, status="completed", scheduled_for=slot)
    told = [
        editor.send("post", path, {**body, "dry_run": True, "only_missed": only}).json()
        for only in (False, True)
    ]
    assert [(each["count"], each["on_schedule"]) for each in told] == [(5, 1), (4, 1)]
    on_schedule.delete()

    done = editor.send("post", path, body)
    assert (done.status_code, done.json()["count"], len(done.json()["invocations"])) == (202, 5, 5)
    again = editor.send("post", path, body)
    assert (again.json()["count"], again.json()["existing"]) == (0, 5)
    assert set(Invocation.objects.values_list("source", flat=True)) == {Source.BACKFILL}


@pytest.mark.parametrize(
    ("body", "status", "place"),
    [
        ({}, 400, "from"),
        ({"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, 400, "to"),
        ({"from": "2026-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}, 400, "to"),
        ({"from": "yesterday", "to": "2026-01-01T00:00:00Z"}, 400, "from"),
        (
            {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T01:00:00Z", "overlap": "maybe"},
            400,
            "overlap",
        ),
    ],
)
def test_a_faulty_backfill_names_its_field(
    editor: Caller, trigger: Trigger, body: dict[str, Any], status: int, place: str
) -> None:
    answer = editor.send("post", f"triggers/{trigger.pk}/backfill/", body)

    assert answer.status_code == status
    assert place in answer.json()["errors"]


def test_a_backfill_beyond_a_thousand_slots_is_refused(editor: Caller, trigger: Trigger) -> None:
    Trigger.objects.filter(pk=trigger.pk).update(cron_expression="* * * * *")
    body = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}

    answer = editor.send("post", f"triggers/{trigger.pk}/backfill/", body)

    assert (answer.status_code, answer.json()["code"]) == (422, "backfill_too_large")


def test_lists_are_narrowed_by_status_source_and_time(editor: Caller, trigger: Trigger) -> None:
    other = trigger_make(editor.workspace)
    old = invocation_make(trigger, scheduled_for=minute(60), status="failed")
    manual = invocation_make(trigger, scheduled_for=minute(30), source=Source.MANUAL, status="completed")
    new = invocation_make(trigger, scheduled_for=minute(10))
    theirs = invocation_make(other, scheduled_for=minute(5))

    def listed(path: str, **query: Any) -> list[str]:
        answer = editor.get(f"{V1}/{path}", query)
        assert answer.status_code == 200, answer.json()
        return [each["id"] for each in answer.json()["results"]]

    own = f"triggers/{trigger.pk}/invocations/"
    ids = {name: str(each.pk) for name, each in {"old": old, "manual": manual, "new": new}.items()}
    assert listed(own) == [ids["new"], ids["manual"], ids["old"]]
    assert listed("invocations/") == [str(theirs.pk), ids["new"], ids["manual"], ids["old"]]
    assert listed("invocations/", trigger=other.pk) == [str(theirs.pk)]
    assert listed(own, status="failed") == [ids["old"]]
    assert listed(own, source="manual") == [ids["manual"]]
    window = {"from": minute(35).isoformat(), "to": minute(30).isoformat()}
    assert listed(own, **window) == listed("invocations/", **window) == [ids["manual"]]
    assert listed(own, **{"from": minute(10).isoformat()}) == [ids["new"]]
    for wrong in ({"status": "lost"}, {"source": "x"}, {"from": "then"}, {"kind": "x"}):
        assert editor.get(f"{V1}/{own}", wrong).json()["errors"].keys() == wrong.keys()


def test_a_list_of_invocations_is_paged_by_slot(editor: Caller, trigger: Trigger) -> None:
    for ago in (1, 2, 3, 3, 3):
        invocation_make(trigger, scheduled_for=minute(ago))
    path = f"{V1}/triggers/{trigger.pk}/invocations/"

    seen: list[str] = []
    after: str | None = None
    while True:
        query = {"limit": "2"} if after is None else {"limit": "2", "after": after}
        page = editor.get(path, query).json()
        seen += [each["id"] for each in page["results"]]
        after = page["next"]
        if after is None:
            break

    assert (len(seen), len(set(seen))) == (5, 5)


def test_an_invocation_is_shown_with_what_it_ran_over_and_what_it_started(
    editor: Caller, trigger: Trigger
) -> None:
    started = minute(1) + timedelta(seconds=2)
    run_id = "0190a000-0000-7000-8000-000000000000"
    invocation = invocation_make(
        trigger,
        scheduled_for=minute(1),
        started_at=started,
        status="running",
        attempt=1,
        children=[run_id],
        resolved_ref={"name": "live", "version": run_id, "number": 1, "content_hash": "ab"},
        resolved_payload={"a": 1},
        rendered_message="hello",
    )

    shown = editor.get(f"{V1}/invocations/{invocation.pk}/").json()
    (listed,) = editor.get(f"{V1}/invocations/").json()["results"]

    assert shown["children"] == [{"kind": "run", "id": run_id}]
    assert (shown["lateness_seconds"], shown["resolved_payload"], shown["rendered_message"]) == (
        2.0,
        {"a": 1},
        "hello",
    )
    assert shown.keys() - listed.keys() == {"resolved_payload", "rendered_message"}


def test_what_it_started_stays_what_it_was_when_the_trigger_starts_something_else(
    editor: Caller, trigger: Trigger
) -> None:
    run_id = "0190a000-0000-7000-8000-000000000000"
    ref = {"name": "live", "version": run_id, "number": 1, "content_hash": "ab"}
    ran = invocation_make(trigger, status="completed", children=[run_id], resolved_ref=ref)
    sheet = sheet_make(editor.workspace)
    changes = {"workflow": None, "table": str(sheet.table.pk), "ref": None}
    assert editor.send("patch", f"triggers/{trigger.pk}/", changes).status_code == 200

    shown = editor.get(f"{V1}/invocations/{ran.pk}/").json()
    assert shown["children"] == [{"kind": "run", "id": run_id}]

    page = Client()
    page.force_login(editor.user)
    assert f"/runs/{run_id}/" in page.get("/invocations/").content.decode()
