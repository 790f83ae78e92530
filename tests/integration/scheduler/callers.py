"""Members of one workspace who speak to the REST API, for tests that import the fixtures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from rest_framework.test import APIClient

from tests.bed.factories import chain, setting, workflow_make, workspace_make
from tests.bed.triggers import person_make
from workspaces.actors import Actor
from workspaces.models import Membership, User, Workspace
from workspaces.services.tokens import token_create
from workspaces.states import Scope

if TYPE_CHECKING:
    from workflows.models import Workflow

ACTOR = Actor.system("test")
V1 = "/api/v1"
DAILY = "0 9 * * *"


class Caller(APIClient):
    """Speaks JSON as one member of a workspace, by a token."""

    user: User
    workspace: Workspace

    @property
    def actor(self) -> Actor:
        """The same person, for services."""
        return Actor(self.user.pk, self.user.label)

    def workflow(self) -> Workflow:
        """A workflow of their workspace with a ``live`` version."""
        return workflow_make(self.workspace, chain(setting("say", "{{ input.message }}")))

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Any call; ``path`` is below `/api/v1/`, ``headers`` with underscores for hyphens."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return getattr(self, method)(f"{V1}/{path}", body, format="json", headers=sent)

    def make(self, **fields: Any) -> dict[str, Any]:
        """A trigger over the API, daily and of a workflow unless ``fields`` say otherwise."""
        if not {"workflow", "table"} & fields.keys():
            fields["workflow"] = str(self.workflow().pk)
        if "run_at" not in fields:
            fields.setdefault("cron_expression", DAILY)
        answer = self.send("post", "triggers/", {"name": "Nightly", **fields})
        assert answer.status_code == 201, answer.json()
        return dict(answer.json())

    def refused(self, **fields: Any) -> Any:
        """The answer to a trigger that cannot be made like this."""
        fields.setdefault("cron_expression", DAILY)
        if not {"workflow", "table"} & fields.keys():
            fields["workflow"] = str(self.workflow().pk)
        return self.send("post", "triggers/", {"name": "Nightly", **fields})

    def change(self, trigger: dict[str, Any], **changes: Any) -> Any:
        """The answer to a PATCH."""
        return self.send("patch", f"triggers/{trigger['id']}/", changes)

    def shown(self, trigger: dict[str, Any]) -> dict[str, Any]:
        """A trigger as it is shown now."""
        return dict(self.send("get", f"triggers/{trigger['id']}/").json())


def caller_make(workspace: Workspace, role: str, scope: Scope = Scope.WRITE) -> Caller:
    """A new member with that role."""
    user = person_make(workspace, role)
    membership = Membership.objects.select_related("user").get(user=user, workspace=workspace)
    caller = Caller(headers={"accept": "application/json"})
    token = token_create(membership=membership, name="test", scope=scope, actor=ACTOR)[1]
    caller.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    caller.user, caller.workspace = user, workspace
    return caller


@pytest.fixture
def admin(db: None) -> Caller:
    """An admin of a workspace of its own."""
    return caller_make(workspace_make(), "admin")


@pytest.fixture
def editor(admin: Caller) -> Caller:
    """An editor beside the admin."""
    return caller_make(admin.workspace, "editor")


@pytest.fixture
def viewer(admin: Caller) -> Caller:
    """A viewer beside the admin."""
    return caller_make(admin.workspace, "viewer", Scope.READ)


@pytest.fixture
def stranger(db: None) -> Caller:
    """An admin of somebody else's workspace."""
    return caller_make(workspace_make("Elsewhere"), "admin")
