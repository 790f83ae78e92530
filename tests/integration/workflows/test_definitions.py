"""Drafts, versions and refs (W1, W2)."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.bed.races import Race
from tests.integration.workflows.people import ACTOR, GREETING, greeting, started, workspace_of
from workflows.errors import (
    DefinitionInvalid,
    RefInUse,
    RefNameInvalid,
    RefNotFound,
    WorkflowInUse,
    WorkflowNameTaken,
    WorkflowNotFound,
)
from workflows.models import Workflow, WorkflowVersion
from workflows.services import refs
from workflows.services.definitions import (
    definition_check,
    draft_freeze,
    publish,
    workflow_archive,
    workflow_create,
    workflow_update,
)
from workflows.services.refs import ref_delete, ref_set
from workflows.services.versions import compiled_version, runnable_version, version_for_ref
from workspaces.models import Workspace

FAULTY: dict[str, Any] = {
    "blocks": [
        {"key": "start", "type": "start", "config": {"inputs": {"name": {}}}},
        {
            "key": "a",
            "type": "set",
            "config": {"fields": {"x": "{{ input.nmae }}"}},
        },
        {"key": "b", "type": "telepathy"},
        {"key": "c", "type": "condition", "config": {"when": "1 +"}},
        {"key": "d", "type": "set", "config": {"feilds": {}}},
        {"key": "e", "type": "http", "config": {"url": "https://example.org/?key={{ secrets.NONE }}"}},
    ],
    "edges": [
        {"from": "start", "to": "a"},
        {"from": "c", "handle": "maybe", "to": "d"},
        {"from": "a", "to": "z"},
    ],
}


def edited(workflow: Workflow, definition: dict[str, Any]) -> Workflow:
    return workflow_update(workflow=workflow, actor=ACTOR, definition=definition)


def greeting_with(**changes: Any) -> dict[str, Any]:
    start, say = GREETING["blocks"]
    return {**GREETING, "blocks": [start, {**say, **changes}]}


@pytest.mark.rule("W1")
def test_every_fault_of_a_definition_is_told_at_once(workspace: Workspace) -> None:
    found = {(fault.block, fault.code) for fault in definition_check(workspace, FAULTY).faults}
    assert {
        ("a", "unknown_input"),
        ("e", "unknown_secret"),
        ("b", "unknown_type"),
        ("c", "bad_expression"),
        ("d", "bad_config"),
        (None, "missing_block"),
    } <= found
    assert any(block == "c" and "handle" in code for block, code in found)


@pytest.mark.rule("W1")
def test_an_invalid_draft_is_saved_but_neither_run_nor_published(workspace: Workspace) -> None:
    workflow = workflow_create(workspace=workspace, name="Bad", actor=ACTOR, definition=FAULTY)
    with pytest.raises(DefinitionInvalid) as refusal:
        publish(workflow=workflow, ref="live", actor=ACTOR)
    assert "b.type" in (refusal.value.errors or {})
    with pytest.raises(DefinitionInvalid):
        version_for_ref(workflow, "draft")
    assert not WorkflowVersion.objects.exists()


@pytest.mark.rule("W2")
@pytest.mark.parametrize("change", [{"position": {"x": 1, "y": 2}}, {"name": "Another name"}])
def test_layout_and_names_do_not_make_a_version(workflow: Workflow, change: dict[str, Any]) -> None:
    assert version_for_ref(edited(workflow, greeting_with(**change)), "draft").number == 1


@pytest.mark.rule("W2")
def test_a_changed_meaning_is_the_next_version_and_an_old_one_the_old(workflow: Workflow) -> None:
    draft = edited(workflow, greeting_with(config={"value": "Hi"}))
    assert draft_freeze(workflow=draft, actor=ACTOR).number == 2
    assert draft_freeze(workflow=edited(workflow, GREETING), actor=ACTOR).number == 1


@pytest.mark.rule("W2")
def test_publishing_moves_the_ref_and_leaves_runs_where_they_are(workflow: Workflow) -> None:
    run = started(workflow)
    edited(workflow, greeting_with(config={"value": "Hi"}))
    publish(workflow=workflow, ref="live", actor=ACTOR, note="shorter")
    assert version_for_ref(workflow, "live").number == 2
    run.refresh_from_db()
    assert run.version.number == 1


@pytest.mark.rule("W2")
@pytest.mark.parametrize(
    "name", ["draft", "", ".x", "a..b", "a//b", "a@{b", "a/", "a.", "a.lock", "a b", "x" * 257]
)
def test_a_ref_needs_a_good_name(workflow: Workflow, name: str) -> None:
    with pytest.raises(RefNameInvalid):
        publish(workflow=workflow, ref=name, actor=ACTOR)


@pytest.mark.rule("W2")
def test_a_ref_in_use_stays_and_names_its_users(workflow: Workflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refs, "_guards", [])
    refs.guard_refs(lambda workflow_id, name: ["Leads / Enrich"] if name in {"live", None} else [])
    with pytest.raises(RefInUse, match="Leads / Enrich"):
        ref_delete(workflow=workflow, name="live", actor=ACTOR)
    with pytest.raises(WorkflowInUse, match="Leads / Enrich"):
        workflow_archive(workflow=workflow, actor=ACTOR)
    assert version_for_ref(workflow, "live").number == 1
    ref_set(workflow=workflow, name="feature/x", version=version_for_ref(workflow, "live"), actor=ACTOR)
    ref_delete(workflow=workflow, name="feature/x", actor=ACTOR)


@pytest.mark.rule("W2")
def test_a_ref_that_is_not_there_is_said_by_name(workflow: Workflow) -> None:
    with pytest.raises(RefNotFound, match="'main'"):
        version_for_ref(workflow, "main")


def test_an_archived_workflow_is_gone_and_frees_its_name(workspace: Workspace, workflow: Workflow) -> None:
    workflow_archive(workflow=workflow, actor=ACTOR)
    with pytest.raises(WorkflowNotFound):
        runnable_version(workflow.pk, "live")
    assert greeting(workspace).pk != workflow.pk


def test_names_are_unique_in_their_workspace_only(workspace: Workspace, workflow: Workflow) -> None:
    with pytest.raises(WorkflowNameTaken):
        workflow_create(workspace=workspace, name=workflow.name, actor=ACTOR)
    assert greeting(workspace_of("grace")).name == workflow.name


@pytest.mark.rule("W2", "W4")
def test_a_version_is_compiled_once(
    workflow: Workflow, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    version = version_for_ref(workflow, "live")
    with django_assert_num_queries(1):
        assert compiled_version(version.pk) is compiled_version(version.pk)


@pytest.mark.rule("W2")
@pytest.mark.django_db(transaction=True)
def test_two_who_freeze_at_once_get_one_version(two_connections: Race, sent: list[Any]) -> None:
    workflow = workflow_create(workspace=workspace_of("ada"), name="W", actor=ACTOR, definition=GREETING)
    outcomes = two_connections(*[lambda: draft_freeze(workflow=workflow, actor=ACTOR)] * 2)
    assert [outcome.error for outcome in outcomes] == [None, None]
    assert WorkflowVersion.objects.count() == 1
