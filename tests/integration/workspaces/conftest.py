"""Two workspaces with people of every role, and clients that speak for them.

Django is imported inside the fixtures: pytest reads this file before the services and settings stand.
"""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from rest_framework.test import APIClient

    from tests.integration.workspaces.people import Join
    from workspaces.models import User, Workspace


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    from workspaces.api.throttling import CALLERS
    from workspaces.pages.login import ATTEMPTS

    for limiter in (CALLERS, ATTEMPTS):
        limiter._paid_at.clear()


@pytest.fixture
def admin(db: None) -> "User":
    from tests.integration.workspaces.people import person

    return person("ada")


@pytest.fixture
def workspace(admin: "User") -> "Workspace":
    from tests.integration.workspaces.people import ACTOR
    from workspaces.services.workspaces import workspace_create

    return workspace_create(name="Acme Research", owner=admin, actor=ACTOR)


@pytest.fixture
def join(workspace: "Workspace") -> "Join":
    """`join("vera", "viewer")`: a new person in the workspace."""

    def joined(name: str, role: str) -> "User":
        from tests.integration.workspaces.people import ACTOR, person
        from workspaces.services.members import member_add
        from workspaces.states import Role

        return member_add(workspace=workspace, user=person(name), role=Role(role), actor=ACTOR).user

    return joined


@pytest.fixture
def editor(join: "Join") -> "User":
    return join("edgar", "editor")


@pytest.fixture
def viewer(join: "Join") -> "User":
    return join("vera", "viewer")


@pytest.fixture
def outsider(db: None) -> "User":
    from tests.integration.workspaces.people import person

    return person("oscar")


@pytest.fixture
def foreign(outsider: "User") -> "Workspace":
    from tests.integration.workspaces.people import ACTOR
    from workspaces.services.workspaces import workspace_create

    return workspace_create(name="Elsewhere", owner=outsider, actor=ACTOR)


@pytest.fixture
def admin_client(admin: "User", workspace: "Workspace") -> "APIClient":
    from tests.integration.workspaces.people import bearer, token_for

    return bearer(token_for(admin, workspace))


@pytest.fixture
def viewer_client(viewer: "User", workspace: "Workspace") -> "APIClient":
    from tests.integration.workspaces.people import bearer, token_for
    from workspaces.states import Scope

    return bearer(token_for(viewer, workspace, Scope.READ))
