"""Making triggers: what each field may hold, what is checked together, and what a refusal names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.utils import timezone

from scheduler.models import Trigger
from tests.bed.factories import greeting_chain
from tests.integration.scheduler.callers import Caller, admin, editor, stranger
from workflows.models import WorkflowRef
from workspaces.ids import uuid7

__all__ = ["admin", "editor", "stranger"]

pytestmark = pytest.mark.django_db

EVERY_FIELD = {
    "id", "name", "description", "target_kind", "workflow", "table", "target_options", "ref", "enabled",
    "cron_expression", "cron_timezone", "run_at", "start_at", "end_at", "jitter_seconds", "payload",
    "message_template", "overlap_policy", "catchup_policy", "catchup_window_seconds", "catchup_limit",
    "max_retries", "retry_delay_seconds", "timeout_seconds", "pause_on_failures", "run_as_user", "created_by",
    "schedule_revision", "next_run_at", "last_scheduled_for", "last_run_at", "last_status",
    "consecutive_failures", "skipped_count", "missed_count", "disabled_reason", "schedule_error", "created_at",
    "updated_at", "target", "last_run", "description_of_schedule", "overdue_seconds", "held_until",
    "next_runs",
}  # fmt: skip


def ahead(**duration: float) -> str:
    """An instant that lies ahead, as a client writes it."""
    return (timezone.now() + timedelta(**duration)).isoformat()


def errors_of(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 400, answer.json()
    return dict(answer.json()["errors"])


ODD_YEARS = ["0001-01-01T00:00:00Z", "1969-12-31T23:59:00Z", "9999-12-31T23:59:00Z"]


@pytest.mark.parametrize("at", ODD_YEARS)
@pytest.mark.parametrize("field", ["run_at", "start_at", "end_at"])
def test_a_year_that_no_slot_has_is_refused_by_its_field(editor: Caller, field: str, at: str) -> None:
    fields = {field: at} if field != "run_at" else {"run_at": at, "cron_expression": None}
    assert "1970" in errors_of(editor.refused(**fields))[field][0]
    made = editor.make()
    assert "1970" in errors_of(editor.change(made, **fields))[field][0]
    if field != "run_at":
        tried = editor.send("post", "triggers/preview/", {"cron": "0 9 * * *", field: at})
        assert "1970" in errors_of(tried)[field][0]
    span = {"from": at, "to": at}
    assert "1970" in errors_of(editor.send("post", f"triggers/{made['id']}/backfill/", span))["from"][0]


def test_a_trigger_begins_with_the_defaults_and_shows_every_field(editor: Caller) -> None:
    workflow = editor.workflow()

    made = editor.make(workflow=str(workflow.pk), cron_timezone="europe/berlin")

    assert made.keys() >= EVERY_FIELD
    assert made["target"] == {"kind": "workflow", "id": str(workflow.pk), "name": workflow.name}
    assert (made["ref"], made["enabled"], made["timeout_seconds"]) == ("live", True, 780)
    assert (made["overlap_policy"], made["catchup_policy"], made["max_retries"]) == ("skip", "latest", 1)
    assert made["run_as_user"] == str(editor.user.pk)
    assert made["cron_timezone"] == "Europe/Berlin"
    assert (made["schedule_revision"], made["disabled_reason"], made["last_run"]) == (1, "", None)
    assert "09:00" in made["description_of_schedule"]


def test_a_save_answers_the_next_five_runs(editor: Caller) -> None:
    runs = editor.make(cron_expression="*/15 * * * *")["next_runs"]

    instants = [datetime.fromisoformat(run) for run in runs]
    assert len(instants) == 5
    assert all(later - earlier == timedelta(minutes=15) for earlier, later in pairwise(instants))
    assert timedelta() < instants[0] - timezone.now() <= timedelta(minutes=15)


def test_a_table_run_has_no_ref_and_no_timeout_and_checked_options(editor: Caller) -> None:
    sheet = greeting_chain(rows=1, workspace=editor.workspace)
    group = str(sheet.groups["A"].pk)

    made = editor.make(table=str(sheet.table.pk), target_options={"groups": [group], "limit": 5})

    assert made["target"] == {"kind": "table_run", "id": str(sheet.table.pk), "name": sheet.table.name}
    assert (made["ref"], made["timeout_seconds"], made["workflow"]) == (None, None, None)
    assert made["target_options"] == {
        "groups": [group],
        "mode": "incomplete",
        "limit": 5,
        "fail_above_percent": 100,
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "   "),
        ("name", "n" * 257),
        ("jitter_seconds", -1),
        ("jitter_seconds", 3_601),
        ("catchup_window_seconds", 9),
        ("catchup_window_seconds", 31_536_001),
        ("catchup_limit", 0),
        ("catchup_limit", 1_001),
        ("max_retries", -1),
        ("max_retries", 11),
        ("retry_delay_seconds", 9),
        ("retry_delay_seconds", 3_601),
        ("timeout_seconds", 29),
        ("timeout_seconds", 86_401),
        ("pause_on_failures", 0),
        ("pause_on_failures", 101),
        ("max_retries", None),
        ("overlap_policy", "sometimes"),
        ("catchup_policy", "none"),
        ("enabled", None),
        ("payload", []),
        ("payload", None),
        ("payload", {"x": "y" * 65_536}),
        ("message_template", "x" * 4_097),
        ("message_template", "{{ payload."),
        ("message_template", "{% for x in payload %}{% endfor %}"),
        ("message_template", "{{ row.name }}"),
        ("description", "d" * 10_001),
        ("run_as_user", None),
        ("target_options", {"mode": "all"}),
        ("target_kind", "table_run"),
        ("nonsense", 1),
        ("next_run_at", "2030-01-01T00:00:00Z"),
    ],
)
def test_each_limit_is_a_field_error(editor: Caller, field: str, value: Any) -> None:
    errors = errors_of(editor.refused(**{field: value}))

    assert any(place.split(".")[0] == field for place in errors), errors
    assert not Trigger.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "n" * 256),
        ("jitter_seconds", 3_600),
        ("catchup_window_seconds", 10),
        ("catchup_limit", 1_000),
        ("max_retries", 0),
        ("retry_delay_seconds", 3_600),
        ("timeout_seconds", 30),
        ("timeout_seconds", None),
        ("pause_on_failures", 100),
        ("message_template", "Report of {{ scheduled_for_local }} for {{ payload.region }}"),
        ("payload", {"region": "EU"}),
    ],
)
def test_the_limits_themselves_are_allowed(editor: Caller, field: str, value: Any) -> None:
    assert editor.make(**{field: value})[field] == value


def test_a_payload_is_nested_twenty_levels_at_most(editor: Caller) -> None:
    nested: Any = 1
    for _ in range(20):
        nested = {"in": nested}

    assert editor.make(payload=nested)["payload"] == nested
    assert "payload" in errors_of(editor.refused(payload={"in": nested}))


def test_names_are_trimmed_and_an_alias_is_written_out(editor: Caller) -> None:
    made = editor.make(name="  Nightly  ", cron_expression=" @daily ")

    assert (made["name"], made["cron_expression"]) == ("Nightly", "0 0 * * *")


@pytest.mark.rule("both_cron_and_run_at_400")
def test_a_trigger_has_either_cron_or_an_instant(editor: Caller) -> None:
    both = editor.refused(cron_expression="0 9 * * *", run_at=ahead(hours=1))
    neither = editor.refused(cron_expression=None)

    for answer in (both, neither):
        assert errors_of(answer).keys() == {"cron_expression", "run_at"}
        assert answer.json()["code"] == "invalid_schedule"


@pytest.mark.rule("one_time_past_on_create_400")
def test_an_instant_lies_ahead_but_not_ten_years(editor: Caller) -> None:
    for at in (ahead(seconds=-61), ahead(days=-1), ahead(days=3_660)):
        assert "run_at" in errors_of(editor.refused(cron_expression=None, run_at=at))

    just_now = editor.make(cron_expression=None, run_at=ahead(seconds=-30))

    assert just_now["next_run_at"] == just_now["run_at"]
    assert just_now["next_runs"] == [just_now["run_at"]]


@pytest.mark.rule("feb30_400", "six_field_rejected")
@pytest.mark.parametrize(
    "cron", ["0 0 30 2 *", "*/10 * * * * *", "* * * *", "", "@reboot", "@every 5m", "61 * * * *", "0 0 ? * *"]
)
def test_an_impossible_expression_is_a_field_error(editor: Caller, cron: str) -> None:
    answer = editor.refused(cron_expression=cron)

    assert errors_of(answer).keys() == {"cron_expression"}
    assert answer.json()["code"] == "invalid_schedule"


@pytest.mark.rule("unknown_zone_400")
@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "localtime"])
def test_an_unknown_zone_is_a_field_error(editor: Caller, zone: str) -> None:
    assert errors_of(editor.refused(cron_timezone=zone)).keys() == {"cron_timezone"}


@pytest.mark.rule("start_end_bounds")
def test_a_schedule_without_a_slot_between_its_bounds_is_refused(editor: Caller) -> None:
    backwards = editor.refused(start_at=ahead(days=2), end_at=ahead(days=1))
    over = editor.refused(end_at=ahead(days=-1))
    outside = editor.refused(cron_expression=None, run_at=ahead(hours=1), start_at=ahead(hours=2))

    assert errors_of(backwards).keys() == {"end_at"}
    assert errors_of(over).keys() == {"end_at"}
    assert errors_of(outside).keys() == {"run_at"}

    bounded = editor.make(start_at=ahead(days=30), end_at=ahead(days=32))
    first = datetime.fromisoformat(bounded["next_run_at"])
    assert first >= datetime.now(UTC) + timedelta(days=29)
    assert len(bounded["next_runs"]) == 2


def test_a_target_is_a_workflow_or_a_table_of_this_workspace(editor: Caller, stranger: Caller) -> None:
    sheet = greeting_chain(rows=0, workspace=editor.workspace)
    workflow = editor.workflow()

    both = editor.refused(workflow=str(workflow.pk), table=str(sheet.table.pk))
    none = editor.send("post", "triggers/", {"name": "x", "cron_expression": "0 9 * * *"})
    assert errors_of(both).keys() == errors_of(none).keys() == {"workflow", "table"}

    foreign = editor.refused(workflow=str(stranger.workflow().pk))
    assert (foreign.status_code, foreign.json()["code"]) == (404, "workflow_not_found")
    theirs = greeting_chain(rows=0, workspace=stranger.workspace).table
    for table in (theirs.pk, uuid7()):
        answer = editor.refused(table=str(table))
        assert (answer.status_code, answer.json()["code"]) == (404, "table_not_found")


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"group": []}, "group"),
        ({"groups": []}, "groups"),
        ({"groups": ["0190a000-0000-7000-8000-000000000000"]}, "groups"),
        ({"groups": "all"}, "groups"),
        ({"mode": "sometimes"}, "mode"),
        ({"limit": 0}, "limit"),
        ({"limit": True}, "limit"),
        ({"fail_above_percent": 101}, "fail_above_percent"),
        ({"fail_above_percent": -1}, "fail_above_percent"),
        ({"filter": {"column": "nope", "op": "eq", "value": 1}}, "filter"),
        ({"filter": {"all": [{"column": "name", "op": "nope", "value": 1}]}}, "filter"),
    ],
)
def test_options_of_a_table_run_are_checked_against_the_table(
    editor: Caller, options: dict[str, Any], place: str
) -> None:
    sheet = greeting_chain(rows=0, workspace=editor.workspace)

    errors = errors_of(editor.refused(table=str(sheet.table.pk), target_options=options))

    assert all(path.startswith(f"target_options.{place}") for path in errors), errors


def test_a_filter_of_a_table_run_is_kept_as_it_is(editor: Caller) -> None:
    sheet = greeting_chain(rows=0, workspace=editor.workspace)
    wanted = {"filter": {"column": "name", "op": "eq", "value": "Ada"}, "fail_above_percent": 0}

    made = editor.make(table=str(sheet.table.pk), target_options=wanted)

    assert made["target_options"] == {**wanted, "mode": "incomplete"}


@pytest.mark.rule("malformed_ref_create_400")
@pytest.mark.parametrize(
    "ref",
    ["", " ", ".live", "a..b", "a//b", "a@{b", "a\\b", "a/", "a.", "a.lock", "-a", "ä", "r" * 257, None],
)
def test_a_malformed_ref_is_refused(editor: Caller, ref: str | None) -> None:
    answer = editor.refused(ref=ref)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_ref")
    assert answer.json()["errors"].keys() == {"ref"}


@pytest.mark.rule("never_falls_back_to_another_ref")
def test_a_ref_of_another_workflow_is_none_of_this_one(editor: Caller) -> None:
    mine, other = editor.workflow(), editor.workflow()
    WorkflowRef.objects.create(workflow=other, name="stable", version=other.versions.get())

    answer = editor.refused(workflow=str(mine.pk), ref="stable")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_ref")
    assert "'stable'" in answer.json()["detail"]
    assert "may have been deleted" in answer.json()["detail"]
    assert editor.make(workflow=str(other.pk), ref="stable")["ref"] == "stable"


def test_a_table_run_names_no_ref(editor: Caller) -> None:
    sheet = greeting_chain(rows=0, workspace=editor.workspace)

    assert errors_of(editor.refused(table=str(sheet.table.pk), ref="live")).keys() == {"ref"}


def test_one_made_switched_off_has_no_next_run(editor: Caller) -> None:
    made = editor.make(enabled=False)

    assert (made["next_run_at"], made["next_runs"], made["disabled_reason"]) == (None, [], "user")


def test_every_fault_of_a_body_is_told_at_once(editor: Caller) -> None:
    errors = errors_of(editor.refused(max_retries=99, catchup_limit=0, overlap_policy="x"))

    assert errors.keys() == {"max_retries", "catchup_limit", "overlap_policy"}
