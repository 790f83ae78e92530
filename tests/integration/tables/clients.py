"""Clients of the REST API for the tests of this folder."""

from __future__ import annotations

from typing import Any

from rest_framework.test import APIClient

from tests.bed.factories import chain, setting, workflow_make
from workflows.models import Workflow
from workspaces.actors import Actor
from workspaces.models import Membership, User, Workspace
from workspaces.services.tokens import token_create
from workspaces.states import Role, Scope

ACTOR = Actor.system("test")
V1 = "/api/v1"


class TableClient(APIClient):
    """Speaks JSON as a member of one workspace, and knows the paths of one table."""

    workspace: Workspace
    user: User

    def table(self, *columns: str | dict[str, Any], name: str = "Leads") -> str:
        """Make a table over the API; answers its path. Columns are names or ``{name, type, …}``."""
        wanted = [{"name": each} if isinstance(each, str) else each for each in columns]
        answer = self.post(f"{V1}/tables/", {"name": name, "columns": wanted}, format="json")
        assert answer.status_code == 201, answer.json()
        return f"{V1}/tables/{answer.json()['id']}"

    def workflow(self) -> Workflow:
        """A workflow with a ``live`` version whose result is ``{"value": …}``."""
        return workflow_make(self.workspace, chain(setting("greet", "Hello {{ row.name }}")))

    def rows(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """The rows of a list."""
        answer = self.get(f"{path}/rows/", query)
        assert answer.status_code == 200, answer.json()
        return list(answer.json()["results"])


def client_make(name: str, role: Role = Role.ADMIN, scope: Scope = Scope.WRITE) -> TableClient:
    """A person, their workspace, and a token of it."""
    user = User.objects.create_user(f"person-{name}")
    workspace = Workspace.objects.create(name=name, slug=name)
    membership = Membership.objects.create(workspace=workspace, user=user, role=role)
    client = TableClient(headers={"accept": "application/json"})
    token = token_create(membership=membership, name="test", scope=scope, actor=ACTOR)[1]
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    client.workspace, client.user = workspace, user
    return client
