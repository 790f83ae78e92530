"""`export_triggers` and `import_triggers`: triggers as JSON, by names, out of one workspace and into another."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from scheduler.models import Trigger
from scheduler.services.triggers import trigger_create
from tables.models import Table
from tests.bed.factories import chain, greeting_chain, setting, workflow_make
from tests.integration.scheduler.importers import Importer, actions, importer
from workspaces.actors import Actor
from workspaces.models import AuditEvent
from workspaces.states import Role

__all__ = ["importer"]

pytestmark = pytest.mark.django_db

COMMAND = "import_triggers"


def trigger(importer: Importer, **fields: Any) -> Trigger:
    """One of the importer's own workspace, made as a person makes it."""
    return trigger_create(
        workspace=importer.workspace,
        actor=Actor(importer.user.pk, "somebody"),
        membership_role=Role.ADMIN,
        **{"name": "Nightly", "cron_expression": "0 2 * * *", "cron_timezone": "Europe/Berlin", **fields},
    )


@pytest.fixture
def furnished(importer: Importer) -> Importer:
    """With a trigger of a workflow and one of a table."""
    workflow = workflow_make(importer.workspace, chain(setting("say", "1")), "Report")
    sheet = greeting_chain(rows=1, workspace=importer.workspace)
    trigger(
        importer,
        workflow=workflow.pk,
        payload={"region": "Nørre"},
        message_template="{{ payload.region }}",
        max_retries=4,
        end_at=timezone.now() + timedelta(days=9),
    )
    options = {"groups": [str(sheet.groups["A"].pk)], "mode": "failed"}
    trigger(importer, name="Audit", table=sheet.table.pk, target_options=options, enabled=False)
    return importer


def exported(importer: Importer) -> dict[str, Any]:
    out = StringIO()
    call_command("export_triggers", workspace=importer.workspace.slug, stdout=out)
    return dict(json.loads(out.getvalue()))


def elsewhere(importer: Importer) -> Importer:
    """Another workspace with targets of the same names."""
    second = Importer(importer.folder, "admin")
    workflow_make(second.workspace, chain(setting("say", "1")), "Report")
    sheet = greeting_chain(rows=1, workspace=second.workspace)
    Table.objects.filter(pk=sheet.table.pk).update(name=Table.objects.get(workspace=importer.workspace).name)
    return second


def test_an_export_names_things_and_is_the_same_each_time(furnished: Importer, tmp_path: Path) -> None:
    document = exported(furnished)
    assert document == exported(furnished)
    audit, nightly = document["triggers"]
    assert (document["format"], document["version"]) == ("runsheet.triggers", 1)
    assert (nightly["workflow"], nightly["ref"], nightly["run_as"]) == (
        "Report",
        "live",
        furnished.user.get_username(),
    )
    assert audit["target_options"]["groups"] == ["A"]
    assert (audit["enabled"], nightly["payload"]) == (False, {"region": "Nørre"})
    assert not {"next_run_at", "last_status", "created_by", "schedule_revision"} & nightly.keys()
    path = tmp_path / "out.json"
    call_command("export_triggers", str(path), workspace=furnished.workspace.slug, stderr=StringIO())
    assert json.loads(path.read_text(encoding="utf-8")) == document
    assert "Nørre" in path.read_text(encoding="utf-8")


@pytest.mark.rule("import_dry_run_writes_nothing")
def test_a_dry_run_writes_nothing(furnished: Importer) -> None:
    path = furnished.file(exported(furnished))
    second = elsewhere(furnished)
    before = AuditEvent.objects.count()
    code, told = second.run(COMMAND, str(path))
    assert (code, actions(told), told["applied"]) == (0, {"Audit": "create", "Nightly": "create"}, False)
    assert not Trigger.objects.filter(workspace=second.workspace).exists()
    assert AuditEvent.objects.count() == before


@pytest.mark.rule("import_apply_idempotent")
def test_what_goes_out_comes_in_and_a_second_time_changes_nothing(furnished: Importer) -> None:
    document = exported(furnished)
    path = furnished.file(document)
    second = elsewhere(furnished)

    _, told = second.run(COMMAND, str(path), apply=True)

    assert actions(told) == {"Audit": "create", "Nightly": "create"}
    copies = exported(second)["triggers"]
    for copy, original in zip(copies, document["triggers"], strict=True):
        assert {**copy, "id": "", "run_as": ""} == {**original, "id": "", "run_as": ""}
    assert "is no member here" in told["triggers"][0]["notes"][0]
    assert {trigger.run_as_user_id for trigger in Trigger.objects.filter(workspace=second.workspace)} == {
        second.user.pk
    }

    before = list(Trigger.objects.order_by("pk").values())
    _, told = second.run(COMMAND, str(path), apply=True)
    assert set(actions(told).values()) == {"unchanged"}
    assert list(Trigger.objects.order_by("pk").values()) == before


@pytest.mark.rule("import_apply_idempotent")
def test_back_where_it_comes_from_a_trigger_is_itself(furnished: Importer) -> None:
    document = exported(furnished)
    _, told = furnished.run(COMMAND, str(furnished.file(document)), apply=True)
    assert set(actions(told).values()) == {"unchanged"}
    Trigger.objects.filter(name="Nightly").update(enabled=False, next_run_at=None, disabled_reason="user")
    document["triggers"][1] |= {"name": "Later", "cron_expression": "0 5 * * *"}
    _, told = furnished.run(COMMAND, str(furnished.file(document)), apply=True)
    assert actions(told) == {"Audit": "unchanged", "Later": "update"}
    later = Trigger.objects.get(name="Later")
    assert (later.cron_expression, later.enabled) == ("0 5 * * *", False)
    assert Trigger.objects.count() == 2


@pytest.mark.rule("import_skips_reported")
@pytest.mark.parametrize(
    ("changes", "reason", "words"),
    [
        ({"workflow": "Nobody"}, "trigger_invalid", "There is no workflow “Nobody” here."),
        ({"workflow": None, "table": None}, "trigger_invalid", "There is no table “None” here."),
        ({"ref": "gone"}, "invalid_ref", "It may have been deleted."),
        ({"surprise": 1}, "trigger_invalid", "surprise: Unknown field."),
        ({"id": "seven"}, "trigger_invalid", "id: Give the id it had"),
        ({"cron_expression": "* * *"}, "invalid_schedule", "five fields"),
        ({"cron_timezone": "Mars/Olympus"}, "invalid_schedule", "There is no time zone"),
        ({"end_at": "tomorrow"}, "trigger_invalid", "Give an instant with its offset"),
        ({"end_at": "2099-02-31T00:00:00Z"}, "trigger_invalid", "Give an instant with its offset"),
        ({"payload": [1]}, "trigger_invalid", "A payload is an object."),
        ({"enabled": "yes"}, "trigger_invalid", "either true or false"),
    ],
)
def test_one_that_cannot_come_in_is_told_and_the_other_one_does(
    furnished: Importer, changes: dict[str, Any], reason: str, words: str
) -> None:
    document = exported(furnished)
    document["triggers"][1] |= changes
    second = elsewhere(furnished)
    code, told = second.run(COMMAND, str(furnished.file(document)), apply=True, strict=True)
    assert code == 2
    assert actions(told) == {"Audit": "create", "Nightly": f"skip {reason}"}
    assert words in told["triggers"][1]["words"]
    assert Trigger.objects.get(workspace=second.workspace).name == "Audit"


@pytest.mark.rule("import_skips_reported")
def test_an_editor_cannot_bring_in_what_runs_as_somebody_else(furnished: Importer) -> None:
    document = exported(furnished)
    second = elsewhere(furnished)
    second.workspace.memberships.create(user=furnished.user, role="editor")
    second.workspace.memberships.filter(user=second.user).update(role="editor")
    code, told = second.run(COMMAND, str(furnished.file(document)), strict=True)
    assert (code, set(actions(told).values())) == (2, {"skip run_as_forbidden"})
    second.workspace.memberships.filter(user=second.user).update(role="admin")
    second.run(COMMAND, str(furnished.file(document)), apply=True)
    runs_as = Trigger.objects.filter(workspace=second.workspace).values_list("run_as_user", flat=True)
    assert set(runs_as) == {furnished.user.pk}


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("nonsense", "cannot be read"),
        ("[]", "This is no export of triggers"),
        ('{"format": "runsheet.triggers", "version": 9, "triggers": []}', "version 9"),
        ('{"format": "runsheet.triggers", "version": 1}', "has no list of triggers"),
    ],
)
def test_a_file_that_is_no_export_is_refused(importer: Importer, written: str, words: str) -> None:
    with pytest.raises(CommandError, match=words):
        importer.run(COMMAND, str(importer.file(written)))


def test_entries_that_are_no_objects_are_skipped(importer: Importer) -> None:
    document = {"format": "runsheet.triggers", "version": 1, "triggers": [1, "two", {}]}
    _, told = importer.run(COMMAND, str(importer.file(document)))
    assert actions(told) == dict.fromkeys(("#1", "#2", "#3"), "skip trigger_invalid")
