"""Keeping hooks: who may, what is shown of a secret, and what is forgotten in time (trust.md 12)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from tests.integration.workflows.people import ACTOR, client_of, greeting, workspace_of
from tests.integration.workflows.sender import API, base, deliver, taking
from workflows.models import Hook, HookDelivery, Workflow
from workflows.services.hooks import hook_create, hook_deliveries_prune
from workspaces.models import AuditEvent, Workspace
from workspaces.states import Role


@pytest.mark.parametrize(
    ("inputs", "fits"),
    [
        (None, True),
        ({"payload": {"type": "object", "required": True}}, True),
        ({"payload": {}, "depth": {"type": "number", "default": 1, "required": True}}, True),
        ({"name": {"type": "text"}}, False),
        ({"payload": {}, "name": {"type": "text", "required": True}}, False),
        ({}, False),
    ],
)
def test_a_workflow_that_cannot_begin_with_a_payload_gets_no_hook(
    client: APIClient, workspace: Workspace, sent: Any, inputs: dict[str, Any] | None, fits: bool
) -> None:
    workflow = taking(workspace, {"inputs": inputs}, value="taken")
    answer = client.post(base(workflow), {"name": "shop"})
    assert (answer.status_code, answer.json().get("code")) == (
        (201, None) if fits else (422, "hook_input_unfit")
    )


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "invalid"),
        ({"name": " "}, 400, "invalid"),
        ({"name": "x", "ref": "nowhere"}, 404, "ref_not_found"),
        ({"name": "x", "ref": "draft"}, 400, "ref_name_invalid"),
        ({"name": "x", "secret": "mine"}, 400, "invalid"),
        ({"name": "x", "enabled": False}, 400, "invalid"),
    ],
)
def test_a_bad_hook_is_refused(
    client: APIClient, taker: Workflow, body: dict[str, Any], status: int, code: str
) -> None:
    answer = client.post(base(taker), body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Hook.objects.exists()


def everything_stored() -> str:
    """Every row of every table but the migrations', as text."""
    with connection.cursor() as cursor:
        found = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT row_to_json(t)::text FROM {connection.ops.quote_name(table)} t")
            found += [row[0] for row in cursor.fetchall()]
    return "\n".join(found)


@pytest.mark.rule("S5", "S12")
def test_a_secret_is_shown_once_and_stored_as_ciphertext(client: APIClient, taker: Workflow) -> None:
    made = client.post(base(taker), {"name": "shop"})
    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
    path = made.json()["path"]
    assert path == f"{API}/hooks/{made.json()['id']}/"
    first = made.json()["secret"]
    second = client.post(f"{base(taker)}{made.json()['id']}/rotate/", {}).json()["secret"]
    assert deliver(UUID(made.json()["id"]), first).status_code == 202
    seen = everything_stored() + client.get(base(taker)).content.decode()
    for secret in (first, second):
        assert secret.startswith("whsec_")
        assert secret not in seen
        assert secret.removeprefix("whsec_") not in seen
    (listed,) = client.get(base(taker)).json()["results"]
    assert not {"secret", "ciphertext", "previous_ciphertext"} & set(listed)


@pytest.mark.rule("S5")
def test_rotating_the_keys_re_encrypts_hooks_too(
    client: APIClient, taker: Workflow, hook: tuple[Hook, str], settings: Settings
) -> None:
    second = client.post(f"{base(taker)}{hook[0].pk}/rotate/", {}).json()["secret"]
    newest = Fernet.generate_key().decode()
    settings.RUNSHEET_SECRET_KEYS = [newest, *settings.RUNSHEET_SECRET_KEYS]
    call_command("rotate_secrets", "--json")
    settings.RUNSHEET_SECRET_KEYS = [newest]
    answers = [deliver(hook[0].pk, secret, name=secret[6:12]) for secret in (hook[1], second)]
    assert [answer.status_code for answer in answers] == [202, 202]


@pytest.mark.rule("S12")
def test_old_deliveries_and_ended_secrets_are_forgotten(client: APIClient, taker: Workflow) -> None:
    hook, secret = hook_create(workflow=taker, name="shop", actor=ACTOR)
    client.post(f"{base(taker)}{hook.pk}/rotate/", {"previous_seconds": 3_600})
    for name in ("old", "young"):
        deliver(hook.pk, secret, name=name)
    now = timezone.now()
    HookDelivery.objects.filter(replay_id="old").update(received_at=now - timedelta(days=2, minutes=1))
    assert [hook_deliveries_prune(now), hook_deliveries_prune(now)] == [1, 0]
    assert list(HookDelivery.objects.values_list("replay_id", flat=True)) == ["young"]
    assert Hook.objects.get().previous_ciphertext is not None
    hook_deliveries_prune(now + timedelta(hours=2))
    assert Hook.objects.get().previous_ciphertext is None


ENDPOINTS = [
    ("get", "", None, Role.VIEWER),
    ("post", "", {"name": "new"}, Role.EDITOR),
    ("patch", "{hook}/", {"enabled": False}, Role.EDITOR),
    ("post", "{hook}/rotate/", {}, Role.EDITOR),
    ("delete", "{hook}/", None, Role.EDITOR),
]


def call(client: APIClient, method: str, path: str, body: Any) -> Any:
    return getattr(client, method)(path) if body is None else getattr(client, method)(path, body)


@pytest.mark.rule("S9")
@pytest.mark.parametrize(("method", "path", "body", "role"), ENDPOINTS)
def test_outsiders_find_no_hooks(
    taker: Workflow, hook: tuple[Hook, str], method: str, path: str, body: Any, role: Role
) -> None:
    stranger = client_of(workspace_of("oscar"))
    assert call(stranger, method, base(taker) + path.format(hook=hook[0].pk), body).status_code == 404


@pytest.mark.rule("S9")
def test_a_hook_is_found_under_its_own_workflow_only(
    client: APIClient, workspace: Workspace, hook: tuple[Hook, str]
) -> None:
    other = greeting(workspace)
    assert client.delete(f"{base(other)}{hook[0].pk}/").status_code == 404


@pytest.mark.rule("S9")
@pytest.mark.parametrize(("method", "path", "body", "role"), ENDPOINTS)
@pytest.mark.parametrize("caller", [Role.VIEWER, Role.EDITOR])
def test_editors_keep_hooks_and_viewers_see_them(
    workspace: Workspace,
    taker: Workflow,
    hook: tuple[Hook, str],
    caller: Role,
    method: str,
    path: str,
    body: Any,
    role: Role,
) -> None:
    answer = call(client_of(workspace, caller), method, base(taker) + path.format(hook=hook[0].pk), body)
    assert (answer.status_code < 400) == (caller.rank >= role.rank), answer.content


@pytest.mark.rule("S19")
def test_every_change_of_a_hook_leaves_one_entry(
    client: APIClient, taker: Workflow, hook: tuple[Hook, str]
) -> None:
    own = f"{base(taker)}{hook[0].pk}/"
    calls = [
        ("hook.created", "post", base(taker), {"name": "new"}),
        ("hook.updated", "patch", own, {"name": "till"}),
        ("hook.rotated", "post", f"{own}rotate/", {}),
        ("hook.deleted", "delete", own, None),
    ]
    for action, method, path, body in calls:
        before = set(AuditEvent.objects.values_list("pk", flat=True))
        assert call(client, method, path, body).status_code < 300, action
        assert [entry.action for entry in AuditEvent.objects.exclude(pk__in=before)] == [action]
