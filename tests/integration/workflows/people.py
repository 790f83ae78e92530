"""Workflows and clients for the tests of this folder."""

from __future__ import annotations

from typing import Any

from rest_framework.test import APIClient

from workflows.models import Run, Workflow
from workflows.services.definitions import publish, workflow_create
from workflows.services.runs import run_start
from workflows.services.versions import version_for_ref
from workspaces.actors import Actor
from workspaces.models import Membership, User, Workspace
from workspaces.services.members import member_add
from workspaces.services.tokens import token_create
from workspaces.services.workspaces import workspace_create
from workspaces.states import LARGEST_SCOPE, Role

ACTOR = Actor.system("test")

GREETING: dict[str, Any] = {
    "blocks": [
        {"key": "start", "type": "start", "config": {"inputs": {"name": {"type": "text", "required": True}}}},
        {"key": "say", "type": "respond", "config": {"value": {"text": "Hello {{ input.name }}"}}},
    ],
    "edges": [{"from": "start", "to": "say"}],
}


def person(name: str) -> User:
    """An account."""
    return User.objects.create_user(name, f"{name}@example.org", "correct horse")


def workspace_of(owner: str) -> Workspace:
    """A workspace with one admin."""
    return workspace_create(name=f"{owner}'s", owner=person(owner), actor=ACTOR)


def client_of(workspace: Workspace, role: Role = Role.ADMIN) -> APIClient:
    """A client with a token of a member of that role."""
    place = Membership.objects.filter(workspace=workspace, role=role).select_related("user").first()
    if place is None:
        someone = person(f"{role}-{workspace.slug}")
        place = member_add(workspace=workspace, user=someone, role=role, actor=ACTOR)
    token = token_create(membership=place, name="test", scope=LARGEST_SCOPE[role], actor=ACTOR)[1]
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def greeting(workspace: Workspace, name: str = "Greeting") -> Workflow:
    """A workflow that is published as ``live``."""
    workflow = workflow_create(workspace=workspace, name=name, actor=ACTOR, definition=GREETING)
    publish(workflow=workflow, ref="live", actor=ACTOR)
    return workflow


def started(workflow: Workflow, **options: Any) -> Run:
    """A queued run."""
    given = {"input": {"name": "Ada"}, **options}
    return run_start(workflow=workflow, version=version_for_ref(workflow, "live"), actor=ACTOR, **given)[0]
