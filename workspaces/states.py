"""Roles of people, scopes of tokens, and what a request may be declared to require.

Order is meaning here: viewer < editor < admin and read < run < write. Everything that compares
them goes through `rank`, so that no second list of them exists.
"""

from dataclasses import dataclass
from typing import Final, Literal

from django.db import models


class Role(models.TextChoices):
    """What a member may do in a workspace; each includes the ones before it."""

    VIEWER = "viewer", "viewer"
    EDITOR = "editor", "editor"
    ADMIN = "admin", "admin"

    @property
    def rank(self) -> int:
        """Place in the order; higher may do more."""
        return list(Role).index(self)


class Scope(models.TextChoices):
    """What an API token may do at most; each includes the ones before it."""

    READ = "read", "read"
    RUN = "run", "run"
    WRITE = "write", "write"

    @property
    def rank(self) -> int:
        """Place in the order; higher may do more."""
        return list(Scope).index(self)


@dataclass(frozen=True, slots=True)
class Requirement:
    """The least role, and for a token the least scope, that a request needs."""

    role: Role
    scope: Scope

    def allows(self, role: Role, scope: Scope) -> bool:
        """Whether a caller with this role and scope meets the requirement."""
        return role.rank >= self.role.rank and scope.rank >= self.scope.rank


Access = Literal["read", "run", "write", "admin", "own"]

REQUIREMENTS: Final[dict[Access, Requirement]] = {
    "read": Requirement(Role.VIEWER, Scope.READ),
    "run": Requirement(Role.EDITOR, Scope.RUN),
    "write": Requirement(Role.EDITOR, Scope.WRITE),
    "admin": Requirement(Role.ADMIN, Scope.WRITE),
    # Changes that touch nothing but the caller's own place, such as leaving a workspace.
    "own": Requirement(Role.VIEWER, Scope.WRITE),
}

LARGEST_SCOPE: Final[dict[Role, Scope]] = {
    Role.VIEWER: Scope.READ,
    Role.EDITOR: Scope.WRITE,
    Role.ADMIN: Scope.WRITE,
}
