"""Who may change a trigger, and who may start one (`scheduler.md` section 5)."""

from __future__ import annotations

from uuid import UUID

from scheduler.errors import RunAsForbidden
from scheduler.models import Trigger
from workspaces.actors import Actor
from workspaces.states import Role


def may_change(trigger: Trigger, user_id: UUID | None, role: Role) -> bool:
    """Admins, who made it, and whom it runs as; all of them editors at least."""
    mine = user_id is not None and user_id in {trigger.created_by_id, trigger.run_as_user_id}
    return role == Role.ADMIN or mine


def may_start(trigger: Trigger, user_id: UUID | None, role: Role) -> bool:
    """Whom it runs as; what runs in somebody else's name is started by admins only."""
    return role == Role.ADMIN or trigger.run_as_user_id == user_id


def start_require(trigger: Trigger, actor: Actor, role: Role) -> None:
    """Raise ``RunAsForbidden`` unless the actor may start it."""
    if not may_start(trigger, actor.user_id, role):
        raise RunAsForbidden
