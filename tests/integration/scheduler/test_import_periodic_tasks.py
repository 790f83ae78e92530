"""`import_periodic_tasks`: the entries of a Celery beat become triggers, or are told with the reason why not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError
from django.utils import timezone
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    PeriodicTasks,
    SolarSchedule,
)

from scheduler.models import Trigger
from tests.bed.factories import chain, greeting_chain, setting, workflow_make
from tests.bed.triggers import person_make
from tests.integration.scheduler.importers import Importer, actions, importer
from workflows.models import Workflow
from workspaces.models import AuditEvent

__all__ = ["importer"]

pytestmark = pytest.mark.django_db

COMMAND = "import_periodic_tasks"


@pytest.fixture
def report(importer: Importer) -> Workflow:
    """The workflow that takes the place of the old tasks."""
    return workflow_make(importer.workspace, chain(setting("say", "{{ input.message }}")), "Report")


def entry(name: str, **fields: Any) -> PeriodicTask:
    """An entry of beat, daily at nine unless ``fields`` say otherwise."""
    if not {"crontab", "interval", "clocked", "solar"} & fields.keys():
        fields["crontab"] = crontab("0", "9")
    return PeriodicTask.objects.create(name=name, task=fields.pop("task", "shop.report"), **fields)


def crontab(*fields: str, timezone: str = "Europe/Berlin") -> CrontabSchedule:
    names = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
    return CrontabSchedule.objects.create(timezone=timezone, **dict(zip(names, fields, strict=False)))


def interval(every: int, period: str) -> IntervalSchedule:
    return IntervalSchedule.objects.create(every=every, period=period)


def mapped(importer: Importer, **more: Any) -> dict[str, Any]:
    return {"map": importer.file({"shop.*": {"workflow": "Report", **more}})}


@pytest.mark.rule("import_dry_run_writes_nothing")
def test_a_dry_run_tells_everything_and_writes_nothing(importer: Importer, report: Workflow) -> None:
    entry("nightly")
    entry("odd", interval=interval(7, "minutes"))
    before = list(PeriodicTask.objects.order_by("pk").values())
    changed = PeriodicTasks.last_change()

    code, told = importer.run(COMMAND, **mapped(importer))

    assert code == 0
    assert actions(told) == {"nightly": "create", "odd": "skip interval_not_expressible"}
    assert (told["applied"], told["counts"]) == (False, {"create": 1, "skip": 1})
    (nightly,) = (each for each in told["triggers"] if each["source"] == "nightly")
    assert nightly["trigger"] is None
    assert nightly["next_run_at"].endswith("Z")
    assert not Trigger.objects.exists()
    assert not AuditEvent.objects.filter(action__startswith="trigger.").exists()
    assert list(PeriodicTask.objects.order_by("pk").values()) == before
    assert PeriodicTasks.last_change() == changed


def test_an_entry_becomes_a_trigger_of_the_workflow_named_for_it(
    importer: Importer, report: Workflow
) -> None:
    until = timezone.now() + timedelta(days=30)
    entry(
        "nightly",
        description="Old words",
        crontab=crontab("*/15", "9-17", "*", "*", "mon-fri"),
        kwargs=json.dumps({"region": "north"}),
        args="[7]",
        start_time=timezone.now() - timedelta(days=1),
        expires=until,
    )

    importer.run(COMMAND, apply=True, **mapped(importer, max_retries=3, overlap_policy="allow"))

    made = Trigger.objects.get()
    assert (made.name, made.description) == ("nightly", "Old words")
    assert (made.workflow_id, made.ref) == (report.pk, "live")
    assert (made.cron_expression, made.cron_timezone) == ("*/15 9-17 * * MON-FRI", "Europe/Berlin")
    assert made.payload == {"args": [7], "kwargs": {"region": "north"}}
    assert (made.end_at, made.enabled, made.max_retries, made.overlap_policy) == (until, True, 3, "allow")
    assert (made.run_as_user_id, made.created_by_id) == (importer.user.pk, importer.user.pk)
    assert made.next_run_at is not None
    assert made.import_key == "celery-beat:nightly"
    audit = AuditEvent.objects.get(action="trigger.created")
    assert audit.actor_label.endswith("(import_periodic_tasks)")


@pytest.mark.rule("import_apply_idempotent")
def test_applying_twice_changes_nothing_and_an_edit_there_is_an_update_here(
    importer: Importer, report: Workflow
) -> None:
    old = entry("nightly")
    entry("hourly", interval=interval(1, "hours"))
    once = entry("once", one_off=True)
    importer.run(COMMAND, apply=True, **mapped(importer))
    before = list(Trigger.objects.order_by("pk").values())
    records = AuditEvent.objects.count()

    _, told = importer.run(COMMAND, apply=True, **mapped(importer))

    assert set(actions(told).values()) == {"unchanged"}
    assert list(Trigger.objects.order_by("pk").values()) == before
    assert AuditEvent.objects.count() == records

    PeriodicTask.objects.filter(pk=old.pk).update(crontab=crontab("30", "9"))
    PeriodicTask.objects.filter(pk=once.pk).update(crontab=crontab("30", "9"))
    _, told = importer.run(COMMAND, apply=True, **mapped(importer))

    assert actions(told) == {"hourly": "unchanged", "nightly": "update", "once": "unchanged"}
    changed = Trigger.objects.get(name="nightly")
    assert (changed.cron_expression, changed.schedule_revision) == ("30 9 * * *", 2)
    assert Trigger.objects.count() == 3


@pytest.mark.rule("import_apply_idempotent")
def test_disabling_the_source_neither_deletes_it_nor_switches_ours_off_the_next_time(
    importer: Importer, report: Workflow
) -> None:
    taken, left = entry("nightly"), entry("odd", interval=interval(7, "minutes"))
    changed = PeriodicTasks.last_change()

    importer.run(COMMAND, apply=True, disable_source=True, **mapped(importer))

    taken.refresh_from_db()
    left.refresh_from_db()
    assert (taken.enabled, left.enabled) == (False, True)
    assert PeriodicTasks.last_change() != changed, "a running beat would go on for five minutes"
    _, told = importer.run(COMMAND, apply=True, disable_source=True, **mapped(importer))
    assert actions(told)["nightly"] == "unchanged"
    assert Trigger.objects.get().enabled


def test_disabling_the_source_belongs_to_applying(importer: Importer) -> None:
    with pytest.raises(CommandError, match="--apply"):
        importer.run(COMMAND, disable_source=True)


@pytest.mark.rule("import_skips_reported")
def test_every_entry_that_cannot_be_taken_is_told_with_its_reason(
    importer: Importer, report: Workflow
) -> None:
    now = timezone.now()
    entry("another", task="billing.invoice")
    entry("seconds", interval=interval(30, "seconds"))
    entry("weekly", interval=interval(7, "days"))
    entry("sunrise", solar=SolarSchedule.objects.create(event="sunrise", latitude=52.5, longitude=13.4))
    entry("fridays", crontab=crontab("0", "0", "13", "*", "5"))
    entry("gone", clocked=ClockedSchedule.objects.create(clocked_time=now - timedelta(hours=1)), one_off=True)
    entry("done", one_off=True, total_run_count=1)
    entry("expired", expires=now - timedelta(hours=1))
    entry("broken", kwargs="{'not': 'json'}")
    entry("never", crontab=crontab("0", "0", "30", "2"))
    entry("far", crontab=crontab("0", "0"), start_time=datetime(9999, 12, 31, tzinfo=UTC), one_off=True)

    code, told = importer.run(COMMAND, strict=True, apply=True, **mapped(importer))

    assert code == 2
    assert actions(told) == {
        "another": "skip no_target",
        "broken": "skip arguments_unreadable",
        "done": "skip one_off_done",
        "expired": "skip expired",
        "far": "skip year_refused",
        "fridays": "skip crontab_differs",
        "gone": "skip clocked_passed",
        "never": "skip crontab_unreadable",
        "seconds": "skip interval_not_expressible",
        "sunrise": "skip solar_not_supported",
        "weekly": "skip interval_not_expressible",
    }
    assert all(each["words"] for each in told["triggers"])
    assert not Trigger.objects.exists()


@pytest.mark.rule("import_skips_reported")
def test_what_the_trigger_itself_refuses_is_told_and_stops_nobody_else(
    importer: Importer, report: Workflow
) -> None:
    entry("nightly")
    entry(
        "too far",
        clocked=ClockedSchedule.objects.create(clocked_time=timezone.now() + timedelta(days=9999)),
        one_off=True,
    )
    entry("too much", kwargs=json.dumps({"text": "x" * 70_000}))

    code, told = importer.run(COMMAND, strict=True, apply=True, **mapped(importer))

    assert code == 2
    assert actions(told) == {
        "nightly": "create",
        "too far": "skip invalid_schedule",
        "too much": "skip trigger_invalid",
    }
    assert "run_at: This is more than ten years ahead." in {each["words"] for each in told["triggers"]}
    assert [trigger.name for trigger in Trigger.objects.all()] == ["nightly"]


@pytest.mark.parametrize(
    ("fields", "expression"),
    [
        (("0", "0", "*", "*", "fri-mon"), "0 0 * * 0,1,5,6"),
        (("*/10", "22-3"), "*/10 0,1,2,3,22,23 * * *"),
        (("0", "9", "*", "*", "sunday"), "0 9 * * 0"),
        (("0", "9", "1-7"), "0 9 1-7 * *"),
        (("5,10,15", "*/6", "*", "*/3"), "5,10,15 */6 * */3 *"),
    ],
)
def test_crontabs_that_mean_the_same_in_other_signs(
    importer: Importer, report: Workflow, fields: tuple[str, ...], expression: str
) -> None:
    entry("nightly", crontab=crontab(*fields))
    importer.run(COMMAND, apply=True, **mapped(importer))
    assert Trigger.objects.get().cron_expression == expression


def test_an_instant_and_one_run_of_a_repeated_schedule(importer: Importer, report: Workflow) -> None:
    at = timezone.now() + timedelta(days=2)
    entry("clocked", clocked=ClockedSchedule.objects.create(clocked_time=at), one_off=True)
    entry("once", one_off=True, crontab=crontab("0", "9", timezone="UTC"))
    entry("off", enabled=False)

    importer.run(COMMAND, apply=True, **mapped(importer))

    assert Trigger.objects.get(name="clocked").run_at == at
    once = Trigger.objects.get(name="once")
    assert once.cron_expression is None
    assert once.run_at is not None
    assert (once.run_at.hour, once.run_at.minute) == (9, 0)
    off = Trigger.objects.get(name="off")
    assert (off.enabled, off.disabled_reason, off.next_run_at) == (False, "user", None)


def test_a_table_with_workflow_groups_by_name_and_the_nearest_pattern(
    importer: Importer, report: Workflow
) -> None:
    sheet = greeting_chain(rows=1, workspace=importer.workspace)
    entry("check", task="shop.check")
    entry("report", task="shop.report")
    table = {"table": sheet.table.name, "target_options": {"groups": ["A"], "mode": "failed"}}
    given = importer.file({"shop.*": {"workflow": "Report"}, "shop.check": table})

    importer.run(COMMAND, apply=True, map=given)

    check = Trigger.objects.get(name="check")
    assert check.table_id == sheet.table.pk
    assert check.target_options["groups"] == [str(sheet.groups["A"].pk)]
    assert Trigger.objects.get(name="report").workflow_id == report.pk
    # Another target for the same task is an update, from one kind to the other too.
    given = importer.file({"shop.*": {"workflow": "Report"}})
    _, told = importer.run(COMMAND, apply=True, map=given)
    assert actions(told) == {"check": "update", "report": "unchanged"}


def test_only_the_tasks_named_and_never_our_own(importer: Importer, report: Workflow) -> None:
    entry("ours", task="tables.reap")
    entry("celery's", task="celery.backend_cleanup")
    entry("stock", task="shop.stock")
    entry("report", task="shop.report")
    _, told = importer.run(COMMAND, task="*.stock", **mapped(importer))
    assert actions(told) == {"stock": "create"}
    _, told = importer.run(COMMAND, **mapped(importer))
    assert actions(told).keys() == {"stock", "report"}


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("{", "cannot be read"),
        ("[]", "A map is an object"),
        ('{"shop.*": "Report"}', "A map is an object"),
        ('{"shop.*": {}}', "Name either a workflow or a table"),
        ('{"shop.*": {"workflow": "Report", "table": "Orders"}}', "Name either"),
        ('{"shop.*": {"workflow": "Nobody"}}', "There is no workflow “Nobody” here"),
        ('{"shop.*": {"table": 7}}', "There is no table “7” here"),
        (
            '{"shop.*": {"workflow": "Report", "cron_expression": "* * * * *"}}',
            "shop.*.cron_expression: Unknown",
        ),
    ],
)
def test_a_map_that_cannot_be_used_is_refused_whole(
    importer: Importer, report: Workflow, written: str, words: str
) -> None:
    entry("nightly")
    with pytest.raises(CommandError) as refused:
        importer.run(COMMAND, map=importer.file(written))
    assert words in str(refused.value)


def test_a_workflow_of_another_workspace_is_not_there(importer: Importer) -> None:
    foreign = workflow_make(Importer(importer.folder).workspace, chain(setting("say", "1")), "Foreign")
    for named in ("Foreign", str(foreign.pk)):
        with pytest.raises(CommandError, match="There is no workflow"):
            importer.run(COMMAND, map=importer.file({"shop.*": {"workflow": named}}))


def test_an_entry_that_another_workspace_has_imported_is_left_to_it(
    importer: Importer, report: Workflow
) -> None:
    entry("nightly")
    importer.run(COMMAND, apply=True, **mapped(importer))
    second = Importer(importer.folder)
    workflow_make(second.workspace, chain(setting("say", "1")), "Report")
    _, told = second.run(COMMAND, apply=True, **mapped(second))
    assert actions(told) == {"nightly": "skip in_another_workspace"}


def test_a_viewer_imports_nothing(importer: Importer) -> None:
    importer.user = person_make(importer.workspace, "viewer")
    with pytest.raises(CommandError, match="may not make triggers"):
        importer.run(COMMAND)


def test_people_are_told_each_entry_and_how_to_go_on(importer: Importer, report: Workflow) -> None:
    entry("[b]nightly[/b]")
    entry("odd", interval=interval(7, "minutes"))
    told = importer.say(COMMAND, **mapped(importer))
    assert "[b]nightly[/b]" in told
    assert "interval_not_expressible: No cron expression fires every 7 minutes." in told
    assert "1 create, 1 skip. Nothing was changed; --apply does it." in told
    assert "1 create, 1 skip.\n" in importer.say(COMMAND, apply=True, **mapped(importer))
