"""Who uses the demo: a person with a password of this checkout, a workspace, and a token for the command itself.

Runs in a process that has the database (`manage.py demo --prepare`). Doing it again changes nothing but the token.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from django.utils import timezone

from config.runtime import write_private
from workspaces.actors import Actor
from workspaces.models import ApiToken, Membership, User, Workspace
from workspaces.services.members import member_add
from workspaces.services.tokens import token_create, token_revoke
from workspaces.services.workspaces import workspace_create
from workspaces.states import Role, Scope

NAME: Final = "demo"
WORKSPACE: Final = "Demo"
TOKEN_NAME: Final = "make demo"  # noqa: S105 - a name, not a secret
TOKEN_LIVES: Final = timedelta(hours=1)
ACTOR: Final = Actor.system("demo")


def account_ready(password_file: Path) -> dict[str, Any]:
    """Make what is missing. Answers `{username, password, token}`; no password when the person has set their own."""
    user, password = _user(password_file)
    workspace = Workspace.objects.filter(slug=NAME).first() or workspace_create(
        name=WORKSPACE, owner=user, actor=ACTOR, slug=NAME
    )
    membership = Membership.objects.filter(user=user, workspace=workspace).first() or member_add(
        workspace=workspace, user=user, role=Role.ADMIN, actor=ACTOR
    )
    for earlier in ApiToken.objects.live().filter(user=user, workspace=workspace, name=TOKEN_NAME):
        token_revoke(token=earlier, actor=ACTOR)
    _, token = token_create(
        membership=membership,
        name=TOKEN_NAME,
        scope=Scope.WRITE,
        actor=ACTOR,
        expires_at=timezone.now() + TOKEN_LIVES,
    )
    return {"username": user.get_username(), "password": password, "token": token}


def _user(password_file: Path) -> tuple[User, str | None]:
    """The person, and the password kept for them unless they changed it."""
    user = User.objects.filter(username=NAME).first()
    if user is not None and password_file.exists():
        kept = password_file.read_text()
        return user, kept if user.check_password(kept) else None
    password = secrets.token_urlsafe(9)
    user = user or User(username=NAME)
    user.set_password(password)
    user.save()
    write_private(password_file, password)
    return user, password
