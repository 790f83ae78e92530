"""`workflow_pull` and `workflow_push`: out to files and back, checked whole, never a deletion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.integration.workflows.people import ACTOR, greeting, workspace_of
from workflows.models import Workflow
from workflows.services.definitions import workflow_archive, workflow_create, workflow_update
from workspaces.models import AuditEvent, User, Workspace

BROKEN = """\
name: Broken
blocks:
  - key: start
    type: start
  - key: say
    type: nope
  - key: tell
    type: respond
    config:
      value: '{{ blocks.gone }}'
edges:
  - from: start
    to: say
  - from: say
    to: tell
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "workflows"


def pull(capsys: pytest.CaptureFixture[str], *args: Any) -> str:
    call_command("workflow_pull", *map(str, args))
    return capsys.readouterr().out


def push(capsys: pytest.CaptureFixture[str], *args: Any) -> dict[str, Any]:
    call_command("workflow_push", *map(str, args), "--json")
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def actions() -> list[str]:
    made = AuditEvent.objects.filter(target_type="workflow").order_by("id")
    return list(made.values_list("action", flat=True))


def test_what_is_pulled_pushes_back_as_nothing(
    workflow: Workflow, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pull(capsys, "--to", folder)
    before = actions()
    told = push(capsys, folder)
    assert [(line["name"], line["action"], line["diff"]) for line in told["workflows"]] == [
        ("Greeting", "none", "")
    ]
    assert actions() == before
    assert "Refs: live → version 1." in (folder / "greeting.yaml").read_text()


@pytest.mark.rule("W2")
def test_an_edited_file_is_shown_saved_and_published(
    workflow: Workflow, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pull(capsys, "--to", folder)
    file = folder / "greeting.yaml"
    file.write_text(file.read_text().replace("Hello", "Good morning"))

    call_command("workflow_push", str(folder), "--dry-run")
    shown = capsys.readouterr().out
    assert "-        text: Hello {{ input.name }}\n+        text: Good morning {{ input.name }}\n" in shown
    assert "Greeting: would be updated" in shown
    workflow.refresh_from_db()
    assert "Hello" in json.dumps(workflow.draft)

    call_command("workflow_push", str(file), "--publish", "live", "--note", "morning")
    assert "Greeting: updated, live → version 2\n" in capsys.readouterr().out
    workflow.refresh_from_db()
    assert "Good morning" in json.dumps(workflow.draft)
    version = workflow.refs.get(name="live").version
    assert (version.number, version.note) == (2, "morning")

    told = push(capsys, file, "--publish", "live")
    assert [(line["action"], line["version"], line["published"]) for line in told["workflows"]] == [
        ("none", 2, False)
    ]


def test_a_workflow_that_is_not_there_is_made_only_when_asked(
    workspace: Workspace, workflow: Workflow, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pull(capsys, "--to", folder)
    other = workspace_of("bob")
    to_other = (folder, "--workspace", other.slug)
    with pytest.raises(CommandError, match="nothing was changed"):
        push(capsys, *to_other)
    assert "--create makes it" in json.loads(capsys.readouterr().out)["faults"][0]["message"]
    told = push(capsys, *to_other, "--create", "--publish", "live")
    made = Workflow.objects.get(workspace=other)
    assert (told["workflows"][0]["id"], told["workflows"][0]["version"]) == (str(made.pk), 1)
    assert made.draft == workflow.draft


@pytest.mark.rule("W1")
def test_every_fault_is_told_with_file_line_and_block_and_nothing_is_saved(
    workspace: Workspace, workflow: Workflow, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pull(capsys, "--to", folder)
    file = folder / "greeting.yaml"
    file.write_text(file.read_text().replace("Hello", "Good morning"))
    (folder / "broken.yml").write_text(BROKEN)
    (folder / "twice.yaml").write_text(file.read_text())
    (folder / "unreadable.yaml").write_text("name: [")
    with pytest.raises(CommandError, match="4 errors; nothing was changed"):
        call_command("workflow_push", str(folder), "--create")
    told = capsys.readouterr().err
    assert f"{folder}/broken.yml:5: block say, type: " in told
    assert f"{folder}/broken.yml:7: block tell, config.value: " in told
    assert "greeting.yaml names the workflow 'Greeting' too" in told
    assert f"{folder}/unreadable.yaml: line " in told
    workflow.refresh_from_db()
    assert "Hello" in json.dumps(workflow.draft)
    assert Workflow.objects.count() == 1


def test_a_file_is_written_where_its_workflow_lives_and_others_are_left(
    workspace: Workspace, workflow: Workflow, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pull(capsys, "--to", folder)
    (folder / "greeting.yaml").rename(folder / "hello.yaml")
    (folder / "greeting.yaml").write_text("something: else\n")
    for name in ("GREETING!", "Größe", "日本"):
        workflow_create(workspace=workspace, name=name, actor=ACTOR)
    told = json.loads(pull(capsys, "--to", folder, "--json"))["workflows"]
    assert {Path(line["file"]).name: line["name"] for line in told} == {
        "hello.yaml": "Greeting",
        "greeting-2.yaml": "GREETING!",
        "groe.yaml": "Größe",
        "workflow.yaml": "日本",
    }
    assert (folder / "greeting.yaml").read_text() == "something: else\n"
    workflow_archive(workflow=workflow, actor=ACTOR)
    again = json.loads(pull(capsys, "--to", folder, "--json"))["workflows"]
    assert not any(line["changed"] for line in again)
    assert (folder / "hello.yaml").exists()


def test_a_ref_can_be_pulled_instead_of_the_draft(
    workspace: Workspace, workflow: Workflow, capsys: pytest.CaptureFixture[str]
) -> None:
    workflow_update(workflow=workflow, actor=ACTOR, definition={"blocks": [], "edges": []})
    greeting(workspace, "Second")
    printed = pull(capsys, "--ref", "live")
    assert printed.count("Hello {{ input.name }}") == 2
    assert printed.count("\n---\n") == 1
    assert pull(capsys, "Greeting").startswith("# As of its draft. Refs: live → version 1.\nname: Greeting\n")
    with pytest.raises(CommandError, match="no ref 'main'"):
        pull(capsys, "--ref", "main")
    with pytest.raises(CommandError, match="There are: Greeting, Second"):
        pull(capsys, "Third")


@pytest.mark.rule("S19")
def test_the_audit_log_knows_whose_push_it_was(
    workspace: Workspace, workflow: Workflow, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pull(capsys, "--to", folder)
    file = folder / "greeting.yaml"
    file.write_text(file.read_text().replace("description: ''", "description: Says hello"))
    push(capsys, file, "--user", "ada")
    entry = AuditEvent.objects.get(action="workflow.updated")
    assert (entry.actor_id, entry.actor_label) == (User.objects.get().pk, "ada (workflow_push)")
    assert entry.after["description"] == "Says hello"
    with pytest.raises(CommandError, match="bob is not a member"):
        push(capsys, file, "--user", "bob")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["nowhere"], "no such file"),
        ([".", "--note", "x"], "belongs to --publish"),
        ([".", "--publish", "a..b"], "Ref names"),
        ([".", "--publish", "draft"], "draft"),
        ([".", "--workspace", "mars"], "There are: "),
    ],
)
def test_a_push_that_makes_no_sense_is_refused(
    workflow: Workflow,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    args: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    pull(capsys, "--to", ".")
    with pytest.raises(CommandError, match=message):
        call_command("workflow_push", *args)
