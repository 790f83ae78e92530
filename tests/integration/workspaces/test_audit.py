"""Every change leaves one entry, and no entry can be changed."""

import uuid

import pytest
from django.db import DatabaseError, connection, transaction
from rest_framework.test import APIClient

from tests.integration.workspaces.people import ACTOR
from workspaces.models import AuditEvent, Membership, User, Workspace
from workspaces.services.audit import audit_record

API = "/api/v1"


@pytest.fixture
def entry(workspace: Workspace) -> AuditEvent:
    return audit_record(workspace_id=workspace.pk, actor=ACTOR, action="thing.done", target=workspace)


@pytest.mark.rule("S19")
@pytest.mark.parametrize(
    "statement", ["UPDATE workspaces_auditevent SET action = 'x'", "DELETE FROM workspaces_auditevent"]
)
def test_the_database_refuses_to_change_or_delete_entries(entry: AuditEvent, statement: str) -> None:
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert AuditEvent.objects.filter(pk=entry.pk, action="thing.done").exists()


@pytest.mark.rule("S19")
def test_entries_outlive_their_workspace_and_person(
    entry: AuditEvent, workspace: Workspace, admin: User
) -> None:
    workspace.delete()
    admin.delete()
    assert AuditEvent.objects.filter(pk=entry.pk).exists()


@pytest.mark.rule("S19")
def test_every_mutating_endpoint_leaves_exactly_one_entry(
    admin_client: APIClient, workspace: Workspace, viewer: User, outsider: User
) -> None:
    own = f"{API}/workspaces/{workspace.slug}"
    member = Membership.objects.get(user=viewer).pk
    token = admin_client.post(f"{own}/tokens/", {"name": "t", "scope": "read"}).json()["id"]
    calls = [
        ("workspace.updated", "patch", f"{own}/", {"name": "Renamed"}),
        ("member.added", "post", f"{own}/members/", {"user": "oscar", "role": "viewer"}),
        ("member.role_changed", "patch", f"{own}/members/{member}/", {"role": "editor"}),
        ("member.removed", "delete", f"{own}/members/{member}/", None),
        ("token.created", "post", f"{own}/tokens/", {"name": "u", "scope": "read"}),
        ("token.revoked", "delete", f"{own}/tokens/{token}/", None),
        ("secret.created", "post", f"{API}/secrets/", {"name": "K", "value": "v"}),
        ("secret.replaced", "post", f"{API}/secrets/", {"name": "K", "value": "w"}),
        ("secret.deleted", "delete", f"{API}/secrets/K/", None),
    ]
    for action, method, path, body in calls:
        before = set(AuditEvent.objects.values_list("pk", flat=True))
        response = getattr(admin_client, method)(path, body)
        assert response.status_code < 300, (action, response.content)
        assert [entry.action for entry in AuditEvent.objects.exclude(pk__in=before)] == [action]


@pytest.mark.rule("S19")
def test_an_entry_says_who_what_before_after_and_from_where(
    admin_client: APIClient, workspace: Workspace, admin: User
) -> None:
    admin_client.patch(f"{API}/workspaces/{workspace.slug}/", {"name": "Renamed"})
    newest = admin_client.get(
        f"{API}/workspaces/{workspace.slug}/audit/", {"action": "workspace.updated"}
    ).json()
    entry = newest["results"][0]
    assert (entry["actor"], entry["actor_label"]) == (str(admin.pk), "ada")
    assert (entry["before"], entry["after"]) == (
        {"name": "Acme Research", "slug": "acme-research"},
        {"name": "Renamed", "slug": "acme-research"},
    )
    assert (entry["target_type"], entry["target_id"]) == ("workspace", str(workspace.pk))
    assert entry["ip"] == "127.0.0.1"
    assert uuid.UUID(entry["request_id"]).version == 4
    assert entry["token"] is not None


def test_a_refused_change_leaves_no_entry(
    admin_client: APIClient, workspace: Workspace, foreign: Workspace
) -> None:
    before = AuditEvent.objects.count()
    problem = admin_client.patch(f"{API}/workspaces/{workspace.slug}/", {"slug": foreign.slug}).json()
    assert problem["code"] == "slug_taken"
    assert AuditEvent.objects.count() == before
