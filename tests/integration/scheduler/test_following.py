"""What becomes of triggers when their table, workflow, ref or person goes (`scheduler.md` section 7)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from scheduler.models import Invocation, Trigger
from scheduler.services.claiming import due_claim
from scheduler.services.triggers import trigger_create
from scheduler.states import Source
from tables.services.schema import table_archive, table_restore
from tests.bed.engine import Engine, engine, worker
from tests.bed.factories import chain, greeting_chain, setting, workflow_make, workspace_make
from tests.bed.races import Race
from tests.bed.running import Probe, probe
from tests.bed.triggers import invocation_make, minute, person_make, trigger_make
from tests.integration.scheduler.callers import Caller, admin, editor
from tests.integration.scheduler.firings import calling_trigger, ran, run_of
from workflows.models import WorkflowRef
from workflows.services.definitions import workflow_archive
from workflows.services.refs import ref_delete, ref_takes_along
from workspaces.actors import Actor
from workspaces.models import Membership, User, Workspace
from workspaces.services.members import member_remove
from workspaces.states import Role

__all__ = ["admin", "editor", "engine", "probe", "worker"]

pytestmark = pytest.mark.django_db

ROBOT = Actor.system("test")


@pytest.fixture
def workspace(db: None) -> Workspace:
    return workspace_make()


def off(trigger: Trigger) -> tuple[bool, object, str, int]:
    """How a trigger stands: on, next slot, why off, revision."""
    trigger.refresh_from_db()
    return trigger.enabled, trigger.next_run_at, trigger.disabled_reason, trigger.schedule_revision


def taken_back(invocation: Invocation) -> bool:
    invocation.refresh_from_db()
    return (invocation.status, invocation.reason) == ("cancelled", "trigger_disabled")


@pytest.mark.rule("delete_table")
def test_an_archived_table_switches_its_triggers_off_and_restoring_it_replays_nothing(
    workspace: Workspace,
) -> None:
    sheet = greeting_chain(rows=1, workspace=workspace)
    trigger = trigger_make(workspace, table=sheet.table, due=minute(5), catchup_policy="all")
    other = trigger_make(workspace, table=greeting_chain(rows=0, workspace=workspace).table)
    pending = invocation_make(trigger)

    table_archive(table=sheet.table, actor=ROBOT)

    assert off(trigger) == (False, None, "target_archived", 2)
    assert taken_back(pending)
    assert off(other)[0]

    table_restore(table=sheet.table, actor=ROBOT)
    due_claim(10)
    assert off(trigger) == (False, None, "target_archived", 2)
    left = Invocation.objects.order_by("status").values_list("status", "reason")
    assert list(left) == [("cancelled", "trigger_disabled"), ("missed", "trigger_disabled")]


@pytest.mark.rule("delete_table", "delete_workflow")
@pytest.mark.parametrize("kind", ["table", "workflow", "workspace"])
def test_a_real_deletion_takes_triggers_and_invocations_with_it(workspace: Workspace, kind: str) -> None:
    sheet = greeting_chain(rows=1, workspace=workspace) if kind == "table" else None
    trigger = trigger_make(workspace, table=sheet.table if sheet else None)
    invocation_make(trigger, rerun_of=invocation_make(trigger, status="failed"))
    target: Any = {"table": trigger.table, "workflow": trigger.workflow, "workspace": workspace}[kind]

    target.delete()

    assert not Trigger.objects.exists()
    assert not Invocation.objects.exists()


@pytest.mark.rule("delete_workflow")
def test_an_archived_workflow_switches_its_triggers_off(workspace: Workspace) -> None:
    trigger = trigger_make(workspace)
    once_fired = trigger_make(
        workspace, workflow=trigger.workflow, enabled=False, disabled_reason="one_time_done"
    )
    pending, its_pending = invocation_make(trigger), invocation_make(once_fired)
    assert trigger.workflow is not None

    workflow_archive(workflow=trigger.workflow, actor=ROBOT)

    assert off(trigger) == (False, None, "target_archived", 2)
    assert off(once_fired)[2:] == ("one_time_done", 1)
    assert taken_back(pending)
    assert taken_back(its_pending)


@pytest.mark.rule("delete_ref", "trigger_gone_after_ref_delete_404")
def test_a_ref_takes_its_own_triggers_with_it_and_says_how_many(admin: Caller) -> None:
    workflow, other = admin.workflow(), admin.workflow()
    for each in (workflow, other):
        WorkflowRef.objects.create(workflow=each, name="stable", version=each.versions.get())
    gone = [admin.make(workflow=str(workflow.pk), ref="stable") for _ in range(2)]
    kept = [admin.make(workflow=str(workflow.pk)), admin.make(workflow=str(other.pk), ref="stable")]
    invocation_make(Trigger.objects.get(pk=gone[0]["id"]), status="completed")
    waiting = invocation_make(Trigger.objects.get(pk=gone[1]["id"]))
    path = f"workflows/{workflow.pk}/refs/stable/"

    counts = {"triggers": 2, "invocations": 2}
    assert admin.send("get", path).json()["takes_along"] == counts
    assert ref_takes_along(workflow.pk, "stable") == counts
    assert ref_delete(workflow=workflow, name="stable", actor=ROBOT) == counts

    for trigger in gone:
        answer = admin.send("get", f"triggers/{trigger['id']}/")
        assert (answer.status_code, answer.json()["code"]) == (404, "trigger_not_found")
        assert admin.change(trigger, name="x").status_code == 404
        assert admin.send("post", f"triggers/{trigger['id']}/run/", {}).status_code == 404
    assert not Invocation.objects.filter(pk=waiting.pk).exists()
    assert [admin.shown(trigger)["enabled"] for trigger in kept] == [True, True]


@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("delete_ref")
def test_what_runs_is_cancelled_before_its_ref_takes_it_away(engine: Engine, probe: Probe) -> None:
    trigger = calling_trigger(engine)
    run = run_of(ran(trigger))
    assert trigger.workflow is not None

    assert ref_delete(workflow=trigger.workflow, name="live", actor=ROBOT) == {
        "triggers": 1,
        "invocations": 1,
    }

    run.refresh_from_db()
    assert run.status == "cancelled"
    assert not Invocation.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_runs_is_cancelled_before_its_trigger_is_deleted(engine: Engine, probe: Probe) -> None:
    from scheduler.services.triggers import trigger_delete

    trigger = calling_trigger(engine)
    run = run_of(ran(trigger, source=Source.MANUAL))

    trigger_delete(trigger=trigger, actor=ROBOT, membership_role=Role.ADMIN)

    run.refresh_from_db()
    assert run.status == "cancelled"
    assert not Trigger.objects.exists()


def leave_workspace(person: User, workspace: Workspace) -> None:
    membership = Membership.objects.get(user=person, workspace=workspace)
    member_remove(membership=membership, actor=ROBOT)


def close_account(person: User, workspace: Workspace) -> None:
    person.is_active = False
    person.save(update_fields=["is_active"])


def delete_account(person: User, workspace: Workspace) -> None:
    person.delete()


@pytest.mark.rule("delete_user")
@pytest.mark.parametrize("go", [leave_workspace, close_account, delete_account])
def test_a_person_who_goes_leaves_their_triggers_off(
    workspace: Workspace, go: Callable[[User, Workspace], None]
) -> None:
    person = person_make(workspace)
    trigger, other = trigger_make(workspace, run_as_user=person), trigger_make(workspace)
    done = trigger_make(workspace, run_as_user=person, enabled=False)
    pending = invocation_make(trigger)

    go(person, workspace)

    assert off(trigger) == (False, None, "no_run_as_user", 2)
    assert taken_back(pending)
    assert off(other)[0]
    assert off(done)[2] == "user"


@pytest.mark.rule("delete_user")
def test_who_leaves_one_workspace_still_runs_things_in_another(workspace: Workspace) -> None:
    person = person_make(workspace)
    elsewhere = workspace_make("Elsewhere")
    elsewhere.memberships.create(user=person, role="editor")
    there = trigger_make(elsewhere, run_as_user=person)

    leave_workspace(person, workspace)

    assert off(there)[0]


@pytest.mark.rule("delete_user")
def test_one_without_a_person_is_not_switched_on_until_somebody_is_named(admin: Caller) -> None:
    person = person_make(admin.workspace)
    made = admin.make(run_as_user=str(person.pk))
    person.delete()

    refused = admin.send("post", f"triggers/{made['id']}/enable/")
    assert (refused.status_code, refused.json()["errors"].keys()) == (400, {"run_as_user"})

    answer = admin.change(made, run_as_user=str(admin.user.pk), enabled=True)
    assert (answer.status_code, answer.json()["enabled"]) == (200, True)


def test_signing_in_looks_at_no_trigger(workspace: Workspace, django_assert_num_queries: Any) -> None:
    person = person_make(workspace)

    with django_assert_num_queries(1):
        person.save(update_fields=["last_login"])


@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("delete_workflow", "delete_table", "delete_ref")
@pytest.mark.parametrize("kind", ["workflow", "table", "ref"])
def test_no_trigger_stays_on_whose_target_goes_while_it_is_made(two_connections: Race, kind: str) -> None:
    workspace = workspace_make()
    person = person_make(workspace)
    fields: dict[str, Any] = {"name": "x", "cron_expression": "0 9 * * *"}
    go: Callable[[], object]
    if kind == "table":
        table = greeting_chain(rows=1, workspace=workspace).table
        fields["table"] = table.pk
        go = partial(table_archive, table=table, actor=ROBOT)
    else:
        workflow = workflow_make(workspace, chain(setting("say", "x")))
        fields["workflow"] = workflow.pk
        go = partial(workflow_archive, workflow=workflow, actor=ROBOT)
        if kind == "ref":
            go = partial(ref_delete, workflow=workflow, name="live", actor=ROBOT)

    def make() -> None:
        for _ in range(5):
            trigger_create(
                workspace=workspace,
                actor=Actor(person.pk, person.label),
                membership_role=Role.EDITOR,
                **fields,
            )

    made, gone = two_connections(make, go)

    assert gone.error is None
    assert made.error is None or "no such" in str(made.error) or "no ref" in str(made.error)
    assert not Trigger.objects.filter(enabled=True).exists()
