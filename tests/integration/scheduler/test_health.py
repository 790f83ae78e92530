"""Health as whoever asks can see it: probes, staff, bearers, admins, sockets and the command line."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.db.models.functions import Now
from django.test import Client
from django_celery_beat.models import PeriodicTask
from pytest_django import DjangoAssertNumQueries, Settings

from config.workspace_look import changes, workspace_shown
from scheduler.api.health import PROBES
from scheduler.engine.health import HealthReason, HealthStatus
from scheduler.models import SchedulerState
from scheduler.services.leadership import health, lease_renew, tick_record
from scheduler.services.tick_results import TickOutcome, TickResult
from tests.bed.factories import workspace_make
from tests.bed.triggers import invocation_make, minute, person_make, trigger_make, triggers_make
from tests.integration.workspaces.people import bearer, token_for
from workspaces.models import User, Workspace
from workspaces.states import Scope

pytestmark = pytest.mark.django_db

URL = "/api/v1/scheduler/health/"
STATE = "/api/v1/scheduler/state/"
METRICS = "/api/v1/scheduler/metrics/"
DONE = TickResult(TickOutcome.DONE, claimed=1)


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    PROBES._paid_at.clear()


@pytest.fixture
def ticking(db: None) -> None:
    lease_renew("box:1:aa")
    tick_record(DONE)


@pytest.fixture
def workspace(db: None) -> Workspace:
    return workspace_make()


def silent_for(seconds: float) -> None:
    SchedulerState.objects.update(last_tick_finished_at=Now() - timedelta(seconds=seconds))


def staff() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("staff", is_staff=True))
    return client


@pytest.mark.rule("health_down_when_beat_stopped", "F11")
def test_a_beat_that_stopped_is_seen_by_whoever_asks(client: Client, ticking: None) -> None:
    assert client.get(URL).status_code == 200
    silent_for(60)
    assert (client.get(URL).status_code, health().status) == (200, HealthStatus.DEGRADED)
    silent_for(121)
    assert (client.get(URL).status_code, health().status) == (503, HealthStatus.DOWN)
    tick_record(DONE)
    assert client.get(URL).status_code == 200


def test_what_has_never_ticked_is_down(client: Client) -> None:
    assert client.get(URL).status_code == 503
    assert health().reasons == (HealthReason.NEVER_TICKED,)
    assert (health().holder, health().epoch, health().is_led) == ("", 0, False)


def test_probes_are_told_the_status_alone(client: Client, ticking: None, workspace: Workspace) -> None:
    for session in (client, Client()):
        answer = session.get(URL)
        assert (answer.content, answer.headers["Cache-Control"]) == (b"", "no-store")
    member = Client()
    member.force_login(person_make(workspace, "viewer"))
    assert member.get(URL).content == b""


def test_staff_and_bearers_are_told_more(ticking: None, workspace: Workspace, settings: Settings) -> None:
    settings.RUNSHEET_DEPLOY_SECRET = "of-the-deploy"
    token = bearer(token_for(person_make(workspace, "viewer"), workspace, Scope.READ))
    for client in (staff(), token, bearer("of-the-deploy")):
        told = client.get(URL).json()
        assert (told["status"], told["reasons"], told["words"]) == ("ok", [], "")
        assert (told["holder"], told["epoch"]) == ("box:1:aa", 1)
        assert told["tick_age_seconds"] < 5
    assert bearer("rs_wrong").get(URL).status_code == 401


def test_a_flood_of_probes_is_bounded(client: Client, ticking: None, settings: Settings) -> None:
    settings.RUNSHEET_MAX_API_CALLS_PER_MINUTE = 3
    assert [client.get(URL).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_the_state_is_for_admins(ticking: None, workspace: Workspace) -> None:
    editor, admin = (
        bearer(token_for(person_make(workspace, role), workspace)) for role in ("editor", "admin")
    )
    assert editor.get(STATE).status_code == 403
    told = admin.get(STATE).json()
    assert (told["is_led"], told["total_ticks"], told["interval_seconds"]) == (True, 1, 1.0)
    assert told["lease_until"].endswith("Z")
    assert Client().get(STATE).status_code == 401


def test_what_is_due_and_what_waits_is_looked_at_now(workspace: Workspace, ticking: None) -> None:
    late = trigger_make(workspace, due=minute(ago=3))
    trigger_make(workspace)
    trigger_make(workspace, due=minute(ago=9), held_until=minute() + timedelta(hours=1))
    invocation_make(late, available_at=minute(ago=1))
    invocation_make(late, available_at=minute(ago=5), waits=True)
    invocation_make(late, status="running")
    found = health()
    assert (found.backlog_due, found.in_flight, found.reasons) == (1, 1, (HealthReason.LATE,))
    assert 180 <= found.lateness_seconds < 250
    assert 60 <= found.pending_age_seconds < 130


@pytest.mark.parametrize("status", ["pending", "queued"])
def test_it_is_not_well_while_nothing_starts(workspace: Workspace, ticking: None, status: str) -> None:
    trigger = trigger_make(workspace)
    invocation_make(trigger, status=status, available_at=minute(ago=-5))
    invocation_make(trigger, waits=True, available_at=minute(ago=9))
    assert health().reasons == ()
    invocation_make(trigger, status=status, available_at=minute(ago=2))
    found = health()
    assert (found.status, found.reasons) == (HealthStatus.DEGRADED, (HealthReason.LATE,))
    assert 120 <= found.lateness_seconds < 200
    assert found.backlog_due == 0


def test_a_backlog_is_counted_no_further_than_it_matters(workspace: Workspace, ticking: None) -> None:
    triggers_make(workspace, 1_005, due=minute())
    assert health().backlog_due == 1_001
    assert HealthReason.BACKLOG in health().reasons


def test_it_is_one_query(ticking: None, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        health()


def test_an_entry_that_is_off_or_gone_is_told_before_the_silence(ticking: None) -> None:
    PeriodicTask.objects.filter(name="runsheet.scheduler.tick").update(enabled=False)
    assert health().reasons == (HealthReason.TICK_ENTRY_OFF,)
    assert [warning.id for warning in run_checks(databases=["default"], tags=["database"])] == [
        "runsheet.W011"
    ]
    PeriodicTask.objects.filter(name="runsheet.scheduler.tick").delete()
    assert health().interval_seconds is None
    (warning,) = run_checks(databases=["default"], tags=["database"])
    assert (warning.id, "runsheet.scheduler.tick" in warning.msg) == ("runsheet.W010", True)


def test_nothing_is_said_of_entries_that_are_on() -> None:
    assert run_checks(databases=["default"], tags=["database"]) == []


def test_metrics_are_for_staff_and_bearers(client: Client, ticking: None) -> None:
    assert client.get(METRICS).status_code == 401
    answer = staff().get(METRICS)
    assert answer.headers["Content-Type"].startswith("text/plain")
    shown = answer.content.decode()
    assert 'runsheet_scheduler_leader{holder="box:1:aa"} 1.0' in shown
    assert "runsheet_scheduler_due_backlog 0.0" in shown
    assert 'runsheet_scheduler_ticks_total{result="done"}' in shown


@pytest.mark.rule("five_failures_down_and_release", "health_down_when_beat_stopped")
def test_sockets_are_told_when_the_verdict_changes_and_not_before(
    workspace: Workspace, ticking: None
) -> None:
    first = workspace_shown(workspace.pk)
    assert first["scheduler"] == {"kind": "scheduler", "status": "ok", "reasons": [], "words": "", "epoch": 1}
    silent_for(5)
    assert changes(first, workspace_shown(workspace.pk)) == []
    for _ in range(5):
        tick_record(TickResult(TickOutcome.FAILED, error="x"))
    (told,) = changes(first, workspace_shown(workspace.pk))
    assert (told["kind"], told["status"], told["reasons"]) == ("scheduler", "down", ["tick_failing"])


def test_sockets_are_told_of_the_workspaces_triggers(workspace: Workspace, ticking: None) -> None:
    trigger = trigger_make(workspace)
    trigger_make(workspace_make("Other"))
    before = workspace_shown(workspace.pk)
    assert [key for key in before if key.startswith("trigger:")] == [f"trigger:{trigger.pk}"]
    trigger.enabled, trigger.next_run_at, trigger.disabled_reason = False, None, "user"
    trigger.save()
    (told,) = changes(before, workspace_shown(workspace.pk))
    assert (told["id"], told["enabled"], told["next_run_at"]) == (str(trigger.pk), False, None)
    assert before[f"trigger:{trigger.pk}"]["next_run_at"] == minute_of(before, trigger.pk)


def minute_of(shown: dict[str, Any], trigger_id: object) -> str:
    """An instant as REST writes it."""
    written = str(shown[f"trigger:{trigger_id}"]["next_run_at"])
    assert written.endswith("Z")
    return written


def status_command(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    with pytest.raises(SystemExit) as left:
        call_command("scheduler_status", *arguments, stdout=out)
    return int(left.value.code or 0), out.getvalue()


def test_the_command_tells_programs(workspace: Workspace, ticking: None) -> None:
    trigger = trigger_make(workspace)
    invocation_make(trigger, available_at=Now())
    code, out = status_command("--json")
    told = json.loads(out)
    assert (code, told["status"], told["holder"]) == (0, "ok", "box:1:aa")
    assert (told["triggers"], told["invocations"]) == ({"enabled": 1, "disabled": 0}, {"pending": 1})
    assert [due["trigger"] for due in told["next"]] == [str(trigger.pk)]
    assert set(told["entries"].values()) == {"on"}


def test_the_command_tells_people_and_exits_by_the_verdict(
    workspace: Workspace, ticking: None, capsys: pytest.CaptureFixture[str]
) -> None:
    trigger_make(workspace, name="[bold]nightly")
    silent_for(500)
    PeriodicTask.objects.filter(name="runsheet.scheduler.sweep").update(enabled=False)
    code, _ = status_command()
    shown = capsys.readouterr().out
    assert code == 1
    assert "down" in shown
    assert "[bold]nightly" in shown
    assert "runsheet.scheduler.sweep off" in shown
