"""`manage.py run_workflow`: a run from the shell, followed to its end."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.bed.races import Race
from tests.integration.workflows.people import greeting, workspace_of
from workflows.models import Run, Workflow
from workflows.states import RunStatus
from workspaces.models import AuditEvent, Workspace

ADA = ["--input", '{"name": "Ada"}']


def ends_as(status: RunStatus, **facts: Any) -> None:
    """What a worker does: take the queued run, and move it on."""
    while not Run.objects.filter(status=RunStatus.QUEUED).update(status=RunStatus.RUNNING):
        pass
    Run.objects.update(status=status, **facts)


def test_a_run_is_started_and_its_id_printed(workflow: Workflow, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("run_workflow", "Greeting", *ADA, "--user", "ada")
    run = Run.objects.get()
    assert capsys.readouterr().out == f"{run.pk}\n"
    assert (run.status, run.trigger_kind, run.input) == (RunStatus.QUEUED, "command", {"name": "Ada"})
    assert AuditEvent.objects.get(action="run.started").actor_label == "ada (run_workflow)"


def test_input_comes_from_a_file_or_stdin_too(
    workflow: Workflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "input.json").write_text('{"name": "Grace"}')
    call_command("run_workflow", str(workflow.pk), "--input", f"@{tmp_path}/input.json", "--ref", "draft")
    monkeypatch.setattr("sys.stdin", io.StringIO('{"name": "Edsger"}'))
    call_command("run_workflow", "Greeting", "--input", "@-", "--json")
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["status"] == "queued"
    assert [run.input["name"] for run in Run.objects.order_by("id")] == ["Grace", "Edsger"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("status", "facts", "code", "word"),
    [
        (RunStatus.COMPLETED, {"result": {"text": "Hello Ada"}}, 0, '"text": "Hello Ada"'),
        (RunStatus.FAILED, {"error": {"code": "timeout", "message": "too slow"}}, 1, "failed: too slow"),
        (RunStatus.CANCELLED, {}, 1, "cancelled"),
        (RunStatus.PAUSED, {}, 3, "paused: It waits for an answer"),
        (RunStatus.NEEDS_DECISION, {}, 3, "needs_decision: Nobody knows"),
    ],
    ids=str,
)
def test_waiting_ends_with_the_run_and_the_exit_code_says_how(
    two_connections: Race,
    sent: Any,
    capsys: pytest.CaptureFixture[str],
    status: RunStatus,
    facts: dict[str, Any],
    code: int,
    word: str,
) -> None:
    greeting(workspace_of("ada"))

    def command() -> int:
        with pytest.raises(SystemExit) as ended:
            call_command("run_workflow", "Greeting", *ADA, "--wait")
        return int(ended.value.code or 0)

    followed, _ = two_connections(command, lambda: ends_as(status, **facts))
    assert followed.value == code, followed.error
    printed = capsys.readouterr().out
    assert printed.startswith(f"{Run.objects.get().pk}\n{status}")
    assert word in printed


@pytest.mark.django_db(transaction=True)
def test_programs_get_one_line_of_json(
    two_connections: Race, sent: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    greeting(workspace_of("ada"))

    def command() -> None:
        with pytest.raises(SystemExit):
            call_command("run_workflow", "Greeting", *ADA, "--wait", "--json")

    two_connections(command, lambda: ends_as(RunStatus.COMPLETED, result=5))
    told = json.loads(capsys.readouterr().out)
    assert told == {"run": str(Run.objects.get().pk), "status": "completed", "result": 5, "error": None}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["Nothing"], "There are: Greeting"),
        (["Greeting"], "input"),
        (["Greeting", "--input", "{"], "not JSON"),
        (["Greeting", "--input", "[]"], "object"),
        (["Greeting", "--input", '{"name": NaN}'], "finite"),
        (["Greeting", "--input", "@nowhere.json"], "nowhere.json"),
        (["Greeting", *ADA, "--ref", "main"], "no ref 'main'"),
        (["Greeting", *ADA, "--user", "bob"], "not a member"),
        (["Greeting", *ADA, "--workspace", "mars"], "There is no workflow"),
    ],
)
def test_what_cannot_start_is_told_and_starts_nothing(
    workflow: Workflow, args: list[str], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("run_workflow", *args)
    assert not Run.objects.exists()


def test_a_name_in_several_workspaces_has_to_be_told_apart(
    workspace: Workspace, workflow: Workflow, capsys: pytest.CaptureFixture[str]
) -> None:
    greeting(workspace_of("bob"))
    with pytest.raises(CommandError, match="--workspace"):
        call_command("run_workflow", "Greeting", *ADA)
    call_command("run_workflow", "Greeting", *ADA, "--workspace", workspace.slug)
    assert Run.objects.get().workflow_id == workflow.pk
