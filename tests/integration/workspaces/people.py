"""People, tokens and clients for the tests of this folder."""

from typing import Protocol

from rest_framework.test import APIClient

from workspaces.actors import Actor
from workspaces.models import Membership, User, Workspace
from workspaces.services.tokens import token_create
from workspaces.states import Scope

ACTOR = Actor.system("test")


class Join(Protocol):
    """The `join` fixture."""

    def __call__(self, name: str, role: str) -> User:
        """A new person of this role in the workspace."""


def person(name: str) -> User:
    """An account whose password is `correct horse`."""
    return User.objects.create_user(name, f"{name}@example.org", "correct horse")


def token_for(user: User, workspace: Workspace, scope: Scope = Scope.WRITE) -> str:
    """The plaintext of a new token."""
    membership = Membership.objects.select_related("user").get(user=user, workspace=workspace)
    return token_create(membership=membership, name="test", scope=scope, actor=ACTOR)[1]


def bearer(plaintext: str) -> APIClient:
    """A client that shows this token."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {plaintext}")
    return client
